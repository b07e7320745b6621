"""Weights of the networks: where they lie, what their cards say, and how published ones get in."""
