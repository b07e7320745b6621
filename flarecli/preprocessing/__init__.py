"""Preprocessing of labelled scans to training arrays, which are stored in a cache."""

from flarecli.preprocessing.cache import CachedCase, TrainingCache

__all__ = ["CachedCase", "TrainingCache"]
