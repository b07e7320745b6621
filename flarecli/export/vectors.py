"""Self-test vectors: what the networks and the whole method give for a small synthetic scan."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flarecli.systems.base import Network

SCAN_SHAPE_ZYX, SCAN_SPACING_MM = (32, 76, 96), (5.0, 4.2, 4.2)
"""The scan of the self-test: the 16 cm of an abdomen that hold the four organs, in 230,000 voxels."""

_TOLERANCE = 1e-3
"""Of scores, as a share of their largest magnitude: ten times what separates OpenVINO from onnxruntime in float32."""

_DIFFERING_SHARE = 1e-3
"""Of organ voxels: scores of a synthetic scan that are nearly equal may differ in another arithmetic."""

_LARGEST_AXIS = 64
"""Networks of any size are tested on the middle of their input, up to this length along each axis."""

_EVERY = 3
"""Every so many scores along each axis are kept."""


@dataclass(frozen=True)
class NetworkVectors:
    """Input and output of a network.

    Attributes:
        image: float32 batch (batch, channels, ...); its values are numbers of float16.
        scores: float32, every `every`-th along each axis but the first two.
        every: Step between kept scores.
        tolerance: Largest difference that another runtime may have.
    """

    image: np.ndarray
    scores: np.ndarray
    every: int
    tolerance: float

    def write(self, path: Path) -> None:
        """Write both as a compressed `.npz` file."""
        np.savez_compressed(path, image=self.image.astype(np.float16), scores=self.scores)

    def difference(self, scores: np.ndarray) -> float:
        """Largest difference of a whole output."""
        return float(np.abs(_sampled(scores, self.every) - self.scores).max())


class RecordingNetwork:
    """A network that records its last input."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.image: np.ndarray | None = None

    def __call__(self, image: np.ndarray) -> np.ndarray:
        self.image = image
        return self._network(image)


def network_vectors(network: RecordingNetwork, shape: tuple[int, ...]) -> NetworkVectors:
    """Vectors of a network from the input that it was given last.

    Args:
        network: Has been called.
        shape: Shape of its input; -1 for sizes that may vary.
    """
    assert network.image is not None, "the method has used every network of the system"
    image = network.image
    takes_volumes = len(shape) == 5
    if takes_volumes:
        image = image if image.ndim == 4 else image[None]
        image = image[(slice(None), *(_middle(n, size) for n, size in zip(image.shape[1:], shape[2:], strict=True)))]
    else:
        image = image[:1]
    image = np.ascontiguousarray(image.astype(np.float16).astype(np.float32))
    scores = network(image if not takes_volumes or shape[1] > 1 else image[0])
    batch, scores = (image[None], scores[None]) if takes_volumes else (image, scores)
    tolerance = float(_TOLERANCE * np.abs(scores).max())
    return NetworkVectors(batch, _sampled(scores, _EVERY), _EVERY, tolerance)


def write_self_test_scan(folder: Path) -> tuple[Path, dict[str, Any]]:
    """Write the scan of the self-test.

    Returns:
        Its path, and what the contract says of the test.
    """
    from flarecli.phantom import make_phantom
    from flarecli.phantom.files import PhantomPaths, write_phantom

    made = make_phantom(0, shape_zyx=SCAN_SHAPE_ZYX, spacing_mm=SCAN_SPACING_MM)
    paths = PhantomPaths(folder / "scan.nii.gz", folder / "labels.nii.gz")
    write_phantom(made, paths, orientation="LPS")
    paths.labels.unlink()  # those of the method come in their place
    entry = {"scan": f"{folder.name}/scan.nii.gz", "labels": f"{folder.name}/labels.nii.gz"}
    return paths.scan, entry


def most_differing(labels: np.ndarray) -> int:
    """How many voxels of the self-test's label map may differ in another arithmetic."""
    return int(np.ceil(_DIFFERING_SHARE * np.count_nonzero(labels)))


def _middle(length: int, size: int) -> slice:
    """The middle of an axis of a size that may vary; multiples of 32 suit every network."""
    if size >= 0 or length <= 32:
        return slice(None)
    kept = min(_LARGEST_AXIS, length) // 32 * 32
    first = (length - kept) // 2
    return slice(first, first + kept)


def _sampled(scores: np.ndarray, every: int) -> np.ndarray:
    return np.ascontiguousarray(scores[(slice(None), slice(None), *[slice(None, None, every)] * (scores.ndim - 2))])
