"""What a network does when memory is limited or runs out: the same scores, and a record of how."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from flarecli.engine.memory_limited_network import PLANNED_SHARE, MemoryLimitedNetwork, slab_device
from flarecli.engine.memory_use import FEWER_SLICES, IN_SLABS, WHOLE
from flarecli.engine.networks import network_of
from flarecli.engine.runtime import Runtime
from flarecli.errors import InstallationError, UsageError
from flarecli_models.flarelite import refine_unet
from flarecli_models.vgg13_unet import vgg13_unet
from tests.engine import slabs
from tests.models import model_checks as checks

pytestmark = [checks.needs_eager, pytest.mark.usefixtures("weights_of_zero")]

VOLUMES = (5, 12, 8, 8)
SLICES = (7, 3, 32, 32)


def limited(allocator_mb: float) -> Runtime:
    """A runtime on the processor that keeps to a limit as if it had a GPU; 300 MB are its context."""
    from dataclasses import replace

    return replace(slabs.one_thread(), max_gpu_mb=allocator_mb + 300.0, allocator_mb=allocator_mb)


def guarded(model: keras.Model, runtime: Runtime | None = None) -> MemoryLimitedNetwork:
    network = network_of(model, runtime or slabs.one_thread())
    assert isinstance(network, MemoryLimitedNetwork)
    return network


def failing(network: MemoryLimitedNetwork, monkeypatch: pytest.MonkeyPatch, most_samples: int = 0) -> list[int]:
    """Let whole runs of more samples than that fail for lack of memory; returns the sizes that were tried."""
    whole, tried = network._whole._scores, []

    def scores(batch: np.ndarray) -> np.ndarray:
        tried.append(len(batch))
        if len(batch) > most_samples:
            raise slabs.full_memory()
        return whole(batch)

    monkeypatch.setattr(network._whole, "_scores", scores)
    return tried


@pytest.fixture(scope="module")
def volumes_model() -> keras.Model:
    return slabs.seeded(refine_unet(filters=(2, 3)))


@pytest.fixture(scope="module")
def slices_model() -> keras.Model:
    return slabs.seeded(vgg13_unet((32, 32), base_filters=2))


@pytest.fixture(scope="module")
def whole_volume(volumes_model: keras.Model) -> np.ndarray:
    """Scores of the volume as a whole."""
    return guarded(volumes_model)(slabs.noise(*VOLUMES))


@pytest.fixture(scope="module")
def whole_slices(slices_model: keras.Model) -> np.ndarray:
    """Scores of all slices at once."""
    return guarded(slices_model)(slabs.noise(*SLICES))


def test_nothing_is_done_without_need(volumes_model: keras.Model) -> None:
    network = guarded(volumes_model)
    network(slabs.noise(*VOLUMES))
    use = network.take_memory_use()
    assert (use.computed, use.slabs, use.out_of_memory) == (WHOLE, 0, 0)
    assert use.warning("refine") is None


def test_a_limit_that_suffices_changes_nothing(volumes_model: keras.Model) -> None:
    network = guarded(volumes_model, limited(1000.0))
    network(slabs.noise(*VOLUMES))
    use = network.take_memory_use()
    assert use.computed == WHOLE
    assert use.predicted_mb is not None
    assert use.predicted_mb > 0


def test_a_limit_makes_slabs(volumes_model: keras.Model, whole_volume: np.ndarray) -> None:
    network = guarded(volumes_model, limited(0.15))
    slabs.assert_same(network(slabs.noise(*VOLUMES))[None], whole_volume[None], 1e-5)
    use = network.take_memory_use()
    assert use.computed == IN_SLABS
    assert use.slab_rows is not None
    assert use.slab_rows < use.input_rows == 12
    assert use.predicted_mb is not None
    assert use.predicted_mb <= 0.15
    assert use.warning("refine") is None
    assert network.take_memory_use().computed == WHOLE


def test_a_limit_below_the_thinnest_slab_says_what_it_would_take(volumes_model: keras.Model) -> None:
    network = guarded(volumes_model, limited(0.02))
    with pytest.raises(UsageError, match="does not fit the limit of GPU memory") as caught:
        network(slabs.noise(*VOLUMES))
    assert caught.value.seen == "--max-gpu-mb 300.02"
    assert "300 for the GPU's context" in str(caught.value.expected)


def test_memory_that_runs_out_leads_to_slabs_from_then_on(
    volumes_model: keras.Model, whole_volume: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = slabs.noise(*VOLUMES)
    network = guarded(volumes_model)
    tried = failing(network, monkeypatch)
    for _ in range(2):
        slabs.assert_same(network(image)[None], whole_volume[None], 1e-5)
    assert tried == [1]
    use = network.take_memory_use()
    assert (use.computed, use.out_of_memory) == (IN_SLABS, 1)
    assert "ran out in the network 'refine'" in str(use.warning("refine"))


def test_other_errors_are_not_mistaken(volumes_model: keras.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    network = guarded(volumes_model)

    def scores(batch: np.ndarray) -> np.ndarray:
        raise RuntimeError("shape mismatch")

    monkeypatch.setattr(network._whole, "_scores", scores)
    with pytest.raises(RuntimeError, match="shape mismatch"):
        network(slabs.noise(*VOLUMES))


def test_slices_are_taken_fewer_at_a_time(
    slices_model: keras.Model, whole_slices: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = guarded(slices_model)
    tried = failing(network, monkeypatch, most_samples=2)
    slabs.assert_same(network(slabs.noise(*SLICES)), whole_slices, 1e-5)
    assert tried[:2] == [7, 3]
    assert set(tried[2:]) == {1}
    assert network.take_memory_use().computed == FEWER_SLICES


def test_a_limit_chooses_the_slices_and_slabs_of_one_where_that_is_too_much(
    slices_model: keras.Model, whole_slices: np.ndarray
) -> None:
    batch = slabs.noise(*SLICES)
    weights_mb = 4e-6 * slices_model.count_params()
    one_slice_mb = 1e-6 * slabs.slab_run(slices_model).predicted_whole_bytes((1, *SLICES[1:]))
    found = []
    for slices in (2.5, 0.9):
        network = guarded(slices_model, limited(weights_mb + slices * one_slice_mb / PLANNED_SHARE))
        slabs.assert_same(network(batch), whole_slices, 1e-5)
        found.append(network.take_memory_use().computed)
    assert found == [FEWER_SLICES, IN_SLABS]


class TestSlabsThatRunOutOfMemory:
    """A device that holds no more than some rows."""

    @staticmethod
    def crowded(monkeypatch: pytest.MonkeyPatch, most_rows: int) -> Any:
        device = slab_device(slabs.one_thread())
        load = device.load

        def crowded_load(host: Any, rows: Any) -> Any:
            if rows.height > most_rows:
                raise slabs.full_memory()
            return load(host, rows)

        monkeypatch.setattr(device, "load", crowded_load)
        return device

    def test_thinner_ones_are_taken(self, volumes_model: keras.Model, monkeypatch: pytest.MonkeyPatch) -> None:
        batch = slabs.noise(1, *VOLUMES)
        expected, all_at_once = slabs.slab_run(volumes_model)(batch, slabs.PLENTY_BYTES)
        run = slabs.slab_run(volumes_model, device=self.crowded(monkeypatch, most_rows=5))
        scores, report = run(batch, slabs.PLENTY_BYTES)
        slabs.assert_same(scores, expected, 1e-5)
        assert report.retries > 0
        assert report.rows <= 5
        assert report.slabs > all_at_once.slabs

    def test_without_room_for_one_row_there_is_an_error(
        self, volumes_model: keras.Model, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        network = guarded(volumes_model)
        failing(network, monkeypatch)
        monkeypatch.setattr(network, "_device", self.crowded(monkeypatch, most_rows=0))
        with pytest.raises(InstallationError, match="even in the thinnest slabs") as caught:
            network(slabs.noise(*VOLUMES))
        assert "MB free" in str(caught.value.expected)
