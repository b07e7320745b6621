"""The networks of every system in slabs: what comes out as a whole comes out in slabs of any thickness."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest

from flarecli_models.efficientscn import localization_unet, spatial_configuration_net
from flarecli_models.efficientsegnet import coarse_unet, efficientsegnet
from flarecli_models.flarelite import locate_unet, refine_unet
from flarecli_models.vgg13_unet import vgg13_unet
from tests.engine import slabs
from tests.models import model_checks as checks

pytestmark = [checks.needs_eager, pytest.mark.usefixtures("weights_of_zero")]

LARGEST_SHARE = 1e-5
"""Of the largest score. Sums of statistics and of convolutions are taken in another order: float32 rounding."""

NETWORKS: dict[str, tuple[Callable[[], keras.Model], str | None, tuple[int, ...]]] = {
    "efficientscn localization": (lambda: localization_unet(filters=3, levels=3), None, (1, 1, 12, 12, 8)),
    "efficientscn segmentation": (
        lambda: spatial_configuration_net(
            local_filters=3, local_levels=3, spatial_filters=2, spatial_levels=2, labels=3
        ),
        "final",
        (1, 1, 16, 8, 16),
    ),
    "efficientsegnet coarse": (lambda: coarse_unet((12, 12, 8), filters=(2, 3, 4)), None, (1, 1, 12, 12, 8)),
    "efficientsegnet fine": (lambda: efficientsegnet((16, 16, 32), filters=(2, 3, 4)), None, (1, 1, 16, 16, 32)),
    "flarelite locate": (lambda: locate_unet(filters=(2, 3, 4)), None, (1, 1, 12, 12, 8)),
    "flarelite refine": (lambda: refine_unet(filters=(2, 3, 4)), None, (1, 5, 12, 8, 20)),
    "vgg13": (lambda: vgg13_unet((32, 48), base_filters=2), None, (2, 3, 32, 48)),
    "vgg13, each slice's statistics": (
        lambda: vgg13_unet((32, 48), base_filters=2, batch_statistics=True),
        None,
        (2, 3, 32, 48),
    ),
}


@pytest.fixture(scope="module", params=list(NETWORKS))
def network(request: pytest.FixtureRequest) -> tuple[keras.Model, str | None, np.ndarray, np.ndarray]:
    """Model, output, batch, and the scores of the whole run."""
    build, output, shape = NETWORKS[request.param]
    slabs.one_thread()
    model = slabs.seeded(build())
    batch = slabs.noise(*shape)
    return model, output, batch, checks.predict(model, batch, output)


Network = tuple[keras.Model, str | None, np.ndarray, np.ndarray]


@pytest.mark.parametrize("largest_rows", [1, 3, 7, None])
def test_any_thickness(network: Network, largest_rows: int | None) -> None:
    model, output, batch, expected = network
    scores, report = slabs.slab_run(model, output)(batch, slabs.PLENTY_BYTES, largest_rows)
    slabs.assert_same(scores, expected, LARGEST_SHARE)
    assert report.row_count == batch.shape[2]
    assert report.rows == batch.shape[2] if largest_rows is None else report.rows <= largest_rows
    assert report.retries == 0


def test_the_least_memory_that_is_asked_for_is_enough(network: Network) -> None:
    from flarecli.engine.slabs import LimitTooLow

    model, output, batch, expected = network
    run = slabs.slab_run(model, output)
    with pytest.raises(LimitTooLow) as caught:
        run(batch, 0)
    least = caught.value.needed_bytes
    with pytest.raises(LimitTooLow):
        run(batch, least - 1)
    scores, report = run(batch, least)
    slabs.assert_same(scores, expected, LARGEST_SHARE)
    assert report.predicted_bytes <= least < run.predicted_whole_bytes(batch.shape)
