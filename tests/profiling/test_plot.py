"""The picture of a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from flarecli.profiling.plot import draw_run
from flarecli.profiling.run_profile import cold_run_profile
from tests.profiling.made_up import cold_run, samples


def drawn(path: Path, gpu_mb: list[float] | None = None) -> np.ndarray:
    draw_run(path, cold_run_profile(cold_run(seen=samples(gpu_mb, process_mb=700.0 if gpu_mb else None))), title="scan")
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGB"))


def test_picture_shows_steps_and_memory(tmp_path: Path) -> None:
    pixels = drawn(tmp_path / "run.png")
    assert pixels.shape[0] > 500
    assert pixels.shape[1] > 1000
    colours = {tuple(pixel) for pixel in pixels.reshape(-1, 3)[::7].tolist()}
    assert (0x4E, 0x79, 0xA7) in colours  # the first step
    assert (0xE1, 0x57, 0x59) in colours  # "segment", the fourth
    assert (217, 217, 217) in colours  # the area of resident memory


def test_gpu_memory_is_drawn_where_there_is_some(tmp_path: Path) -> None:
    without = drawn(tmp_path / "without.png")
    with_gpu = drawn(tmp_path / "with.png", [300.0] * 7 + [1000.0] * 7)
    assert (without != with_gpu).any()
    assert not list(tmp_path.glob(".*"))
