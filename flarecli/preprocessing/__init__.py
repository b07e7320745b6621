"""Scans with labels turned into the arrays that networks are trained on, kept in a cache."""

from flarecli.preprocessing.cache import CachedCase, TrainingCache

__all__ = ["CachedCase", "TrainingCache"]
