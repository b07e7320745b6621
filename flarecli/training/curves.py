"""Learning curves of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flarecli.files.atomic import atomic_path
from flarecli.matplotlib_import import prepare_matplotlib
from flarecli.training.learning.log import ITERATION, read_rows

_POINTS = 400
"""Number of points to which losses are averaged."""

_NO_LOSS = ("step_s", "wait_s")
_NO_DICE = ("cross_entropy",)


@dataclass(frozen=True)
class _Panel:
    """Curves in one frame.

    Attributes:
        label: What they show.
        iterations: Where they have values.
        curves: The values, by name.
        points: Number of points to which they are averaged; 0 for all.
    """

    label: str
    iterations: np.ndarray
    curves: dict[str, np.ndarray]
    points: int = 0


def draw_curves(path: Path, losses: Path, validations: Path) -> None:
    """Draw losses, averaged over intervals of the run, and the results of the validations into a PNG file.

    Without any of them nothing is drawn.

    Raises:
        InputError: when a table is damaged.
        OutputError: when the picture cannot be written.
    """
    panels = _panels(losses, validations)
    if not panels:
        return
    prepare_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5 * len(panels), 4.2))
    FigureCanvasAgg(figure)
    for axis, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for name, values in panel.curves.items():
            axis.plot(*_averaged(panel.iterations, values, panel.points), label=name.replace("_", " "), linewidth=1.2)
        axis.set_xlabel("iteration")
        axis.set_ylabel(panel.label)
        axis.grid(alpha=0.3)
        axis.legend(frameon=False, fontsize=8)
    figure.tight_layout()
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png")


def _panels(losses: Path, validations: Path) -> list[_Panel]:
    iterations, curves = _columns(losses)
    validated, scores = _columns(validations)
    entropies = {name: scores.pop(name) for name in _NO_DICE if name in scores}
    panels = (
        _Panel("loss", iterations, curves, _POINTS),
        _Panel("validation, DSC", validated, scores),
        _Panel("validation, cross-entropy", validated, entropies),
    )
    return [panel for panel in panels if panel.curves]


def _columns(table: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The iterations of a table, and its other columns that hold numbers, by name; none where it is not there."""
    rows = read_rows(table) if table.exists() else []
    names = [name for name in (rows[0] if rows else ()) if name not in (ITERATION, *_NO_LOSS)]
    columns = {name: np.array([float(row[name] or "nan") for row in rows]) for name in names}
    return np.array([float(row[ITERATION]) for row in rows]), {
        name: values for name, values in columns.items() if not np.isnan(values).all()
    }


def _averaged(iterations: np.ndarray, values: np.ndarray, points: int) -> tuple[np.ndarray, np.ndarray]:
    if not points or len(values) <= points:
        return iterations, values
    parts = [np.array_split(array, points) for array in (iterations, values)]
    return np.array([part.mean() for part in parts[0]]), np.array([part.mean() for part in parts[1]])
