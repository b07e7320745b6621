"""Base class of segmentation systems: named networks, and the method that segments a scan with them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

import numpy as np

from flarecli.engine.precision_choice import NO_INT8, Int8Support
from flarecli.errors import UsageError
from flarecli.geometry import Box
from flarecli.measures.calibration import Calibration
from flarecli.measures.signals import OrganSignals
from flarecli.steps import Steps
from flarecli.systems.description import NetworkFigures, Publication

if TYPE_CHECKING:
    from flarecli.volume import Volume


class Network(Protocol):
    """A loaded network, whatever computes it."""

    def __call__(self, image: np.ndarray, /) -> np.ndarray:
        """Map one image, or a batch of slices, to class scores; the network's model says which.

        Args:
            image: float32 array. For networks of volumes (z, y, x), or (channels, z, y, x) for several input
                channels; for networks of slices (batch, channels, y, x).

        Returns:
            float32 scores of shape (classes, z, y, x), or (batch, classes, y, x).
        """
        ...


@runtime_checkable
class PreparableNetwork(Network, Protocol):
    """A network that can prepare for its next image."""

    def prepare(self, shape: tuple[int, ...]) -> None:
        """Get ready for an image of this shape, in the background."""
        ...


def prepare_network(network: Network, shape: tuple[int, ...]) -> None:
    """Give a network the shape of its next image, so that it can prepare for it."""
    if isinstance(network, PreparableNetwork):
        network.prepare(shape)


@dataclass(frozen=True)
class NetworkSpec:
    """One network of a system.

    Attributes:
        key: Name within the system ("localization"); weights are filed under `<system>/<key>`.
        build: Makes the untrained Keras model, of the usual size without arguments. Imports Keras when called, not
            before.
        output: Which output to use where the model returns a dictionary.
        figures: Size and cost, for listings.
        published_file: Where its weights lie in the authors' repository, or what their program calls them; None
            where there are none to import.
        build_for_training: Makes the model that is trained, where that has more outputs than `build`'s; its layers
            that both have bear the same names.
        int8: Whether its convolutions may be computed on 8-bit integers: where instance normalisation keeps what they
            are given within known bounds; see `flarecli.engine.quantization`.
        multiple: Sizes of its input along each axis are multiples of this.
    """

    key: str
    build: Callable[..., Any]
    output: str | None = None
    figures: NetworkFigures | None = None
    published_file: str | None = None
    build_for_training: Callable[..., Any] | None = None
    int8: Int8Support = NO_INT8
    multiple: int = 1

    def at_shape(self, shape: tuple[int, ...]) -> NetworkSpec:
        """This network for another size of its input, which its builders take as their first argument."""
        if self.figures is not None and shape == self.figures.input_shape:
            return self
        return replace(
            self,
            build=partial(self.build, shape),
            figures=None,
            build_for_training=self.build_for_training and partial(self.build_for_training, shape),
        )

    def at_base_filters(self, base_filters: int) -> NetworkSpec:
        """This network with so many channels at its finest level, an argument of its builders.

        Raises:
            ValueError: when it would have none.
        """
        if base_filters < 1:
            raise ValueError(f"base_filters (={base_filters}) must be 1 or more")
        return replace(
            self,
            build=partial(self.build, base_filters=base_filters),
            figures=None,
            build_for_training=self.build_for_training and partial(self.build_for_training, base_filters=base_filters),
        )


REGION_MODES = ("auto", "full", "box")
"""Ways to choose which part of a scan is segmented; see `RegionRequest`."""


@dataclass(frozen=True)
class RegionRequest:
    """Which part of a scan to segment.

    Attributes:
        mode: "auto" lets the system find it; "full" takes the whole scan; "box" takes `box_mm`.
        box_mm: The box for mode "box", on the scan's canonical grid.

    Raises:
        UsageError: when the mode is unknown, mode and box do not go together, or the box is empty.
    """

    mode: str = "auto"
    box_mm: Box | None = None

    def __post_init__(self) -> None:
        if self.mode not in REGION_MODES:
            raise UsageError(
                "there is no such way to choose the region of a scan",
                seen=self.mode,
                expected=f"one of {', '.join(REGION_MODES)}",
                remedy="Use 'auto' to let the system find it.",
            )
        if (self.mode == "box") != (self.box_mm is not None):
            raise UsageError(
                "a box is given without the mode that uses it, or the other way round",
                seen=f"mode {self.mode!r}, box {self.box_mm}",
                expected="mode 'box' with a box, or 'auto' or 'full' without",
                remedy="Give the box together with mode 'box'.",
            )
        if self.box_mm is not None and not all(extent > 0 for extent in self.box_mm.extent_mm):
            raise UsageError(
                "the box to segment is empty",
                seen=f"{self.box_mm.start_mm} to {self.box_mm.end_mm} mm (z, y, x)",
                expected="an upper corner above the lower one on each axis",
                remedy="Give the lower corner first.",
            )


@dataclass(frozen=True)
class Segmentation:
    """What a system found in one scan.

    Attributes:
        labels: uint8 label map of the scan's canonical grid, shape (z, y, x).
        region_mm: The input region of the last stage, on the scan's canonical grid.
        warnings: Sentences that are shown to the user.
        facts: Further figures for the record (sizes, spacings, reruns), JSON-serialisable.
        signals: Uncertainty of each organ, where the class scores are probabilities; further evidence of the verdicts,
            which rest on anatomy alone without it.
        calibrations: What estimates the DSC of each organ from its signals; fitted to this system's own predictions.
    """

    labels: np.ndarray
    region_mm: Box
    warnings: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    signals: tuple[OrganSignals, ...] = ()
    calibrations: Mapping[str, Calibration] = field(default_factory=dict)


class System(ABC):
    """A segmentation system.

    Attributes:
        name: Name on the command line.
        title: One line for listings.
        paper: Where it was published.
        networks: Its networks in the order of their use; an instance may have others than its class, of other sizes.
        publication: The authors' own program; None for a system of `flare`'s own.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    paper: ClassVar[str]
    networks: tuple[NetworkSpec, ...]
    publication: ClassVar[Publication | None] = None

    @property
    def int8(self) -> Int8Support:
        """Whether its networks may be computed in int8: what the one that allows least does."""
        supports = [spec.int8 for spec in self.networks]
        return min(supports, key=lambda support: (support.allowed, support.by_default), default=NO_INT8)

    def at_input_shapes(self, shapes: Mapping[str, tuple[int, ...]]) -> System:
        """This system with networks of other input sizes.

        Args:
            shapes: Size of the input for some of the networks: (z, y, x), or (rows, columns) of a slice. Networks
                that take images of any size have no use for it.

        Raises:
            ValueError: for a size that does not have the axes of the network's input.
        """
        return self

    def at_base_filters(self, base_filters: Mapping[str, int]) -> System:
        """This system with networks of another width.

        Args:
            base_filters: Channels of the finest level, for some of the networks.

        Raises:
            ValueError: for a network that has one width only, and for widths that are none.
        """
        if base_filters:
            raise ValueError(f"{self.name}'s networks have one width each: no base_filters")
        return self

    @abstractmethod
    def segment(
        self, volume: Volume, networks: Mapping[str, Network], region: RegionRequest, steps: Steps
    ) -> Segmentation:
        """Segment one scan.

        Args:
            volume: The scan.
            networks: A loaded network for each key of `self.networks`.
            region: Which part of the scan to segment.
            steps: Clock; each stage runs inside a named step of it.

        Raises:
            InputError: when no organ region can be found in the scan.
        """
