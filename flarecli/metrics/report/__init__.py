"""The scores as one self-contained HTML page."""
