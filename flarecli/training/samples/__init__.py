"""What a network learns from: scans, real and synthetic, and the samples cut from them."""
