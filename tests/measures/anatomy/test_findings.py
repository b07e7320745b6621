"""Label maps against plain anatomy: each implausible thing is named, and a sound body has none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from flarecli.measures.quality import OrganQuality
from flarecli.organs import KIDNEYS, ORGANS
from tests.measures.anatomy.bodies import (
    FAT_HU,
    LEFT,
    LIVER,
    PANCREAS,
    RIGHT,
    SPACING_MM,
    SPLEEN,
    body,
    ellipsoid,
    judged,
    scan_of,
)


def reasons(labels: np.ndarray, organ: str, hu: np.ndarray | None = None) -> str:
    return "; ".join(judged(labels, hu)[organ].reasons)


def test_a_sound_body_is_good() -> None:
    found = judged(body())
    assert {name: organ.reasons for name, organ in found.items()} == {organ.name: () for organ in ORGANS}
    assert {organ.verdict for organ in found.values()} == {OrganQuality.GOOD}


def test_noise_makes_no_doubt() -> None:
    labels = body()
    noise = np.random.default_rng(0).normal(0, 40, labels.shape)
    found = judged(labels, (scan_of(labels) + noise).astype(np.int16))
    assert {organ.verdict for organ in found.values()} == {OrganQuality.GOOD}


def with_a_thigh() -> np.ndarray:
    """A right kidney that runs on into a thigh: 435 mm from its upper pole."""
    labels = body()
    top = int(np.flatnonzero((labels[:, :, 60:] == KIDNEYS).any(axis=(1, 2)))[-1]) + 1
    labels[top - 145 : top - 20, 16:24, 74:82] = KIDNEYS
    return labels


def test_a_kidney_of_435_mm_failed() -> None:
    found = judged(with_a_thigh())["kidneys"]
    assert found.verdict is OrganQuality.FAILED
    assert "right kidney extends over 435 mm, at most 180 is plausible" in found.reasons


@pytest.mark.parametrize(("missing", "other"), [(LEFT, RIGHT), (RIGHT, LEFT)])
def test_a_missing_kidney_is_a_doubt(missing: str, other: str) -> None:
    found = judged(body(**{missing: None}))["kidneys"]
    assert found.verdict is OrganQuality.CHECK
    assert found.reasons == (f"{missing} not found: nephrectomy or missed",)
    assert [shape.name for shape in found.shapes] == [other]


def test_unequal_kidneys() -> None:
    small = (KIDNEYS, (425.0, 60.0, 110.0), (34.0, 20.0, 20.0))
    assert "left kidney 57 mL, right kidney 171 mL" in reasons(body(left_kidney=small), "kidneys")
    crumb = (KIDNEYS, (425.0, 60.0, 110.0), (15.0, 10.0, 10.0))
    assert "of the left kidney found: nephrectomy, atrophy or missed" in reasons(body(left_kidney=crumb), "kidneys")


def test_a_spleen_on_the_right_side() -> None:
    found = judged(body(spleen=(SPLEEN, (360.0, 150.0, 310.0), (45.0, 35.0, 30.0))))
    assert "lies to the right of the liver" in "; ".join(found["spleen"].reasons)
    assert found["spleen"].verdict is OrganQuality.CHECK


def test_a_mirrored_scan() -> None:
    labels = np.ascontiguousarray(body()[:, :, ::-1])
    assert "mirrored" in reasons(labels, "spleen")
    assert "mirrored" in reasons(labels, "liver")
    assert reasons(labels, "kidneys") == ""


def test_a_liver_of_100_ml_failed() -> None:
    found = judged(body(liver=(LIVER, (490.0, 130.0, 260.0), (29.0, 29.0, 28.5))))["liver"]
    assert found.verdict is OrganQuality.FAILED
    assert "only 100 mL" in found.reasons


def test_an_organ_cut_by_the_border_of_the_scan() -> None:
    found = judged(np.ascontiguousarray(body()[:170]))
    assert "reaches the superior edge of the scan" in found["liver"].reasons
    assert found["kidneys"].verdict is OrganQuality.GOOD


def test_an_organ_cut_inside_the_scan_ends_in_a_flat_face() -> None:
    labels = body()
    labels[165:] = 0
    assert "ends in a flat face (superior): cut off?" in reasons(labels, "liver")


def test_what_is_fat_is_no_organ() -> None:
    labels = body()
    hu = scan_of(labels)
    hu[labels == SPLEEN] = FAT_HU
    found = judged(labels, hu)["spleen"]
    assert found.verdict is OrganQuality.FAILED
    assert "a mean of -100 HU is not that of the organ" in found.reasons


def test_lung_and_fat_within_an_organ_are_mixed_tissue() -> None:
    labels = body()
    hu = scan_of(labels)
    hu[175:, :, :40][labels[175:, :, :40] == SPLEEN] = -700
    assert "mixed tissue" in reasons(labels, "spleen", hu)


def test_a_border_within_tissue_of_the_same_brightness() -> None:
    labels = body(left_kidney=None)
    whole = body()
    labels[(whole == KIDNEYS) & (labels == 0) & ellipsoid((425, 60, 110), (42, 20, 20))] = KIDNEYS
    assert "left kidney hardly any contrast at its border" in reasons(labels, "kidneys", scan_of(whole))
    unenhanced = np.where(whole > 0, 40, scan_of(whole)).astype(np.int16)
    assert "contrast" not in reasons(labels, "kidneys", unenhanced)


def in_parts() -> np.ndarray:
    labels = body()
    labels[165:168][labels[165:168] == SPLEEN] = 0
    return labels


def with_jumps() -> np.ndarray:
    labels = body()
    labels[140:144][labels[140:144] == KIDNEYS] = 0
    labels[140:144, 16:24, 70:74] = KIDNEYS
    return labels


def rough() -> np.ndarray:
    labels = body()
    labels[:, ::3][labels[:, ::3] == PANCREAS] = 0
    labels[:, :, ::3][labels[:, :, ::3] == PANCREAS] = 0
    return labels


@pytest.mark.parametrize(
    ("make", "organ", "reason"),
    [
        (in_parts, "spleen", "in 2 parts, the largest holds"),
        (with_jumps, "kidneys", "right kidney its outline jumps from slice to slice"),
        (rough, "pancreas", "a rough surface"),
        (lambda: body(pancreas=(PANCREAS, (465, 25, 170), (14, 14, 60))), "pancreas", "lies behind the left kidney"),
        (lambda: body(pancreas=(PANCREAS, (465, 110, 300), (14, 14, 60))), "pancreas", "between spleen and liver"),
        (lambda: body(spleen=(SPLEEN, (310, 90, 70), (45, 35, 30))), "spleen", "lies wholly below the liver"),
        (
            lambda: body(right_kidney=(KIDNEYS, (260, 60, 235), (52, 28, 28))),
            "kidneys",
            "right kidney lies wholly below the liver; right and left kidney lie at different heights",
        ),
        (
            lambda: body(left_kidney=(KIDNEYS, (530, 40, 110), (52, 28, 28))),
            "kidneys",
            "left kidney reaches above the liver's dome",
        ),
        (
            lambda: body(left_kidney=(KIDNEYS, (500, 90, 80), (52, 28, 28))),
            "kidneys",
            "of its surface lies on the spleen",
        ),
    ],
)
def test_odd_shapes_and_positions(make: Callable[[], np.ndarray], organ: str, reason: str) -> None:
    assert reason in reasons(make(), organ)
    assert reason not in reasons(body(), organ)


def test_kidneys_that_are_one_part() -> None:
    labels = body()
    labels[140:144, 20:24, 36:80] = KIDNEYS
    assert "right and left kidney are connected across the midline" in reasons(labels, "kidneys")


def test_in_thick_slices_a_flat_end_is_no_doubt() -> None:
    thick = np.ascontiguousarray(body()[1::4])
    hu = scan_of(thick)
    assert "flat face" not in reasons_at(thick, hu, 12.0)


def reasons_at(labels: np.ndarray, hu: np.ndarray, slice_mm: float) -> str:
    found = judged(labels, hu, (slice_mm, *SPACING_MM[1:]))
    return "; ".join(reason for organ in found.values() for reason in organ.reasons)
