"""The numbers of the VGG-13 U-Net's inference, each with its source.

"Code" is the authors' public code, "paper" the article; `docs/vgg13_unet.md` sets the two side by side.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Vgg13Constants:
    """Sizes, thresholds and memory.

    Attributes:
        slice_size: Rows and columns of the network's input; slices of another size are resized. Code.
        base_filters: Channels of the network's finest level; the levels below have 2, 4, 8 and 8 times as many. Code.
        input_channels: How often a slice is repeated, because the encoder is one for photographs. Code.
        clip_percentiles: Each slice's own percentiles between which its intensities are spread over 0 to 255.
            Code; the paper clips the whole volume.
        restoring_share: A voxel of a resized slice gets an organ's label where the organ's interpolated mask
            exceeds this. Code; it compensates for the training, which keeps every value above 0. Networks of another
            size than the published one are trained on the nearest pixels' labels: one half.
        kept_components: How many connected parts of liver, kidneys, spleen and pancreas are kept. Code.
        connectivity: Voxels of a part share a face. Code.
        slice_memory_mb: What one slice of 512 x 512 takes while the published network runs in float32: measured, 580
            MB on PyTorch, 520 on TensorFlow, 350 on OpenVINO (180 in bfloat16).
        batch_memory_mb: What a batch of slices may take; at least one slice is computed at a time. Ours: larger
            batches are not faster on a CPU, where one slice keeps all cores busy.
    """

    slice_size: int = 512
    base_filters: int = 64
    input_channels: int = 3
    clip_percentiles: tuple[float, float] = (1.0, 99.0)
    restoring_share: float = 0.95
    kept_components: tuple[int, int, int, int] = (1, 2, 1, 1)
    connectivity: int = 6
    slice_memory_mb: float = 580.0
    batch_memory_mb: float = 1200.0

    @property
    def batch_slices(self) -> int:
        """How many slices go through the network at a time."""
        memory_mb = self.slice_memory_mb * (self.slice_size / 512) ** 2
        return max(1, int(self.batch_memory_mb / memory_mb))
