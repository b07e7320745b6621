"""Segmentation of one scan, and of scan after scan with networks loaded once."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from types import TracebackType
from typing import Self, TypeAlias

from flarecli.errors import UsageError
from flarecli.prediction.predictor import EngineRequest, Predictor
from flarecli.prediction.region import Region
from flarecli.prediction.result import Result
from flarecli.segmentation.result import SegmentationResult
from flarecli.segmentation.source import Source, chosen_source, read_source
from flarecli.steps import Steps
from flarecli.systems import DEFAULT_SYSTEM

Weights: TypeAlias = "str | os.PathLike[str] | Iterable[str | os.PathLike[str]]"
"""One choice of weights, or several."""


class Segmenter:
    """A system with its networks loaded once, for scan after scan.

    May be called from several threads: they are served one after another, reading and measuring in parallel.

    Args:
        system: Name of the system; `flarecli.systems()` lists them.
        weights: A set of weights, folder or file, as a text or a path, or several; `NETWORK=...` for one network.
        region: "auto", "full", or two opposite corners (x0, y0, z0, x1, y1, z1) in world mm (RAS).
        backend: "openvino", "tensorflow", "torch", "jax" or "auto".
        device: "cpu", "gpu" or "auto".
        precision: "float32", "bfloat16", "float16", "int8" or "auto".
        threads: Processor threads, a whole number; all that this process may use where None.
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
        weights: Weights = (),
        region: Region = "auto",
        backend: str = "auto",
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
        max_gpu_mb: float | None = None,
    ) -> None:
        engine = EngineRequest(backend, device, precision, threads, max_gpu_mb)
        choices = [weights] if isinstance(weights, str | os.PathLike) else weights
        self._predictor: Predictor | None = Predictor(system, choices, engine, region)
        self._lock = threading.Lock()

    def __call__(self, source: Source, *, series: str | None = None) -> SegmentationResult:
        """Segment one scan.

        Args:
            source: The scan.
            series: Of a path that holds several DICOM series, which: a Series Number or Series Instance UID, either
                with `/` and the number of an acquisition, or a name as `catalogue_of` gives it.

        Raises:
            InputError: when the scan cannot be read, changes while it is read, or cannot be a CT scan of a body in HU.
            InstallationError: when the backend or a package that the format needs is not there.
            UsageError: when the source is nothing that can be read, or the segmenter is closed.
        """
        predictor = self._predictor
        if predictor is None:
            raise UsageError("the segmenter is closed", remedy="Make a new one.")
        steps = Steps()
        with steps("read"):
            source = chosen_source(source, series)
            volume, content = read_source(source)
        with self._lock:
            predictor.load(steps)
            segmentation = predictor.segment(volume, steps)
        return SegmentationResult(
            (*volume.warnings, *segmentation.warnings),
            Result(volume, segmentation, predictor.provenance),
            content,
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
    weights: Weights = (),
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
