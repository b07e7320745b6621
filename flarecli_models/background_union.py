"""Merging of surplus classes into the background."""

from __future__ import annotations

from typing import Any

from keras import ops


def join_background(logits: Any, classes: int, axis: int) -> Any:
    """Logits of `classes` channels, those after them joined with the background, the first one.

    The softmax of the result gives the organs the probabilities that they have among all classes, and the background
    the sum of the others: its logit becomes the logarithm of the sum of exponentials of theirs.
    """
    background, organs, surplus = ops.split(logits, [1, classes], axis=axis)
    union = ops.logsumexp(ops.concatenate([background, surplus], axis=axis), axis=axis, keepdims=True)
    return ops.concatenate([union, organs], axis=axis)
