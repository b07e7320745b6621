"""What `flare predict` does with files that exist."""

from __future__ import annotations

from flarecli.errors import UsageError


def choice_for_existing(*, overwrite: bool, resume: bool) -> str:
    """Whether to "overwrite" them, to "resume" their run, or to "refuse".

    Raises:
        UsageError: when both options are given.
    """
    if overwrite and resume:
        raise UsageError("two options exclude each other", seen="--overwrite and --resume", remedy="Give one of them.")
    return "overwrite" if overwrite else "resume" if resume else "refuse"
