"""Training on real and synthetic scans: selection of recipe and data, interleaved samples."""
