"""Release weights: float16 where that holds them, and never anything else than was trained."""

from __future__ import annotations

import hashlib
from pathlib import Path

import h5py
import numpy as np
import pytest

from flarecli.errors import InputError, OutputError
from flarecli.weights import release
from flarecli.weights.card import Card, read_card, sha256_of, write_weights
from flarecli.weights.release import release_weights

CARD = Card("efficientscn", "localization", "mine", "t", "s", "MIT", "2026-01-01", "")
NORMAL = np.linspace(-2, 2, 60, dtype=np.float32).reshape(3, 4, 5)


def released(folder: Path, values: np.ndarray) -> np.ndarray:
    with h5py.File(folder / "trained.weights.h5", "w") as file:
        file["layers/conv/vars/0"] = values
    with h5py.File(release_weights(folder / "trained.weights.h5", folder / "mine", CARD)) as file:
        return np.asarray(file["layers/conv/vars/0"])


def test_ordinary_values_become_float16(tmp_path: Path) -> None:
    assert released(tmp_path, NORMAL).dtype == np.float16
    assert released(tmp_path, np.zeros(5, np.float32)).dtype == np.float16
    assert released(tmp_path, np.append(NORMAL.ravel(), np.float32(1e-9))).dtype == np.float16


@pytest.mark.parametrize("factor", [1e5, 1e-7, 1e-12, 1e30])
def test_what_float16_cannot_hold_stays_float32(factor: float, tmp_path: Path) -> None:
    values = NORMAL * np.float32(factor)
    stored = released(tmp_path, values)
    assert stored.dtype == np.float32
    np.testing.assert_array_equal(stored, values)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(value: float, tmp_path: Path) -> None:
    values = NORMAL.copy()
    values[1, 1, 1] = value
    with pytest.raises(InputError, match=r"not finite; seen: layers/conv/vars/0"):
        released(tmp_path, values)
    assert list((tmp_path / "mine").iterdir()) == []


def test_what_was_written_is_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored_form = release._stored_form
    monkeypatch.setattr(release, "_stored_form", lambda *arguments: stored_form(*arguments) * np.float16(1.01))
    with pytest.raises(OutputError, match="does not hold what was written"):
        released(tmp_path, NORMAL)


def test_the_card_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is stopped between both leaves a card that an earlier file does not fit."""
    path = tmp_path / "locate.weights.h5"
    write_weights(path, CARD, lambda temporary: temporary.write_bytes(b"earlier"))
    monkeypatch.setattr(Path, "replace", _replace_cards_alone)
    with pytest.raises(KeyboardInterrupt):
        write_weights(path, CARD, lambda temporary: temporary.write_bytes(b"later"))
    assert path.read_bytes() == b"earlier"
    assert read_card(path).sha256 == hashlib.sha256(b"later").hexdigest()


_replace = Path.replace


def _replace_cards_alone(path: Path, target: Path) -> Path:
    if Path(target).suffix == ".h5":
        raise KeyboardInterrupt
    return _replace(path, target)


def test_card_and_file_fit(tmp_path: Path) -> None:
    path = tmp_path / "locate.weights.h5"
    assert write_weights(path, CARD, lambda temporary: temporary.write_bytes(b"a")).sha256 == sha256_of(path)
    assert read_card(path).sha256 == sha256_of(path)
