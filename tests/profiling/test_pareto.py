"""Systems side by side: their points, which are outdone, and the picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from flarecli.errors import InputError, OutputError
from flarecli.profiling.pareto import SystemPoint, draw_pareto, not_dominated, point_of
from flarecli.profiling.profile import CaseProfile, ProfileRequest
from tests.profiling.made_up import SCORES, case_profile, profile


def point(system: str, seconds: float, dsc: float) -> SystemPoint:
    return SystemPoint(system, seconds, dsc, 500.0, 1)


def test_a_point_is_the_mean_of_cases_that_were_scored() -> None:
    scored = replace(case_profile("a"), scores=SCORES)
    failed = CaseProfile(case_profile("b").case, error=InputError("is not a scan", remedy="Look."))
    measured = profile(scored, case_profile("without truth"), failed, request=ProfileRequest("vgg13"))

    found = point_of(measured)

    assert found == SystemPoint("vgg13", pytest.approx(1.1), pytest.approx(0.75), 900, 1)
    assert point_of(profile(case_profile("without truth"))) is None


def test_a_system_that_is_slower_and_no_better_is_outdone() -> None:
    fast, good, slow, equal = (
        point("fast", 1, 0.8),
        point("good", 5, 0.9),
        point("slow", 6, 0.85),
        point("equal", 1, 0.8),
    )

    assert not_dominated([slow, good, fast]) == [fast, good]
    assert not_dominated([fast, equal]) == [fast, equal]


def test_the_picture_tells_outdone_systems_by_their_colour(tmp_path: Path) -> None:
    def colours(*points: SystemPoint) -> set[tuple[int, ...]]:
        draw_pareto(tmp_path / "pareto.png", points, title="one scan")
        with Image.open(tmp_path / "pareto.png") as picture:
            assert picture.format == "PNG"
            pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3)
        values, counts = np.unique(pixels, axis=0, return_counts=True)
        return {tuple(value.tolist()) for value, count in zip(values, counts, strict=True) if count > 300}

    front = colours(point("fast", 1, 0.8), point("good", 5, 0.9))
    with_outdone = colours(point("fast", 1, 0.8), point("good", 5, 0.9), point("slow", 6, 0.85))

    assert len(with_outdone - front) == 1  # the grey of the third
    assert not list(tmp_path.glob(".*"))


def test_a_picture_that_appeared_meanwhile_stays(tmp_path: Path) -> None:
    picture = tmp_path / "systems.png"
    picture.write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        draw_pareto(picture, [point("fast", 1, 0.8)], title="", replaces=False)
    assert picture.read_text() == "mine"
