"""Training samples: scans, real and synthetic, and the samples cut from them."""
