"""What a training run does, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flarecli.training.samples.variation.settings import VariationSettings
from flarecli.training.views import View


@dataclass(frozen=True)
class LossSettings:
    """The loss.

    Attributes:
        name: One of `flarecli.training.learning.losses.LOSSES`.
        arguments: What that loss can be told.
    """

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ScheduleSettings:
    """How the learning rate changes over a run.

    Attributes:
        name: "constant", "cosine" (to `final_share` of the peak) or "steps".
        warmup: Iterations over which it rises from 0; for "cosine" alone.
        final_share: What is left of the peak at the end of "cosine".
        steps: For "steps": pairs of the share of the run from which on, and the factor by which, the peak is reduced.
    """

    name: str = "constant"
    warmup: int = 0
    final_share: float = 0.0
    steps: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class ClippingSettings:
    """How gradients are kept small.

    Attributes:
        name: "none", "value" (each element), "global" (norm of all gradients together) or "adaptive" (that norm
            against its own running mean).
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
        l2: Coefficient of the sum of squared kernels that is added to the loss.
        l2_without_pointwise: Whether kernels of one voxel are left out of that sum.
        ema_decay: Decay of the moving average of the weights, which is what is validated and released; 0 for none.
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
    """What the network computes in; losses, weights and their updates are float32 always.

    Attributes:
        activations: "float32", "float16", "bfloat16", or "auto": `on_gpu` on a GPU and float32 on a CPU.
        on_gpu: What "auto" means on a GPU.
        loss_scale: With float16: what the loss is multiplied by at first. Halved whenever a gradient overflows.
        loss_scale_growth: Steps without overflow after which it is doubled.
    """

    activations: str = "auto"
    on_gpu: str = "float16"
    loss_scale: float = 2.0**15
    loss_scale_growth: int = 2000


@dataclass(frozen=True)
class SamplingSettings:
    """In which order the cases of a cache come.

    Attributes:
        order: "shuffled" (each case once in an epoch) or "with_replacement".
        by_slices: Whether a case counts as often as it has slices.
        repeated: Names of cases that count more than once.
        repeats: How often those count.
        reuse: How often a case is used before it is due again.
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
    """How scans are made where there are none.

    Attributes:
        scan_shape_zyx: Their size in voxels.
        spacing_mm: Their voxel size along z, y and x.
        strength: "wide" (wider than reality), "realistic" or "lean".
        lean_share: How many of the patients are lean besides.
        procedural_share: With label maps: how many scans have procedural organs nevertheless.
        held_out_share: With label maps: how many of the maps are kept for validation, the last ones by name.
        reuse: How many samples are cut from each scan.
        mixing: Other samples between these uses; see `Schedule`.
        painted: Whether patients are only drawn beforehand, and scanned where the network is trained (PyTorch): each of
            the `reuse` samples of a patient is then from another scan, in another posture.
        turn_deg: For "painted": largest rotation of the posture about each axis.
        stretch: For "painted": standard deviation of the relative size along each axis.
    """

    scan_shape_zyx: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    strength: str = "wide"
    lean_share: float = 0.0
    procedural_share: float = 0.25
    held_out_share: float = 0.1
    reuse: int = 4
    mixing: int = 7
    painted: bool = False
    turn_deg: float = 8.0
    stretch: float = 0.06


@dataclass(frozen=True)
class ValidationSettings:
    """How a run is judged.

    Attributes:
        interval: Iterations between validations; 0 for one at the end only.
        scans: How many held-out scans at most, in validations on the way and for synthetic scans; at the end of a
            fold all count.
        held_out_share: How many of the cases of a cache are held out where no fold is asked for.
        select: Which weights are released: the "last", those of the highest mean "dice", or those of the lowest
            "cross_entropy".
    """

    interval: int = 0
    scans: int = 20
    held_out_share: float = 0.0
    select: str = "last"


@dataclass(frozen=True)
class FirstStageSettings:
    """The network whose class scores are input besides the scan. It is not trained on.

    Attributes:
        network: Its key within the system.
        weights: Its weights, as `flare predict --weights` takes them; those installed where empty.
        with_background: Whether the scores of its first channel are input, too.
        lost_share: In how many of the training scans the scores of one of its organs are 0.
    """

    network: str
    weights: str = ""
    with_background: bool = True
    lost_share: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the outcome of a training run besides the data and the seed.

    Attributes:
        name: "published", "starter", or another name within the system and network.
        system: Name of the system.
        network: Key of the network within the system.
        view: How the network looks at scans.
        target: What it should answer; one of `Target`.
        loss: The loss.
        synthesis: How scans are made where there are none.
        optimiser: The optimiser.
        schedule: Its learning rate over time.
        clipping: Limits of its gradients.
        precision: What the network computes in.
        sampling: Order of the cases of a cache.
        variation: How they are changed at random.
        validation: How the run is judged.
        first_stage: Another network whose scores are input, if any.
        iterations: Updates of the weights.
        batch: Samples that go through the network at a time.
        accumulate: How many batches make one update.
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
    iterations: int = 1000
    batch: int = 1
    accumulate: int = 1
