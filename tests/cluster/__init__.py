"""Tests of prediction over a scheduler."""
