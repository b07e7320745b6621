"""Exported systems."""
