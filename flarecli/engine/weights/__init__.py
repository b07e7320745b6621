"""Files of weights: what they may hold, and whether a network can use their values."""
