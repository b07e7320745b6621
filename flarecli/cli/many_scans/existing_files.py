"""What `flare predict` does with files that exist."""

from __future__ import annotations

from flarecli.cli.many_scans.exclusions import check_excluded


def choice_for_existing(*, overwrite: bool, resume: bool) -> str:
    """Whether to "overwrite" them, to "resume" their run, or to "refuse".

    Raises:
        UsageError: when both options are given.
    """
    if overwrite:
        check_excluded("--overwrite", {"--resume": (resume, "Give one of them.")})
    return "overwrite" if overwrite else "resume" if resume else "refuse"
