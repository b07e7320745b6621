"""Every published network at its full width; tolerances are those of the tests against the original programs."""

from __future__ import annotations

import numpy as np

from flarecli_models.efficientscn import localization_unet, spatial_configuration_net
from flarecli_models.efficientsegnet import coarse_unet, efficientsegnet
from flarecli_models.importers.efficientsegnet_state import coarse_state_keys, fine_state_keys, import_state_dict
from flarecli_models.importers.vgg13_state import layer_weights
from flarecli_models.vgg13_unet import vgg13_unet
from tests.golden.case import Arrays, GoldenCase, thinned
from tests.golden.drawn import efficientsegnet_state, noise, smooth, vgg13_state_and_images, weights_of
from tests.models import model_checks as checks
from tests.models.vgg13_fixtures import OUTPUTS
from tests.shared_data import shared_path


def _localization() -> Arrays:
    model = localization_unet()
    checks.with_weights(model, weights_of(model, seed=101))
    return {"logits": thinned(checks.predict(model, noise((1, 1, 32, 48, 64), 102) / 4))}


def _segmentation() -> Arrays:
    model = spatial_configuration_net()
    checks.with_weights(model, weights_of(model, seed=103))
    scores = checks.predict_each(model, noise((1, 1, 32, 64, 96), 104) / 4)
    return {name: thinned(array) for name, array in scores.items()}


def _coarse() -> Arrays:
    shape = (32, 48, 64)
    model = coarse_unet(shape)
    import_state_dict(model, efficientsegnet_state(model, coarse_state_keys(), seed=11))
    return {"logits": thinned(checks.predict(model, _standardised(shape, 105)))}


def _fine() -> Arrays:
    shape = (64, 64, 128)
    model = efficientsegnet(shape)
    import_state_dict(model, efficientsegnet_state(model, fine_state_keys(), seed=31))
    return {"logits": thinned(checks.predict(model, _standardised(shape, 106)), 5)}


def _standardised(shape: tuple[int, int, int], seed: int) -> np.ndarray:
    image = smooth(shape, seed) + 0.3 * noise(shape, seed + 50)
    return ((image - image.mean()) / image.std()).astype(np.float32)[None, None]


def _vgg13() -> Arrays:
    state, image, grey = vgg13_state_and_images()
    model = vgg13_unet((64, 96), deep_supervision=True)
    checks.with_weights(model, layer_weights(state, deep_supervision=True))
    scores = checks.predict_each(model, np.concatenate([image, np.repeat(grey, 3, axis=1)]))
    own = checks.with_weights(vgg13_unet((64, 96), batch_statistics=True), layer_weights(state))
    return {
        **{name: thinned(array[:1], 3) for name, array in scores.items()},
        "grey": thinned(scores["final"][1:], 3),
        "grey_own_statistics": thinned(checks.predict(own, np.repeat(grey, 3, axis=1)), 3),
    }


def _original_vgg13() -> Arrays:
    with np.load(shared_path("fixtures/vgg13_deepsup.npz")) as fixture:
        keys = {
            **{name: "logits" if name == "final" else name for name in OUTPUTS},
            "grey": "gray_logits",
            "grey_own_statistics": "gray_logits_bn_batch_stats",
        }
        return {name: thinned(fixture[key], 3) for name, key in keys.items()}


CASES = {
    "efficientscn_localization": GoldenCase(_localization, {"": 2e-3}),
    "efficientscn_segmentation": GoldenCase(_segmentation, {"final": 1e-5, "local": 1e-4, "spatial": 1e-4}),
    "efficientsegnet_coarse": GoldenCase(_coarse, {"": 1e-3}, mean_atol=1e-4),
    "efficientsegnet_fine": GoldenCase(_fine, {"": 1e-3}, mean_atol=1e-4),
    "vgg13": GoldenCase(_vgg13, {"": 1e-3}, original=_original_vgg13),
}
