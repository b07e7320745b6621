"""The result of segmenting one scan: labels, measurements, quality; written where it is saved."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from flarecli.files.names import label_map_stem
from flarecli.geometry import Grid
from flarecli.measures.quality import OrganConfidence
from flarecli.measures.statistics import OrganStatistics
from flarecli.prediction.case import Case
from flarecli.prediction.output_options import OutputOptions
from flarecli.prediction.outputs import check_outputs
from flarecli.prediction.record import label_names
from flarecli.prediction.result import Result
from flarecli.prediction.scan_content import ScanContent
from flarecli.prediction.writing import record_of, write_result
from flarecli.steps import Steps
from flarecli.volume import Volume

if TYPE_CHECKING:
    import nibabel


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
        case = Case(label_map_stem(labels), self._volume.path, labels)
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
        existing = "overwrite" if overwrite else "refuse"
        check_outputs([case], options, existing)
        study = options.study_of(case, self._volume)
        result, steps = self._result.in_study(study), Steps(times=list(self._steps.times))
        write_result(case, result, options, steps, self._content, existing=existing)
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
