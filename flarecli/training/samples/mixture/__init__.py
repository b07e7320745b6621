"""Real and synthetic scans in one training: which a user wants, their data, their samples by turns."""
