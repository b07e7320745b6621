"""Weights, cards and checkpoints with random damage: read, or refused by a typed error."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hostile.mutated_weights import KINDS, damaged, outcome

_EXAMPLES = 150


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_read_or_refused(kind: str, tmp_path: Path) -> None:
    content = KINDS[kind](tmp_path)

    @settings(max_examples=_EXAMPLES, deadline=None)
    @given(st.integers(0, 2**32 - 1))
    def check(seed: int) -> None:
        assert outcome(kind, damaged(content, seed), tmp_path)

    check()


@pytest.mark.parametrize("kind", KINDS)
def test_any_bytes_are_read_or_refused(kind: str) -> None:
    @settings(max_examples=_EXAMPLES // 3, deadline=None)
    @given(st.binary(max_size=400))
    def check(content: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            assert outcome(kind, content, Path(folder))

    check()
