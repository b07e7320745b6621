"""What the published programs compute, without their files: arrays stored by code that was compared with them."""

from __future__ import annotations

import json

import pytest

from tests.golden.areas import AREAS
from tests.golden.case import FOLDER, stored_arrays
from tests.models import model_checks as checks

pytestmark = pytest.mark.usefixtures("weights_of_zero")

_MAXIMUM_BYTES = 5_000_000

CASES = [(area, name) for area, cases in AREAS.items() for name in cases]


@pytest.mark.parametrize(("area", "name"), CASES, ids=[f"{area}-{name}" for area, name in CASES])
def test_the_golden_arrays_come_out_again(area: str, name: str) -> None:
    case = AREAS[area][name]
    if case.needs_gradients and checks.BACKEND == "openvino":
        pytest.skip("OpenVINO computes no gradients")
    case.check(stored_arrays(area)[name])


def test_no_array_is_stored_without_a_test() -> None:
    assert {area: set(stored_arrays(area)) for area in AREAS} == {area: set(cases) for area, cases in AREAS.items()}
    assert {path.stem for path in FOLDER.glob("*.npz")} == set(AREAS)


def test_the_arrays_are_small_and_say_how_they_were_checked() -> None:
    assert sum(path.stat().st_size for path in FOLDER.glob("*.npz")) < _MAXIMUM_BYTES
    provenance = json.loads((FOLDER / "provenance.json").read_text(encoding="utf-8"))
    assert provenance["parity"]["failed"] == 0
    assert provenance["parity"]["passed"] > 50
