"""Settings of a training run, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flarecli.training.samples.variation.settings import VariationSettings
from flarecli.training.views import View

LATER_SETTINGS = {"validation.restored_air": False}
"""Settings that runs of former versions do not name, and what these did."""

FORMER_NAMES = {
    "synthesis.painted": "synthesis.rendered_on_device",
    "synthesis.turn_deg": "synthesis.rotation_deg",
    "synthesis.stretch": "synthesis.scale_spread",
}
"""Settings that had another name in version 0.1, whose runs are resumed."""


@dataclass(frozen=True)
class LossSettings:
    """The loss.

    Attributes:
        name: One of `flarecli.training.learning.losses.LOSSES`.
        arguments: Its arguments.
    """

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ScheduleSettings:
    """How the learning rate changes over a run.

    Attributes:
        name: "constant", "cosine" (to `final_share` of the peak) or "steps".
        warmup: Iterations of a linear warm-up from 0; for "cosine" only.
        final_share: Final learning rate of "cosine", as a fraction of the peak.
        steps: For "steps": pairs of the fraction of the run at which the peak is multiplied, and the factor.
    """

    name: str = "constant"
    warmup: int = 0
    final_share: float = 0.0
    steps: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class ClippingSettings:
    """Gradient clipping.

    Attributes:
        name: "none", "value" (each element), "global" (global norm) or "adaptive" (global norm relative to its
            running mean).
        limit: Largest element, largest norm, or for "adaptive" largest multiple of the running mean.
        start: For "adaptive": what the running mean starts from.
        memory: For "adaptive": decay of the running mean.
    """

    name: str = "none"
    limit: float = 1.0
    start: float = 10.0
    memory: float = 0.99


@dataclass(frozen=True)
class OptimiserSettings:
    """The optimiser.

    Attributes:
        name: "adam" or "adamw".
        learning_rate: At its peak.
        beta_1: Decay of the mean of the gradients.
        beta_2: Decay of the mean of their squares.
        epsilon: Added to the root of the latter.
        weight_decay: For "adamw".
        l2: Coefficient of the L2 penalty on kernels.
        l2_without_pointwise: Whether the penalty leaves out pointwise (1x1x1) kernels.
        ema_decay: Decay of the exponential moving average of the weights, which is validated and released; 0 for none.
    """

    name: str = "adam"
    learning_rate: float = 1e-3
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7
    weight_decay: float = 0.0
    l2: float = 0.0
    l2_without_pointwise: bool = False
    ema_decay: float = 0.0


@dataclass(frozen=True)
class PrecisionSettings:
    """Number types of the network; losses, weights and their updates are always float32.

    Attributes:
        activations: "float32", "float16", "bfloat16", or "auto": `on_gpu` on a GPU and float32 on a CPU.
        on_gpu: What "auto" means on a GPU.
        loss_scale: With float16: initial loss scale. Halved whenever a gradient overflows.
        loss_scale_growth: Steps without overflow after which it is doubled.
    """

    activations: str = "auto"
    on_gpu: str = "float16"
    loss_scale: float = 2.0**15
    loss_scale_growth: int = 2000


@dataclass(frozen=True)
class SamplingSettings:
    """Order of the cases of a cache.

    Attributes:
        order: "shuffled" (each case once in an epoch) or "with_replacement".
        by_slices: Whether a case is weighted by its number of slices.
        repeated: Names of cases that count more than once.
        repeats: How often those count.
        reuse: How many samples are cut from a case each time it is read.
        mixing: Other samples between these uses; see `Schedule`.
    """

    order: str = "shuffled"
    by_slices: bool = False
    repeated: tuple[str, ...] = ()
    repeats: int = 4
    reuse: int = 1
    mixing: int = 7


@dataclass(frozen=True)
class SynthesisSettings:
    """How synthetic scans are made.

    Attributes:
        scan_shape_zyx: Their size in voxels.
        spacing_mm: Their voxel size along z, y and x.
        strength: "wide" (more varied than real patients), "realistic" or "lean".
        lean_share: Fraction of the patients that are lean.
        procedural_share: With label maps: fraction of the scans whose organs are procedural.
        held_out_share: With label maps: fraction of the maps that is held out for validation, the last ones by name.
            Mixtures with real scans, which are validated on such scans, hold none out unless it is set.
        reuse: How many samples are cut from each scan.
        mixing: Other samples between these uses; see `Schedule`.
        rendered_on_device: Whether only the anatomy of patients is made beforehand, and their scans are rendered on
            the training device (PyTorch): each of the `reuse` samples of a patient is then from another scan, in
            another pose.
        rotation_deg: For `rendered_on_device`: largest rotation of the pose about each axis.
        scale_spread: For `rendered_on_device`: standard deviation of the relative size along each axis.
    """

    scan_shape_zyx: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    strength: str = "wide"
    lean_share: float = 0.0
    procedural_share: float = 0.25
    held_out_share: float = 0.1
    reuse: int = 4
    mixing: int = 7
    rendered_on_device: bool = False
    rotation_deg: float = 8.0
    scale_spread: float = 0.06


@dataclass(frozen=True)
class ValidationSettings:
    """Validation and selection of weights.

    Attributes:
        interval: Iterations between validations; 0 for one at the end only.
        scans: Most held-out scans of a validation during the run, and of synthetic ones at its end; 0 for none. At the
            end of a fold all cases are scored.
        held_out_share: Fraction of the cases of a cache that is held out where no fold is requested.
        select: Which weights are released: the "last", those of the highest mean "dice", or those of the lowest
            "cross_entropy".
        restored_air: Whether held-out cases that are clipped to a display window get air outside of the body, in lungs
            and in pockets of gas, as in `flarecli.training.samples.variation.clipped.with_air`.
    """

    interval: int = 0
    scans: int = 20
    held_out_share: float = 0.0
    select: str = "last"
    restored_air: bool = False


@dataclass(frozen=True)
class FirstStageSettings:
    """The network whose class scores are further input channels. It is not trained.

    Attributes:
        network: Its key within the system.
        weights: Its weights, as `flare predict --weights` takes them, or the folder of all its folds, of which each
            fold then takes its own; the installed ones where empty.
        with_background: Whether the scores of its first channel are input, too.
        lost_share: Fraction of the training scans in which the scores of one of its organs are set to 0.
    """

    network: str
    weights: str = ""
    with_background: bool = True
    lost_share: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """Everything that determines a training run besides the data and the seed.

    Attributes:
        name: "published", "starter", or another name within the system and network.
        system: Name of the system.
        network: Key of the network within the system.
        view: How samples are cut from scans and the network is applied to whole scans.
        target: Training target; one of `Target`.
        loss: The loss.
        synthesis: How synthetic scans are made.
        optimiser: The optimiser.
        schedule: Learning rate schedule.
        clipping: Gradient clipping.
        precision: Number types of the network.
        sampling: Order of the cases of a cache.
        variation: Augmentation of whole cases.
        validation: Validation and selection of weights.
        first_stage: Another network whose scores are input, if any.
        base_filters: Channels of the network's finest level, where a network can have several widths.
        iterations: Updates of the weights.
        batch: Batch size.
        accumulate: Batches of an update (gradient accumulation), on each device.
        devices: Devices of an update (data parallelism), each with its own batches. Fewer processes than devices take
            the batches of several, one after the other.
    """

    name: str
    system: str
    network: str
    view: View
    target: str
    loss: LossSettings
    synthesis: SynthesisSettings
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    schedule: ScheduleSettings = field(default_factory=ScheduleSettings)
    clipping: ClippingSettings = field(default_factory=ClippingSettings)
    precision: PrecisionSettings = field(default_factory=PrecisionSettings)
    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    variation: VariationSettings = field(default_factory=VariationSettings)
    validation: ValidationSettings = field(default_factory=ValidationSettings)
    first_stage: FirstStageSettings | None = None
    base_filters: int | None = None
    iterations: int = 1000
    batch: int = 1
    accumulate: int = 1
    devices: int = 1
