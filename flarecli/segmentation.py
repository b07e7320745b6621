"""Segmentation from Python: `segment` for one scan, `Segmenter` for many; nothing is written unless it is saved.

Example:
    >>> import flarecli
    >>> result = flarecli.segment("scan.nii.gz")  # doctest: +SKIP
    >>> result.organs["liver"].volume_ml, result.confidence["liver"].verdict  # doctest: +SKIP
    (1474.9, <OrganQuality.GOOD: 'good'>)
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np

from flarecli.dicom.collection.detection import is_collection
from flarecli.dicom.collection.series_files import SeriesFiles
from flarecli.errors import UsageError
from flarecli.geometry import Grid
from flarecli.measures.quality import OrganConfidence
from flarecli.measures.statistics import OrganStatistics
from flarecli.prediction.cases import Case
from flarecli.prediction.output_options import OutputOptions
from flarecli.prediction.outputs import check_outputs
from flarecli.prediction.predictor import EngineRequest, Predictor
from flarecli.prediction.record import label_names
from flarecli.prediction.region import Region
from flarecli.prediction.result import Result
from flarecli.prediction.scan_content import ScanContent, content_of
from flarecli.prediction.writing import record_of, write_result
from flarecli.steps import Steps
from flarecli.systems import DEFAULT_SYSTEM
from flarecli.volume import Volume, read_volume
from flarecli.volume.in_memory import volume_of_array, volume_of_nibabel

if TYPE_CHECKING:
    import nibabel

Source: TypeAlias = (
    "str | os.PathLike[str] | SeriesFiles | nibabel.spatialimages.SpatialImage | tuple[np.ndarray, np.ndarray]"
)
"""A scan: the path of a file or of a folder with a DICOM series, or of folders, a zip archive or a DICOMDIR with one; a
series of `flarecli.dicom.collection.catalogue_of`; a nibabel image, or `(voxels_zyx, affine_ras)`."""


@dataclass(frozen=True)
class SegmentationResult:
    """The organs of one scan.

    Attributes:
        warnings: What is unusual about the scan or the result, in sentences that the user must see.
    """

    warnings: tuple[str, ...]
    _result: Result = field(repr=False)
    _content: ScanContent = field(repr=False)
    _steps: Steps = field(repr=False)

    @cached_property
    def labels(self) -> np.ndarray:
        """Label map as a uint8 array of shape (z, y, x) on the axes of the source: 0 background, 1 liver, 2 kidneys,
        3 spleen, 4 pancreas.

        Voxel [z, y, x] belongs to voxel [z, y, x] of an array that was given, and to voxel [x, y, z] of a NIfTI file
        as nibabel reads it. It cannot be written to.
        """
        stored = np.ascontiguousarray(self._volume.source.orientation.stored_view(self._result.segmentation.labels).T)
        stored.setflags(write=False)
        return stored

    @cached_property
    def grid(self) -> Grid:
        """Where the voxels of `labels` lie: shape and spacing along z, y, x, and the affine from (x, y, z) to mm."""
        source = self._volume.source
        x, y, z = source.shape_ijk
        step_x, step_y, step_z = source.spacing_ijk_mm
        return Grid((z, y, x), (step_z, step_y, step_x), source.affine_ras)

    @cached_property
    def organs(self) -> Mapping[str, OrganStatistics]:
        """What each organ measures, absent ones too, by name: volume, HU, extent, position."""
        return {organ.name: organ for organ in self._result.organs}

    @cached_property
    def kidneys(self) -> Mapping[str, OrganStatistics]:
        """What "right kidney" and "left kidney" measure alone, absent ones too, by name."""
        return {side.name: side for side in self._result.kidneys}

    @cached_property
    def confidence(self) -> Mapping[str, OrganConfidence]:
        """How far each organ can be trusted, with reasons and the evidence they rest on."""
        return {organ.name: organ for organ in self._result.confidence}

    @cached_property
    def record(self) -> dict[str, Any]:
        """How the label map was made and what came out, JSON-serialisable; `save` writes it beside the label map."""
        labels = {"file": "", "sha256": hashlib.sha256(self.labels.data).hexdigest()}
        times, names = self._steps.times, label_names(sides=False)
        return record_of(self._result, self._content, times, {"labels": labels}, scan=self._volume.path, names=names)

    @cached_property
    def labels_with_sides(self) -> np.ndarray:
        """`labels` with the kidneys told apart: 2 is the right one, 5 the left one."""
        stored = np.ascontiguousarray(self._volume.source.orientation.stored_view(self._result.sides.labels).T)
        stored.setflags(write=False)
        return stored

    def to_nibabel(self) -> nibabel.Nifti1Image:
        """The label map as a nibabel image that lies exactly on the scan."""
        import nibabel

        source = self._volume.source
        header = source.nifti_header.copy()
        header.set_data_dtype(np.uint8)
        image_type = nibabel.Nifti2Image if isinstance(header, nibabel.Nifti2Header) else nibabel.Nifti1Image
        return image_type(self.labels.T, header.get_best_affine(), header)

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        split: bool = False,
        preview: str | os.PathLike[str] | None = None,
        sides: bool = False,
        dicom: Sequence[str] = (),
        labelmap: bool = False,
        mesh: str | None = None,
        reference: str | os.PathLike[str] | None = None,
        anonymous: bool = False,
        overwrite: bool = False,
    ) -> Path:
        """Write the label map and its record (same name, `.json`), all files or none.

        Args:
            path: Ends in `.nii.gz`, `.nii`, `.nrrd` or `.mha`; in `.dcm` for a DICOM segmentation.
            split: Also write one mask per organ.
            preview: Picture of slices with the organs' contours to write, ends in `.png`.
            sides: Tell the kidneys apart in the label map: 2 is the right one, 5 the left one.
            dicom: DICOM objects of a DICOM scan to write beside the label map, among "seg", "rtstruct" and "sr".
            labelmap: Write the DICOM segmentation as LABELMAP in place of BINARY.
            mesh: Write one mesh per organ, "stl", "obj" or "glb".
            reference: For a scan that is not DICOM, the series that it was converted from, for DICOM objects.
            anonymous: Leave out what may identify the patient: the scan's path, names of its files and texts of its
                headers; DICOM objects then belong to no study.
            overwrite: Replace files that exist.

        Returns:
            Path of the label map.

        Raises:
            UsageError: when a name has another ending, or two outputs would be one file.
            OutputError: when a file exists, or cannot be written.
        """
        labels = Path(path)
        picture = None if preview is None else Path(preview)
        series = None if reference is None else Path(reference)
        case = Case(labels.name.split(".")[0], self._volume.path, labels)
        options = OutputOptions(
            split,
            None if picture is None else lambda _: picture,
            sides,
            tuple(dicom),
            labelmap,
            mesh,
            None if series is None else lambda _: series,
            anonymous,
        )
        check_outputs([case], options, "overwrite" if overwrite else "refuse")
        study = options.study_of(case, self._volume)
        write_result(case, self._result.in_study(study), options, Steps(times=list(self._steps.times)), self._content)
        return labels

    def picture(self, title: str = "") -> bytes:
        """Slices with the organs' contours as a PNG picture."""
        import io

        from flarecli.preview import draw_sheet

        content = io.BytesIO()
        draw_sheet(self._volume, self._result.segmentation.labels, title).save(content, format="PNG")
        return content.getvalue()

    @property
    def _volume(self) -> Volume:
        return self._result.volume

    def _repr_html_(self) -> str:
        """For notebooks: volumes, verdicts and the preview picture."""
        import base64
        from html import escape

        rows = []
        for name, organ in self.organs.items():
            found = self.confidence.get(name)
            verdict = "" if found is None else escape("; ".join((str(found.verdict), *found.reasons)))
            rows.append(f"<tr><td>{escape(name)}</td><td>{organ.volume_ml:.0f} mL</td><td>{verdict}</td></tr>")
        picture = base64.b64encode(self.picture()).decode("ascii")
        warnings = "".join(f"<p>{escape(sentence)}</p>" for sentence in self.warnings)
        return (
            f"<table>{''.join(rows)}</table>{warnings}"
            f'<img alt="Slices of the scan with the contours of the organs" width="800" '
            f'src="data:image/png;base64,{picture}">'
        )


class Segmenter:
    """A system with its networks loaded once, for scan after scan.

    May be called from several threads: they are served one after another, reading and measuring in parallel.

    Args:
        system: Name of the system; `flarecli.systems()` lists them.
        weights: A set of weights, folder or file, or several; `NETWORK=...` for one network.
        region: "auto", "full", or two opposite corners (x0, y0, z0, x1, y1, z1) in world mm (RAS).
        backend: "openvino", "tensorflow", "torch", "jax" or "auto".
        device: "cpu", "gpu" or "auto".
        precision: "float32", "bfloat16", "float16", "int8" or "auto".
        threads: Processor threads; all that this process may use where None.
        max_gpu_mb: Limit of this process's GPU memory in MB (10^6 bytes).

    Raises:
        UsageError: for an unknown system or argument.
        InputError: for weights that are not there.

    Example:
        >>> with Segmenter("flarelite") as segmenter:  # doctest: +SKIP
        ...     for path in paths:
        ...         segmenter(path).save(f"{path.stem}_organs.nii.gz")
    """

    def __init__(
        self,
        system: str = DEFAULT_SYSTEM,
        *,
        weights: str | Iterable[str] = (),
        region: Region = "auto",
        backend: str = "auto",
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
        max_gpu_mb: float | None = None,
    ) -> None:
        engine = EngineRequest(backend, device, precision, threads, max_gpu_mb)
        choices = [weights] if isinstance(weights, str) else list(weights)
        self._predictor: Predictor | None = Predictor(system, choices, engine, region)
        self._lock = threading.Lock()

    def __call__(self, source: Source, *, series: str | None = None) -> SegmentationResult:
        """Segment one scan.

        Args:
            source: The scan.
            series: Of a path that holds several DICOM series, which: a Series Number or Series Instance UID, either
                with `/` and the number of an acquisition, or a name as `catalogue_of` gives it.

        Raises:
            InputError: when the scan cannot be read, or cannot be a CT scan of a body in HU.
            InstallationError: when the backend or a package that the format needs is not there.
            UsageError: when the source is nothing that can be read, or the segmenter is closed.
        """
        predictor = self._predictor
        if predictor is None:
            raise UsageError("the segmenter is closed", remedy="Make a new one.")
        steps = Steps()
        with steps("read"):
            source = _found(source, series)
            volume = _volume_of(source)
        with self._lock:
            predictor.load(steps)
            segmentation = predictor.segment(volume, steps)
        return SegmentationResult(
            (*volume.warnings, *segmentation.warnings),
            Result(volume, segmentation, predictor.provenance),
            _content_of(source, volume),
            steps,
        )

    def close(self) -> None:
        """Free the networks."""
        with self._lock:
            self._predictor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def segment(
    source: Source,
    *,
    series: str | None = None,
    system: str = DEFAULT_SYSTEM,
    weights: str | Iterable[str] = (),
    region: Region = "auto",
    backend: str = "auto",
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
    max_gpu_mb: float | None = None,
) -> SegmentationResult:
    """Segment liver, kidneys, spleen and pancreas in one CT scan.

    Args:
        source: The path of a file or of a folder with a DICOM series, a nibabel image, or `(voxels_zyx, affine_ras)`:
            HU of shape (z, y, x), and the 4x4 matrix from the index (x, y, z) to world mm (RAS+). See `Source`.
        series: Of a path that holds several DICOM series, which.
        system: Further arguments: see `Segmenter`, which segments many scans with networks loaded once.

    Raises:
        FlareError: as `Segmenter` and its call do.
    """
    with Segmenter(
        system,
        weights=weights,
        region=region,
        backend=backend,
        device=device,
        precision=precision,
        threads=threads,
        max_gpu_mb=max_gpu_mb,
    ) as segmenter:
        return segmenter(source, series=series)


def _found(source: Source, series: str | None) -> Source:
    """The one series of a path that holds several; any other source as it is."""
    if isinstance(source, str | os.PathLike):
        if series is None and not is_collection(Path(source)):
            return source
        from flarecli.dicom.collection.choice import chosen_scan

        return chosen_scan(Path(source), series)
    if series is not None:
        raise UsageError(
            "a series is chosen of something that is not a path",
            seen=type(source).__name__,
            expected="a folder, a zip archive or a DICOMDIR",
            remedy="Leave series out.",
        )
    return source


def view(result: SegmentationResult, *, height: int = 600) -> Any:
    """A result in a notebook: scan and organs in three planes and 3-D, to scroll, zoom and turn.

    Args:
        result: What `segment` or a `Segmenter` gave.
        height: Height of the widget in pixels.

    Returns:
        An `ipyniivue.NiiVue` widget, which shows itself at the end of a cell.

    Raises:
        InstallationError: when ipyniivue is not installed; `pip install 'flarecli[view]'` brings it.
    """
    from flarecli.viewer.widget import notebook_widget

    return notebook_widget(result._volume, result._result.segmentation.labels, height=height)


def _volume_of(source: Any) -> Volume:
    if isinstance(source, str | os.PathLike | SeriesFiles):
        return read_volume(source if isinstance(source, SeriesFiles) else Path(source))
    if isinstance(source, tuple) and len(source) == 2:
        return volume_of_array(*source)
    if hasattr(source, "dataobj") and hasattr(source, "affine"):
        return volume_of_nibabel(source)
    raise UsageError(
        "this is not a scan",
        seen=type(source).__name__,
        expected="a path, a nibabel image, or (voxels_zyx, affine_ras)",
        remedy="Give one of these.",
    )


def _content_of(source: Any, volume: Volume) -> ScanContent:
    if isinstance(source, str | os.PathLike | SeriesFiles):
        return content_of(source if isinstance(source, SeriesFiles) else Path(source))
    digest = hashlib.sha256(volume.voxels.data)
    digest.update(np.ascontiguousarray(volume.grid.affine_ras).data)
    return ScanContent(0, volume.voxels.nbytes, digest.hexdigest())
