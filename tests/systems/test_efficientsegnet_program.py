"""Both stages of EfficientSegNet with networks of the published program: from HU to its logits and masks."""

from __future__ import annotations

import numpy as np

from flarecli.resample import restore_mask
from flarecli.systems.efficientsegnet import EfficientSegNetConstants
from flarecli.systems.efficientsegnet.inputs import network_input
from flarecli_models.efficientsegnet import coarse_unet, efficientsegnet
from flarecli_models.importers.efficientsegnet_state import import_state_dict
from tests.models import model_checks as checks
from tests.models.efficientsegnet_fixtures import state_of
from tests.shared_data import shared_path

CONSTANTS = EfficientSegNetConstants()


def test_fine_masks_from_hounsfield_units() -> None:
    with np.load(shared_path("fixtures/efficientsegnet_fine_testmode.npz")) as fixture:
        voxels, masks = fixture["input_hu"], fixture["mask"][0]
    with np.load(shared_path("fixtures/efficientsegnet_fine.npz")) as fixture:
        shape = fixture["input"].shape[2:]
        model = efficientsegnet(shape, filters=(4, 8, 16, 32, 64))
        import_state_dict(model, state_of(fixture))
    logits = checks.predict(model, network_input(voxels, shape, CONSTANTS)[None, None])[0]
    for organ_logits, mask in zip(logits, masks, strict=True):
        out = np.empty(mask.shape, bool)
        restore_mask(organ_logits, out.shape, out)
        assert 0 < np.count_nonzero(mask) < mask.size
        assert np.count_nonzero(out != mask) <= 5, "logits within rounding of 0"


def test_coarse_logits_from_hounsfield_units() -> None:
    with np.load(shared_path("fixtures/efficientsegnet_coarse_testmode.npz")) as fixture:
        voxels, expected, masks = fixture["input_hu"], fixture["output"], fixture["mask"]
    with np.load(shared_path("fixtures/efficientsegnet_coarse.npz")) as fixture:
        model = coarse_unet(expected.shape[2:])
        import_state_dict(model, state_of(fixture))
    logits = checks.predict(model, network_input(voxels, expected.shape[2:], CONSTANTS)[None, None])
    checks.assert_close(logits, expected, atol=1e-3)
    assert 0 < np.count_nonzero(masks) < masks.size
    assert np.count_nonzero((logits >= 0) != masks) <= 5, "logits within rounding of 0"
