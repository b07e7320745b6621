"""DICOM results and meshes of a label map: seconds, bytes, and the DSC of what is read back.

    python -m benchmarks.dicom_results SERIES LABELS [--repeats 5]

LABELS is a label map (1 liver, 2 kidneys, 3 spleen, 4 pancreas) on the grid of the DICOM series SERIES. Each object is
made as `flare predict` makes it, after its scan was segmented; the first of the repeats, which imports packages, stands
apart. Seconds are wall seconds, and in brackets processor seconds, which compare better on a machine with other work.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flarecli.metrics.label_map import Fractions, read_label_map
from flarecli.organs import ORGANS, ORGANS_WITH_SIDES
from flarecli.prediction.cases import Case
from flarecli.prediction.dicom.files import write_report, write_segmentation_object, write_structure_set
from flarecli.prediction.dicom.study import DicomStudy, study_of
from flarecli.prediction.output_options import OutputOptions
from flarecli.prediction.result import Provenance, Result
from flarecli.prediction.result_files import result_files
from flarecli.systems.base import Segmentation
from flarecli.volume import Volume, read_volume


@dataclass(frozen=True)
class _Card:
    sha256: str = "0" * 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("series", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    volume = read_volume(arguments.series)
    labels = read_label_map(arguments.labels, fractions=Fractions.TRUNCATED).labels
    print("x".join(map(str, volume.source.shape_ijk)), "voxels")
    with tempfile.TemporaryDirectory() as folder:
        _times(volume, labels, Path(folder), arguments.repeats)
        _round_trips(_result(volume, labels), Path(folder))


def _result(volume: Volume, labels: np.ndarray, study: DicomStudy | None = None) -> Result:
    segmentation: Any = Segmentation(labels, None, ())  # type: ignore[arg-type]  # its region is not asked for
    provenance: Any = Provenance("flarelite", {"refine": _Card()}, None, {})  # type: ignore[dict-item, arg-type]
    return Result(volume, segmentation, provenance, study or study_of(volume))


def _times(volume: Volume, labels: np.ndarray, folder: Path, repeats: int) -> None:
    """Each object of a fresh result: what it shares with others (headers, sides, statistics) is a row of its own."""
    rows: dict[str, list[tuple[float, float]]] = {}
    sizes: dict[str, int] = {}
    for _ in range(repeats):
        start = _now()
        study = study_of(volume)
        rows.setdefault("headers, before segmenting", []).append(_since(start))
        result = _result(volume, labels, study)
        for name, make, files in _steps(result, folder):
            start = _now()
            make()
            rows.setdefault(name, []).append(_since(start))
            sizes[name] = sum(file.stat().st_size for file in files)
    for name, seconds in rows.items():
        size = f"{sizes[name] / 1e6:9.2f} MB" if sizes.get(name) else " " * 12
        wall, processor = (statistics.median(values) for values in zip(*seconds[1:], strict=True))
        first = f"{seconds[0][0]:6.3f} s ({seconds[0][1]:6.3f})"
        print(f"{name:28s} first {first}, median {wall:6.3f} s ({processor:6.3f}) {size}")


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _since(start: tuple[float, float]) -> tuple[float, float]:
    wall, processor = _now()
    return wall - start[0], processor - start[1]


def _steps(result: Result, folder: Path) -> list[tuple[str, Callable[[], object], list[Path]]]:
    seg, labelmap, rtstruct, sr = (folder / f"{name}.dcm" for name in ("seg", "labelmap", "rtstruct", "sr"))
    steps: list[tuple[str, Callable[[], object], list[Path]]] = [
        ("statistics and sides", lambda: result.statistics, []),
        ("SEG BINARY", lambda: write_segmentation_object(seg, result, labelmap=False), [seg]),
        ("SEG LABELMAP", lambda: write_segmentation_object(labelmap, result, labelmap=True), [labelmap]),
        ("RTSTRUCT", lambda: write_structure_set(rtstruct, result), [rtstruct]),
        ("SR", lambda: write_report(sr, result, labelmap=False), [sr]),
    ]
    for suffix in ("stl", "obj", "glb"):
        options = OutputOptions(mesh=suffix)
        files = [file for file in result_files(Case("m", folder, folder / "m.nii.gz"), options) if "mesh" in file.key]

        def write(files: list[Any] = files) -> None:
            for file in files:
                file.write(file.path, result)

        steps.append((f"meshes, {suffix}", write, [file.path for file in files]))
    return steps


def _round_trips(result: Result, folder: Path) -> None:
    study = result.study
    assert study is not None
    wanted = result.segmented.labels_kji
    shape = wanted.shape
    found = {
        "SEG BINARY": _segments(folder / "seg.dcm", result),
        "SEG LABELMAP": _segments(folder / "labelmap.dcm", result),
        "RTSTRUCT": _contours(folder / "rtstruct.dcm", study.geometry.affine_ras, shape),
    }
    print(f"{'DSC of what is read back':28s}", *(f"{organ.name:>13s}" for organ in ORGANS_WITH_SIDES))
    for name, labels in found.items():
        scores = [_dsc(wanted == organ.label, labels == organ.label) for organ in ORGANS_WITH_SIDES]
        print(f"{name:28s}", *(f"{score:13.5f}" for score in scores))
    from trimesh import load

    shares = []
    for organ in ORGANS:
        mesh: Any = load(folder / f"m_{organ.name}.glb", force="mesh")
        (measured,) = (each for each in result.organs if each.label == organ.label)
        shares.append(f"{organ.name} {100 * (mesh.volume / 1000 / measured.volume_ml - 1):+.2f} %")
    print("volume of meshes:", ", ".join(shares))


def _segments(path: Path, result: Result) -> np.ndarray:
    import highdicom

    read = highdicom.seg.segread(path)
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ result.segmented.affine_ras @ np.eye(4)[:, [2, 1, 0, 3]]
    grid = highdicom.Volume(result.segmented.labels_kji, lps, "PATIENT")
    stored = read.get_volume(combine_segments=True).match_geometry(grid).array
    numbers = {organ.name: organ.label for organ in ORGANS_WITH_SIDES}
    labels = np.zeros(stored.shape, np.uint8)
    for item in read.SegmentSequence:
        if item.SegmentLabel in numbers:
            labels[stored == item.SegmentNumber] = numbers[item.SegmentLabel]
    return labels


def _contours(path: Path, affine_ras: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    import pydicom
    from skimage.draw import polygon2mask

    from_lps = np.linalg.inv(np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine_ras)
    labels = np.zeros(shape, np.uint8)
    for region in pydicom.dcmread(path).ROIContourSequence:
        mask = np.zeros(shape, bool)
        for contour in region.ContourSequence:
            points = np.array(contour.ContourData, np.float64).reshape(-1, 3)
            index = points @ from_lps[:3, :3].T + from_lps[:3, 3]
            mask[round(float(index[0, 2]))] ^= polygon2mask(shape[1:], index[:, [1, 0]])
        labels[mask] = region.ReferencedROINumber
    return labels


def _dsc(wanted: np.ndarray, found: np.ndarray) -> float:
    both = np.count_nonzero(wanted) + np.count_nonzero(found)
    return 2 * np.count_nonzero(wanted & found) / both if both else float("nan")


if __name__ == "__main__":
    main()
