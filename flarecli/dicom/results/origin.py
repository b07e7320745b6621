"""The provenance that DICOM results state, and UIDs that are the same when a run is repeated."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

MANUFACTURER = "flare"
NOT_FOR = "Not for clinical use"
"""What every object says where archives and viewers show it."""

_LONGEST_LO = 64
"""Characters of a value of representation LO. Source: DICOM PS3.5 §6.2."""

_NAMESPACE = uuid.UUID("6f1c1d2e-8d0a-5b0e-9f0a-3f2b7c9a4e51")


@dataclass(frozen=True)
class Origin:
    """How a label map was made.

    Attributes:
        system: Name of the segmentation system.
        version: Version of `flare`.
        weights: SHA-256 of the weights of each network.
    """

    system: str
    version: str
    weights: Mapping[str, str]

    @property
    def algorithm(self) -> str:
        """Name of the algorithm, for people."""
        return f"flare {self.system}"

    def series_description(self, content: str) -> str:
        """Series Description of an object with this content, the warning first: lists of series cut what is long."""
        return f"{NOT_FOR}: {self.algorithm} {content}"[:_LONGEST_LO]

    def facts(self) -> list[str]:
        """Everything that distinguishes two ways of making label maps."""
        return [self.system, self.version, *(f"{network}={digest}" for network, digest in sorted(self.weights.items()))]


def repeatable_uid(*facts: str) -> str:
    """A UID that depends on the facts alone. Source: DICOM PS3.5 annex B.2 (derived from a UUID), RFC 9562 §5.5."""
    return f"2.25.{uuid.uuid5(_NAMESPACE, chr(10).join(facts)).int}"
