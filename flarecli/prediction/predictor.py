"""A system with its networks, from a scan in memory to files."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from flarecli.engine import Runtime, load_network, start_runtime
from flarecli.errors import InputError, UsageError
from flarecli.geometry import world_box
from flarecli.hardware.thread_limit import thread_limit
from flarecli.prediction.case_result import CaseResult
from flarecli.prediction.cases import Case
from flarecli.prediction.dicom.study import DicomStudy
from flarecli.prediction.failures import error_of_engine
from flarecli.prediction.network_notes import with_notes_of_networks
from flarecli.prediction.output_options import OutputOptions
from flarecli.prediction.predictor_facts import PredictorFacts
from flarecli.prediction.region import Region, checked_region
from flarecli.prediction.result import Provenance, Result
from flarecli.prediction.scan_content import ScanContent, content_of
from flarecli.prediction.writing import write_result
from flarecli.steps import Steps
from flarecli.systems.base import Network, RegionRequest, Segmentation, System
from flarecli.volume import Volume
from flarecli.weights.selection import weighted_system


@dataclass(frozen=True)
class EngineRequest:
    """What the user asked of the engine; see `flarecli.engine.start_runtime`.

    Attributes:
        threads: A whole number of any numeric type, also 4.0; kept as an int.
        max_gpu_mb: A finite number of any numeric type; kept as an int or a float.

    Raises:
        UsageError: when a number is none. Names and limits are checked when the engine starts.
    """

    backend: str = "auto"
    device: str = "auto"
    precision: str = "auto"
    threads: int | None = None
    max_gpu_mb: float | None = None

    def __post_init__(self) -> None:
        threads, max_gpu_mb = _plain_number("threads", self.threads), _plain_number("max_gpu_mb", self.max_gpu_mb)
        if isinstance(threads, float):
            if not threads.is_integer():
                raise UsageError(
                    "threads is not a whole number",
                    seen=repr(self.threads),
                    expected="a whole number, or None",
                    remedy="Give a whole number.",
                )
            threads = int(threads)
        object.__setattr__(self, "threads", threads)
        object.__setattr__(self, "max_gpu_mb", max_gpu_mb)

    def start(self, system: System) -> Runtime:
        """Set up what computes this system's networks.

        Raises:
            UsageError, InstallationError: as `flarecli.engine.start_runtime` does.
        """
        return start_runtime(self.backend, self.device, self.precision, self.threads, self.max_gpu_mb, int8=system.int8)


@dataclass
class Predictor:
    """A system with its networks loaded, ready for scan after scan.

    Weights are looked up at once, so that a wrong choice is known before anything is computed; backend and networks
    are loaded by a background thread while the first scan is read.

    Args:
        system: Name of the system.
        weights: Choices of weights, texts or paths; see `flarecli.weights.store.resolve_weights`.
        engine: Backend, device, precision, threads, limit of GPU memory.
        region: Which part of each scan to segment: a mode, or a box as (x0, y0, z0, x1, y1, z1) in world mm.
        keep_memory: Whether networks keep their working memory from scan to scan. That saves a tenth of their time;
            without, a process that segments one scan needs less memory.

    Raises:
        UsageError: for an unknown system or network, and for an argument of another form.
        InputError: for weights that are not there or damaged.
    """

    system: str
    weights: Iterable[str | os.PathLike[str]] = ()
    engine: EngineRequest = field(default_factory=EngineRequest)
    region: Region = "auto"
    keep_memory: bool = True

    def __post_init__(self) -> None:
        self.region = checked_region(self.region)
        choices = _choices_of_weights(self.weights)
        self.weights = choices
        if not isinstance(self.system, str) or not isinstance(self.engine, EngineRequest):
            raise UsageError(
                "system or engine are asked for in another form",
                seen=f"{self.system!r}, {self.engine!r}",
                expected="the name of a system, an EngineRequest",
                remedy="Give Predictor(system, weights, EngineRequest(...)).",
            )
        chosen = weighted_system(self.system, choices)
        self._system, self._paths, self.cards = chosen.system, chosen.paths, chosen.cards
        self._files = chosen.files
        loading = ThreadPoolExecutor(max_workers=1, thread_name_prefix="flare-load")
        self._loaded: Future[tuple[Runtime, dict[str, Network]]] = loading.submit(self._load)
        loading.shutdown(wait=False)

    def _load(self) -> tuple[Runtime, dict[str, Network]]:
        runtime = self.engine.start(self._system)
        networks: dict[str, Network] = {
            spec.key: load_network(
                spec.build,
                self._paths[spec.key],
                runtime,
                spec.output,
                sha256=self.cards[spec.key].sha256,
                keep_memory=self.keep_memory,
            )
            for spec in self._system.networks
        }
        import scipy.sparse  # noqa: F401 - resampling needs it, and the scan may still be being read

        return runtime, networks

    @property
    def files(self) -> tuple[Path, ...]:
        """The weights files and their cards."""
        return self._files

    def load(self, steps: Steps) -> Runtime:
        """Wait until backend and networks are there; the first call says whether they are.

        Raises:
            UsageError, InputError, InstallationError: when the backend does not exist or cannot start, or weights do
                not fit their network.
        """
        with steps("load"):
            try:
                return self._loaded.result()[0]
            except Exception as error:
                raise error_of_engine(error) from error

    def predict(self, case: Case, volume: Volume, extras: OutputOptions, steps: Steps) -> CaseResult:
        """Segment one scan and write its label map, extras and record.

        Raises:
            FlareError: when the scan cannot be segmented or a file cannot be written.
        """
        study = extras.study_of(case, volume)
        content = content_of(case.source())  # before the networks run: meanwhile the file may change
        self.load(steps)
        segmentation = self.segment(volume, steps)
        return self.finish(case, volume, segmentation, extras, steps, content, study)

    def segment(self, volume: Volume, steps: Steps) -> Segmentation:
        """Segment one scan.

        Raises:
            FlareError: when that cannot be done.
        """
        runtime, networks = self._loaded.result()
        with thread_limit(runtime.threads):
            segmentation = self._system.segment(volume, networks, self._region_of(volume), steps)
        return with_notes_of_networks(segmentation, networks, runtime)

    def completed(self, case: Case, extras: OutputOptions, *, contents: bool = True) -> dict[str, Any]:
        """The record of a case that an earlier run completed just as this one would.

        Args:
            case: The case.
            extras: Additional outputs that are asked for.
            contents: Whether scan and results are read and compared by their checksums.

        Raises:
            CaseDiffersError: when there is none; see `flarecli.prediction.resume`.
            FlareError: when the scan cannot be read, or as `load` does.
        """
        return self.facts.completed(case, extras, contents=contents)

    def finish(
        self,
        case: Case,
        volume: Volume,
        segmentation: Segmentation,
        extras: OutputOptions,
        steps: Steps,
        content: ScanContent,
        study: DicomStudy | None = None,
        *,
        existing: str = "overwrite",
    ) -> CaseResult:
        """Write what belongs to a segmented scan: record, masks, preview and label map, which appear together.

        Networks are not used, so that another thread may segment the next scan at the same time.

        Args:
            case: The case.
            volume: Its scan.
            segmentation: What `segment` found.
            extras: Additional outputs.
            steps: Clock.
            content: Checksum of the scan, for the record.
            study: The DICOM series that results belong to; needed where DICOM objects are written.
            existing: What happens with files that exist then; see `flarecli.prediction.outputs.existing_files`.

        Raises:
            FlareError: when a file cannot be written, or exists and may not be replaced; then none appears, and earlier
                ones stay as they are.
        """
        result = Result(volume, segmentation, self.provenance, study)
        return write_result(case, result, extras, steps, content, existing=existing)

    @property
    def facts(self) -> PredictorFacts:
        """What this predictor is; waits until backend and networks are loaded.

        Raises:
            As `load`.
        """
        return PredictorFacts(self._system.name, self.cards, self._region_asked, self.load(Steps()), self.files)

    @property
    def provenance(self) -> Provenance:
        """How this predictor makes label maps; waits until backend and networks are loaded."""
        runtime, _ = self._loaded.result()
        asked = {"region": self._region_asked, **asdict(self.engine)}
        return Provenance(self._system.name, self.cards, runtime, asked)

    @property
    def _region_asked(self) -> str | list[float]:
        return self.region if isinstance(self.region, str) else list(self.region)

    @property
    def _region_mode(self) -> str:
        return self.region if isinstance(self.region, str) else "box"

    def _region_of(self, volume: Volume) -> RegionRequest:
        if isinstance(self.region, str):
            return RegionRequest(self.region)
        box = world_box(volume.grid, self.region[:3], self.region[3:])
        if any(
            end <= 0 or start >= extent
            for start, end, extent in zip(box.start_mm, box.end_mm, volume.grid.extent_mm, strict=True)
        ):
            raise InputError(
                "the region lies outside the scan",
                path=volume.path,
                seen=f"{', '.join(f'{value:g}' for value in self.region)} mm",
                remedy="Give --roi as x0,y0,z0,x1,y1,z1 in the scan's world coordinates (RAS, mm).",
            )
        return RegionRequest(self._region_mode, box)


def _plain_number(name: str, value: object) -> int | float | None:
    """A number of any type as an int or a float; None stays.

    Raises:
        UsageError: when it is none, or not finite.
    """
    if value is None:
        return None
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise UsageError(
        f"{name} is not a number", seen=repr(value), expected="a finite number, or None", remedy="Give a number."
    )


def _choices_of_weights(weights: object) -> tuple[str, ...]:
    is_list = isinstance(weights, Iterable) and not isinstance(weights, str | Mapping)
    choices: tuple[object, ...] = tuple(weights) if is_list else ()  # type: ignore[arg-type]
    if not is_list or not all(isinstance(choice, str | os.PathLike) for choice in choices):
        raise UsageError(
            "weights must be a list of strings or paths",
            seen=repr(weights),
            expected=f"[{weights!r}]" if isinstance(weights, str | os.PathLike) else "for example ['starter']",
            remedy="Give a list of choices, also of one.",
        )
    return tuple(map(os.fsdecode, choices))  # type: ignore[arg-type]  # checked above
