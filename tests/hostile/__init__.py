"""Hostile and odd inputs, each with the exit code and the words that `flare` must answer with."""
