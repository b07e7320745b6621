"""The weights that come with the package, on the scan that comes with the project: the README's main job."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from flarecli.metrics.overlap import dice
from flarecli.organs import ORGANS
from flarecli.prediction.batch import predict_cases
from flarecli.prediction.cases import find_cases
from flarecli.prediction.output_options import OutputOptions
from flarecli.prediction.predictor import EngineRequest, Predictor

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"

LEAST_DSC = {
    ("efficientscn", "starter"): {"liver": 0.90, "kidneys": 0.78, "spleen": 0.90, "pancreas": 0.58},
    ("efficientsegnet", "starter"): {"liver": 0.93, "kidneys": 0.88, "spleen": 0.92, "pancreas": 0.52},
    ("flarelite", "standard"): {"liver": 0.95, "kidneys": 0.90, "spleen": 0.93, "pancreas": 0.75},
    ("flarelite", "synthetic"): {"liver": 0.95, "kidneys": 0.90, "spleen": 0.93, "pancreas": 0.75},
    ("vgg13", "starter"): {"liver": 0.90, "kidneys": 0.65, "spleen": 0.83, "pancreas": 0.35},
}


@pytest.mark.slow
@pytest.mark.parametrize(("system", "set_name"), LEAST_DSC)
def test_example_is_segmented_sensibly(system: str, set_name: str, tmp_path: Path) -> None:
    cases = find_cases(EXAMPLES / "phantom_ct_0000.nii.gz", tmp_path / "organs.nii.gz")
    predictor = Predictor(system, [set_name], EngineRequest("openvino", precision="float32"))
    (outcome,) = predict_cases(predictor, cases, extras=OutputOptions())
    assert outcome.record is not None, outcome.error
    found = np.asarray(nibabel.load(tmp_path / "organs.nii.gz").dataobj)
    truth = np.asarray(nibabel.load(EXAMPLES / "phantom_ct.nii.gz").dataobj)
    scores = {organ.name: dice(found == organ.label, truth == organ.label) for organ in ORGANS}
    assert all(scores[name] >= least for name, least in LEAST_DSC[system, set_name].items()), scores
