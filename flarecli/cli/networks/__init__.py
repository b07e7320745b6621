"""Verbs about the systems and their networks: what there is, weights, export."""
