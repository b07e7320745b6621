"""Weights of the networks: their folders, their cards, and the import of published ones."""
