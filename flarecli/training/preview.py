"""A picture of the network's input: samples with the contours of their labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from flarecli.geometry import content_window
from flarecli.preview.slice_grid import GridSlice, write_slice_grid
from flarecli.training.data import TrainingData
from flarecli.training.views.scan import Sample

SAMPLES = 6

_HEIGHTS = (0.3, 0.5, 0.7)
"""Heights of the axial slices, as fractions of the extent of the labels."""

_GREY_PERCENTILES = (2, 99.5)


def preview_samples(data: TrainingData, seed: int, count: int = SAMPLES) -> Iterator[Sample]:
    """The first samples of a run, without the scores of a first stage; patients are rendered on the CPU."""
    stream = data.stream(seed)
    if not data.is_rendered_on_device:
        yield from (stream.sample(number) for number in range(count))
        return
    from flarecli.training.samples.rendering.batches import rendered_batches

    builder = rendered_batches(data.recipe, seed, "cpu")
    for number in range(count):
        images, values = builder.batch([stream.sample(number)])
        yield Sample(images[0].numpy(), values[0, 0].numpy())


def draw_samples(path: Path, samples: Iterable[Sample]) -> None:
    """Draw samples into a PNG file: three axial slices, a coronal and a sagittal one of each.

    Arrays are shown as the network has them, the last axis to the right and, in the latter two, z upwards. Grey levels
    are stretched between percentiles of each sample. Networks of slices show one slice a sample.
    """
    write_slice_grid(path, [list(_slices(sample)) for sample in samples])


def _slices(sample: Sample) -> Iterator[GridSlice]:
    image, labels = sample.image[0], sample.labels
    low, high = (float(value) for value in np.percentile(image, _GREY_PERCENTILES))
    limits = (low, high if high > low else low + 1.0)
    if image.ndim == 2:
        yield GridSlice(image, labels, limits)
        return
    bounds = [(part.start, part.stop - 1) for part in content_window(labels)]
    for share in _HEIGHTS:
        z = int(bounds[0][0] + share * (bounds[0][1] - bounds[0][0]))
        yield GridSlice(image[z], labels[z], limits)
    y = sum(bounds[1]) // 2
    yield GridSlice(image[::-1, y], labels[::-1, y], limits)
    x = int(bounds[2][0] + 0.3 * (bounds[2][1] - bounds[2][0]))
    yield GridSlice(image[::-1, :, x], labels[::-1, :, x], limits)
