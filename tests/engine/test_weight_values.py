"""Weights that compute nothing are refused or named, also where the graph comes from the cache."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flarecli.engine import load_network
from flarecli.engine.weights.values import warning_of
from flarecli.errors import InputError
from flarecli.weights.card import sha256_of
from tests.engine.small_network import build_localization
from tests.models import model_checks as checks


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLARE_CACHE", str(tmp_path / "cache"))


def written(folder: Path, layer: int | None, value: float) -> Path:
    """Weights whose kernel of one layer, or every array, holds one value."""
    arrays = checks.seeded_weights(build_localization(), seed=31)
    kernels = [name for name in arrays if name.endswith("/kernel")]
    chosen = arrays if layer is None else [kernels[layer]]
    changed = {name: np.full_like(array, value) if name in chosen else array for name, array in arrays.items()}
    model = build_localization()
    for name, array in changed.items():
        path, part = name.rsplit("/", 1)
        getattr(model.get_layer(path), part).assign(array)
    model.save_weights(folder / "a.weights.h5")
    return folder / "a.weights.h5"


def test_a_constant_layer_is_named_again_by_the_cached_graph(tmp_path: Path) -> None:
    weights = written(tmp_path, 1, 0.0)
    named = [load_network(build_localization, weights, checks.runtime()).constant_layers for _ in range(2)]
    assert len(named[0]) == 1
    assert named[0] == named[1]
    sentence = warning_of("localization", named[0])
    assert sentence is not None
    assert named[0][0] in sentence
    assert warning_of("localization", ()) is None


@pytest.mark.parametrize(
    ("layer", "value", "message"),
    [(1, np.nan, "not finite"), (0, -np.inf, "not finite"), (None, 0.0, "a constant in every layer")],
)
def test_weights_that_compute_nothing_are_refused(
    tmp_path: Path, layer: int | None, value: float, message: str
) -> None:
    for _ in range(2):
        with pytest.raises(InputError, match=message):
            load_network(build_localization, written(tmp_path, layer, value), checks.runtime())


def test_another_checksum_is_refused_before_and_after_the_graph_is_kept(tmp_path: Path) -> None:
    weights = written(tmp_path, 0, 0.5)
    for _ in range(2):
        with pytest.raises(InputError, match="is not the weights file that its card describes"):
            load_network(build_localization, weights, checks.runtime(), sha256="0" * 64)
        load_network(build_localization, weights, checks.runtime(), sha256=sha256_of(weights).upper())
