"""Colours of contours, which remain distinguishable in all common forms of colour blindness."""

from __future__ import annotations

GROUND_TRUTH_COLOUR = "#19c3e6"
PREDICTION_COLOUR = "#ff8c1a"
