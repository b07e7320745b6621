"""The official scripts' scores to the last bit, and cases that fail alone."""

from __future__ import annotations

import csv
import math
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
from isal import igzip

from flarecli.errors import InputError
from flarecli.metrics.case import CaseEvaluation, EvaluationStatus, evaluate_case
from flarecli.metrics.evaluation import evaluate
from flarecli.metrics.organ_scores import EvaluationSettings
from flarecli.metrics.pairing import CasePair, label_files, pair_cases, pair_literally
from flarecli.metrics.protocol import FLARE21, FLARE22, Metric
from flarecli.metrics.score_table import write_score_table
from tests.metrics.label_files import AFFINE_RAS, blobs, save_labels, save_reoriented
from tests.shared_data import shared_path

_ALL_METRICS = tuple(Metric)


@pytest.mark.parametrize(
    ("expected", "settings"),
    [
        ("expected.csv", EvaluationSettings(literal=True)),
        ("expected_canonical.csv", EvaluationSettings()),
        ("expected_flare22.csv", EvaluationSettings(protocol=FLARE22, literal=True)),
    ],
)
def test_official_scores(tmp_path: Path, expected: str, settings: EvaluationSettings) -> None:
    fixtures = shared_path("fixtures/evaluate")
    preds, gts = (label_files(str(fixtures / side)) for side in ("pred", "gt"))
    pairs = pair_literally(preds, gts) if settings.literal else pair_cases(preds, gts)[0]
    write_score_table(tmp_path / "scores.csv", evaluate(pairs, settings, jobs=1))
    with (fixtures / expected).open() as theirs, (tmp_path / "scores.csv").open() as ours:
        their_rows, our_rows = list(csv.reader(theirs)), list(csv.reader(ours))
    assert our_rows[0] == their_rows[0] + ([] if settings.literal else ["Status"])
    assert len(our_rows) == len(their_rows) == 22
    for their_row, our_row in zip(their_rows[1:], our_rows[1:], strict=True):
        assert our_row[0] == their_row[0]
        for place, column in enumerate(their_rows[0][1:], start=1):
            ours_value, theirs_value = float(our_row[place]), float(their_row[place])
            if "DSC" in column:
                assert ours_value == theirs_value, f"{our_row[0]} {column}"
            else:
                assert ours_value == pytest.approx(theirs_value, abs=1e-12), f"{our_row[0]} {column}"


def _pair(tmp_path: Path, pred: np.ndarray, gt: np.ndarray, affine: np.ndarray = AFFINE_RAS) -> CasePair:
    return CasePair(
        "a.nii.gz",
        save_labels(tmp_path / "pred" / "a.nii.gz", pred, affine),
        save_labels(tmp_path / "gt" / "a.nii.gz", gt),
    )


def _scored(tmp_path: Path, pred: np.ndarray, gt: np.ndarray, **settings: object) -> CaseEvaluation:
    result = evaluate_case(_pair(tmp_path, pred, gt), EvaluationSettings(**settings))  # type: ignore[arg-type]
    if result.error is not None:
        raise result.error
    return result


def test_orientation_does_not_matter_unless_literal(tmp_path: Path) -> None:
    pair = CasePair(
        "a.nii.gz",
        save_reoriented(tmp_path / "pred.nii.gz", blobs(shift=1), [[2, -1], [0, 1], [1, -1]]),
        save_reoriented(tmp_path / "gt.nii.gz", blobs(), [[0, -1], [1, -1], [2, 1]]),
    )
    plain = _scored(tmp_path, blobs(shift=1), blobs(), metrics=_ALL_METRICS)
    turned = evaluate_case(pair, EvaluationSettings(metrics=_ALL_METRICS))
    for metric in _ALL_METRICS:
        assert turned.scores[metric] == pytest.approx(plain.scores[metric], rel=1e-6), metric
    literal = evaluate_case(pair, EvaluationSettings(literal=True))
    assert literal.error is not None
    assert "differ in shape" in literal.error.problem


def test_all_metrics_of_a_known_shift(tmp_path: Path) -> None:
    pred = blobs(shift=1)
    pred[pred == 4] = 0
    scores = _scored(tmp_path, pred, blobs(), metrics=_ALL_METRICS).scores
    assert scores[Metric.DSC] == (0.75, 0.75, 0.75, 0.0)
    assert scores[Metric.NSD] == (1.0, 1.0, 1.0, 0.0)  # 0.8 mm
    assert scores[Metric.HD95][0] == pytest.approx(0.8)
    assert 0 < scores[Metric.ASSD][0] < 0.8
    assert scores[Metric.HD95][3] == scores[Metric.ASSD][3] == math.inf
    assert scores[Metric.VOLUME] == pytest.approx((0, 0, 0, -48 * 0.8 * 0.9 * 2.5 / 1000), rel=1e-6)


def test_tolerance_by_organ(tmp_path: Path) -> None:
    protocol = FLARE21.with_tolerances({2: 0.5})
    nsd = _scored(tmp_path, blobs(shift=1), blobs(), protocol=protocol).scores[Metric.NSD]
    assert (nsd[0], nsd[2], nsd[3]) == (1, 1, 1)
    assert nsd[1] < 1


def test_other_labels(tmp_path: Path) -> None:
    protocol = FLARE21.with_labels({300: "tumour"})
    pred, gt = (np.where(labels == 3, 300, 0).astype(np.int16) for labels in (blobs(shift=1), blobs()))
    assert _scored(tmp_path, pred, gt, protocol=protocol).scores[Metric.DSC] == (0.75,)


@pytest.mark.parametrize("apart_mm", [0.05, 0.2, 40.0])
def test_pairs_at_different_places_are_refused(tmp_path: Path, apart_mm: float) -> None:
    moved = AFFINE_RAS.copy()
    moved[0, 3] += apart_mm
    pair = _pair(tmp_path, blobs(), blobs(), moved)
    result = evaluate_case(pair, EvaluationSettings())
    if apart_mm < 0.1:
        assert result.status is EvaluationStatus.SCORED
        return
    assert result.error is not None
    assert "different places" in result.error.problem
    assert f"{apart_mm:.4g} mm apart" in str(result.error)
    for accepting in (
        EvaluationSettings(ignore_geometry=True),
        EvaluationSettings(geometry_tolerance_mm=50),
        EvaluationSettings(literal=True),
    ):
        assert evaluate_case(pair, accepting).scores[Metric.DSC] == (1, 1, 1, 1)


def test_a_difference_in_spacing_grows_over_the_volume(tmp_path: Path) -> None:
    stretched = AFFINE_RAS.copy()
    stretched[2, 2] += 0.05
    result = evaluate_case(_pair(tmp_path, blobs(), blobs(), stretched), EvaluationSettings())
    assert "0.45 mm apart" in str(result.error)  # nine steps


def test_different_shapes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"differ in shape; seen: \(11, 14, 16\).*expected: \(10, 14, 16\)"):
        _scored(tmp_path, blobs((16, 14, 11)), blobs(), ignore_geometry=True)


def test_the_same_file_twice_is_said(tmp_path: Path) -> None:
    path = save_labels(tmp_path / "a.nii.gz", blobs())
    result = evaluate_case(CasePair("a", path, path), EvaluationSettings())
    assert result.warnings == ("prediction and ground truth are the same file",)


def test_a_missing_prediction_counts_with_the_worst_scores(tmp_path: Path) -> None:
    gt = save_labels(tmp_path / "a.nii.gz", np.zeros((4, 4, 4), np.uint8))
    result = evaluate_case(CasePair("a", None, gt), EvaluationSettings(metrics=_ALL_METRICS))
    assert result.status is EvaluationStatus.MISSING
    assert result.scores[Metric.DSC] == result.scores[Metric.NSD] == (0, 0, 0, 0)
    assert result.scores[Metric.HD95] == (math.inf,) * 4


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_unreadable_file_fails_alone(tmp_path: Path, jobs: int) -> None:
    pairs = []
    for number in range(4):
        name = f"{number}.nii.gz"
        pairs.append(
            CasePair(
                name,
                save_labels(tmp_path / "pred" / name, blobs(shift=1)),
                save_labels(tmp_path / "gt" / name, blobs()),
            )
        )
    with (tmp_path / "pred" / "1.nii.gz").open("rb+") as file:
        file.truncate(100)
    pairs.append(CasePair("4.nii.gz", None, pairs[0].gt))
    seen: list[str] = []
    evaluation = evaluate(pairs, EvaluationSettings(), jobs=jobs, on_case=lambda case: seen.append(case.name))
    assert [case.status.value for case in evaluation.cases] == [
        "scored",
        "failed",
        "scored",
        "scored",
        "missing",
    ]
    assert sorted(seen) == [pair.name for pair in pairs]
    assert isinstance(evaluation.cases[1].error, InputError)
    assert [case.name for case in evaluation.failures] == ["1.nii.gz", "4.nii.gz"]
    liver = evaluation.summary()[Metric.DSC]["liver"]
    assert (liver.finite, liver.mean) == (4, pytest.approx(0.75 * 3 / 4))
    content = evaluation.as_dict()
    assert content["counts"] == {"counted": 4, "scored": 3, "missing": 1, "failed": 1}
    assert content["cases"][1]["error"]["kind"] == "input"


def test_flare22_scores_tubes_in_labelled_slices_only(tmp_path: Path) -> None:
    gt = np.zeros((12, 12, 10), np.uint8)
    gt[4:8, 4:8, 2:6] = 5
    pred = np.zeros_like(gt)
    pred[4:8, 4:8, :] = 5
    place = [organ.name for organ in FLARE22.organs].index("Aorta")
    assert _scored(tmp_path, pred, gt, protocol=FLARE22).scores[Metric.DSC][place] == 1
    pred[4:8, 4:8, 5] = 0  # the last labelled slice, which the published script leaves out
    assert _scored(tmp_path, pred, gt, protocol=FLARE22).scores[Metric.DSC][place] == 6 / 7
    assert _scored(tmp_path, pred, gt, protocol=FLARE22, literal=True).scores[Metric.DSC][place] == 1


def test_flare22_literal_breaks_off_on_a_single_slice_as_the_script_does(tmp_path: Path) -> None:
    gt = np.zeros((12, 12, 10), np.uint8)
    gt[4:8, 4:8, 2] = 6
    assert _scored(tmp_path, gt, gt, protocol=FLARE22).scores[Metric.DSC] == (1.0,) * 13
    with pytest.raises(InputError, match="IVC lies in a single slice"):
        _scored(tmp_path, gt, gt, protocol=FLARE22, literal=True)


def test_flare22_gives_no_nsd_below_a_dsc_of_one_fifth(tmp_path: Path) -> None:
    gt, pred = np.zeros((2, 20, 12, 10), np.uint8)
    gt[2:6, 2:6, 2:6] = 1
    pred[6:10, 2:6, 2:6] = 1
    assert _scored(tmp_path, pred, gt, protocol=FLARE22).scores[Metric.NSD][0] == 0
    assert _scored(tmp_path, pred, gt, protocol=FLARE21.with_tolerances({1: 5.0})).scores[Metric.NSD][0] > 0.9


@pytest.mark.parametrize(
    ("raised", "problem"), [(MemoryError("2 GB"), "more memory"), (IndexError("x"), "IndexError while the case")]
)
def test_whatever_ends_a_case_stays_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: Exception, problem: str
) -> None:
    def fail(*_: object) -> None:
        raise raised

    path = save_labels(tmp_path / "a.nii.gz", blobs())
    monkeypatch.setattr("flarecli.metrics.case.score_organs", fail)
    result = evaluate_case(CasePair("a", path, path), EvaluationSettings())
    assert result.status is EvaluationStatus.FAILED
    assert problem in str(result.error)


@pytest.mark.parametrize("literal", [False, True])
def test_label_maps_of_different_shape_are_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, literal: bool
) -> None:
    def unpacked(*_: object, **__: object) -> None:
        raise AssertionError

    pred = save_labels(tmp_path / "pred.nii.gz", blobs())
    gt = save_labels(tmp_path / "gt.nii.gz", blobs((17, 14, 10)))
    monkeypatch.setattr("flarecli.metrics.label_map.read_image", unpacked)
    result = evaluate_case(CasePair("a", pred, gt), EvaluationSettings(literal=literal))
    assert "differ in shape" in str(result.error)


def test_a_turned_label_map_has_the_same_shape(tmp_path: Path) -> None:
    gt = save_labels(tmp_path / "gt.nii.gz", blobs())
    pred = save_reoriented(tmp_path / "pred.nii.gz", blobs(), [[2, -1], [0, 1], [1, -1]])
    result = evaluate_case(CasePair("a", pred, gt), EvaluationSettings())
    assert result.scores[Metric.DSC] == (1.0,) * 4


def test_a_label_map_that_unpacks_to_more_than_the_memory_is_refused(tmp_path: Path) -> None:
    side = 2000  # 8 GB of voxels in 8 MB
    header = nibabel.Nifti1Header()
    header.set_data_shape((side, side, side))
    header.set_data_dtype(np.uint8)
    header.set_sform(AFFINE_RAS, 1)
    path = tmp_path / "large.nii.gz"
    with igzip.open(path, "wb", 0) as file:
        header.write_to(file)
        for _ in range(64):
            file.write(bytes(side * side))
    program = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30));"
        "import sys; from pathlib import Path;"
        "from flarecli.metrics.case import evaluate_case; from flarecli.metrics.pairing import CasePair;"
        "from flarecli.metrics.organ_scores import EvaluationSettings;"
        "from flarecli.hardware.memory import peak_rss_mb;"
        "path = Path(sys.argv[1]);"
        "print(evaluate_case(CasePair('a', path, path), EvaluationSettings()).error); print(peak_rss_mb())"
    )
    child = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    told, peak_mb = child.stdout.strip().rsplit("\n", 1)
    assert "needs more memory than is available" in told or "fewer voxels" in told
    assert float(peak_mb) < 600


def mixed_folder(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    sitk = pytest.importorskip("SimpleITK")
    image = sitk.ReadImage(str(save_labels(folder / "source.nii", blobs(shift=1))))
    (folder / "source.nii").unlink()
    for number, suffix in enumerate(suffixes):
        sitk.WriteImage(image, str(folder / f"case_{number}{suffix}"))
    return label_files(str(folder))


def test_every_mix_of_formats_scores_alike(tmp_path: Path) -> None:
    formats = (".nii.gz", ".nrrd", ".mha", ".nhdr", ".mhd")
    preds = mixed_folder(tmp_path / "pred", formats)
    gts = mixed_folder(tmp_path / "gt", (*formats[2:], *formats[:2]))
    results = evaluate(pair_cases(preds, gts)[0], EvaluationSettings(), jobs=1).cases
    assert len(results) == len(formats)
    assert [result.error for result in results] == [None] * len(formats)
    assert all(score == 1 for result in results for scores in result.scores.values() for score in scores)
