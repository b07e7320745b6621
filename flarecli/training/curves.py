"""Learning curves of a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from flarecli.files.atomic import atomic_path
from flarecli.matplotlib_import import prepare_matplotlib
from flarecli.training.learning.log import ITERATION, read_rows

_POINTS = 400
"""Number of points to which losses are averaged."""

_NO_LOSS = ("step_s", "wait_s")


def draw_curves(path: Path, losses: Path, validations: Path) -> None:
    """Draw losses, averaged over intervals of the run, and the scores of the validations into a PNG file."""
    prepare_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = [(losses, "loss", _POINTS)]
    if validations.exists() and read_rows(validations):
        panels.append((validations, "validation, DSC", 0))
    figure = Figure(figsize=(6.5 * len(panels), 4.2))
    FigureCanvasAgg(figure)
    for axis, (source, label, points) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        rows = read_rows(source)
        for name in (name for name in rows[0] if name not in (ITERATION, *_NO_LOSS)):
            iterations = np.array([float(row[ITERATION]) for row in rows])
            values = np.array([float(row[name]) for row in rows])
            if np.isnan(values).all():
                continue
            axis.plot(*_averaged(iterations, values, points), label=name.replace("_", " "), linewidth=1.2)
        axis.set_xlabel("iteration")
        axis.set_ylabel(label)
        axis.grid(alpha=0.3)
        axis.legend(frameon=False, fontsize=8)
    figure.tight_layout()
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png")


def _averaged(iterations: np.ndarray, values: np.ndarray, points: int) -> tuple[np.ndarray, np.ndarray]:
    if not points or len(values) <= points:
        return iterations, values
    parts = [np.array_split(array, points) for array in (iterations, values)]
    return np.array([part.mean() for part in parts[0]]), np.array([part.mean() for part in parts[1]])
