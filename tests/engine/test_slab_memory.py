"""The device's part of a run in slabs, counted tensor by tensor on PyTorch."""

from __future__ import annotations

from collections.abc import Callable

import keras
import pytest

from flarecli_models.efficientscn import spatial_configuration_net
from flarecli_models.efficientsegnet import efficientsegnet
from flarecli_models.flarelite import refine_unet
from flarecli_models.vgg13_unet import vgg13_unet
from tests.engine import slabs
from tests.models import model_checks as checks

pytestmark = [
    pytest.mark.skipif(checks.BACKEND != "torch", reason="counts the tensors of PyTorch"),
    pytest.mark.usefixtures("weights_of_zero"),
]

LARGEST_SURPLUS = 8.0
"""A prediction may exceed what is counted by this factor: workspaces of convolutions are predicted, but not seen."""

SCALARS_BYTES = 4096
"""Means, variances and scores are not predicted."""

NETWORKS: dict[str, tuple[Callable[[], keras.Model], str | None, tuple[int, ...]]] = {
    "efficientscn": (
        lambda: spatial_configuration_net(local_filters=8, local_levels=3, spatial_filters=8, spatial_levels=2),
        "final",
        (1, 1, 48, 16, 16),
    ),
    "efficientsegnet": (lambda: efficientsegnet((32, 32, 32), filters=(4, 8, 8)), None, (1, 1, 32, 32, 32)),
    "flarelite": (lambda: refine_unet(filters=(8, 8, 8)), None, (1, 5, 40, 24, 24)),
    "vgg13": (lambda: vgg13_unet((96, 96), base_filters=4), None, (1, 3, 96, 96)),
}


@pytest.mark.parametrize("name", list(NETWORKS))
def test_predictions_are_upper_bounds_and_limits_are_kept(name: str) -> None:
    from tests.engine.live_tensors import LiveTensors, WatchedDevice

    build, output, shape = NETWORKS[name]
    model = slabs.seeded(build())
    batch = slabs.noise(*shape)
    slabs.one_thread()

    whole = slabs.slab_run(model, output)
    with LiveTensors() as live:
        checks.predict(model, batch, output)
    predicted_whole = whole.predicted_whole_bytes(shape)
    assert live.peak_bytes <= predicted_whole <= LARGEST_SURPLUS * live.peak_bytes

    peaks = []
    for share in (0.6, 0.35):
        allowed = int(share * predicted_whole)
        with LiveTensors() as live:
            _, report = slabs.slab_run(model, output, WatchedDevice(live))(batch, allowed)
        assert report.slabs > len(model.layers) // 8
        assert 0 < live.peak_bytes <= report.predicted_bytes + SCALARS_BYTES
        assert report.predicted_bytes <= allowed
        assert report.predicted_bytes <= LARGEST_SURPLUS * live.peak_bytes
        peaks.append(live.peak_bytes)
    assert peaks[1] < peaks[0]
