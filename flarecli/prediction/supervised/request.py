"""What another process needs to know to predict as this one would."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from flarecli.prediction.output_options import OutputOptions
from flarecli.prediction.predictor import EngineRequest, Predictor
from flarecli.prediction.region import Region


@dataclass(frozen=True)
class PredictionRequest:
    """How scans are to be segmented; it can be pickled.

    Attributes:
        system: Name of the system.
        weights: Choices of weights.
        engine: Backend, device, precision, threads, limit of GPU memory.
        region: Which part of each scan to segment.
        extras: Additional outputs.
        existing: What to do where files of a case exist: "refuse", "overwrite", "resume", or
            `flarecli.prediction.outputs.RENEW`.
        folder: Where relative paths start, in another process; its working folder where None.
    """

    system: str
    weights: tuple[str, ...] = ()
    engine: EngineRequest = field(default_factory=EngineRequest)
    region: Region = "auto"
    extras: OutputOptions = field(default_factory=OutputOptions)
    existing: str = "overwrite"
    folder: Path | None = None

    def predictor(self, *, keep_memory: bool = True) -> Predictor:
        """A predictor that begins to load its networks.

        Args:
            keep_memory: Whether networks keep their working memory from scan to scan.

        Raises:
            UsageError, InputError: as `Predictor` does.
        """
        return Predictor(self.system, self.weights, self.engine, self.region, keep_memory)
