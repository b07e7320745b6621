"""The picture of a run: what there is is drawn, and a run is released without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flarecli.errors import InputError
from flarecli.training.curves import draw_curves
from flarecli.training.learning.log import CsvLog, read_rows
from flarecli.training.learning.loop import Callbacks
from tests.training import small
from tests.training.small_runs import run

pytest.importorskip("matplotlib")


class Drawn:
    """What is drawn: the curves of each frame by its label."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from matplotlib.figure import Figure

        self.curves: dict[str, list[str]] = {}
        save = Figure.savefig

        def savefig(figure: Figure, *arguments: Any, **options: Any) -> None:
            for axis in figure.axes:
                self.curves[axis.get_ylabel()] = [line.get_label() for line in axis.lines]
            save(figure, *arguments, **options)

        monkeypatch.setattr(Figure, "savefig", savefig)


def logged(path: Path, columns: tuple[str, ...], *rows: tuple[float, ...]) -> Path:
    """A table of a run."""
    with CsvLog(path, columns, 0) as log:
        for iteration, values in enumerate(rows, start=1):
            log.write(iteration, values)
    return path


def test_cross_entropies_are_not_drawn_among_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    losses = logged(tmp_path / "losses.csv", ("loss", "step_s", "wait_s"), (2, 1, 0), (1, 1, 0))
    validations = logged(tmp_path / "validation.csv", ("liver", "spleen", "cross_entropy"), (0.5, 0.4, 3.5))
    drawn = Drawn(monkeypatch)
    draw_curves(tmp_path / "curves.png", losses, validations)
    assert drawn.curves == {
        "loss": ["loss"],
        "validation, DSC": ["liver", "spleen"],
        "validation, cross-entropy": ["cross entropy"],
    }
    assert (tmp_path / "curves.png").stat().st_size > 1000


def test_cross_entropies_that_were_not_asked_for_have_no_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    losses = logged(tmp_path / "losses.csv", ("loss",), (2,), (1,))
    validations = logged(tmp_path / "validation.csv", ("liver", "cross_entropy"), (0.5, float("nan")))
    drawn = Drawn(monkeypatch)
    draw_curves(tmp_path / "curves.png", losses, validations)
    assert list(drawn.curves) == ["loss", "validation, DSC"]


def test_tables_without_rows_are_not_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = logged(tmp_path / "losses.csv", ("loss", "step_s", "wait_s"))
    drawn = Drawn(monkeypatch)
    draw_curves(tmp_path / "none.png", empty, tmp_path / "validation.csv")
    assert not (tmp_path / "none.png").exists()
    draw_curves(tmp_path / "curves.png", empty, logged(tmp_path / "validation.csv", ("liver",), (0.5,)))
    assert drawn.curves == {"validation, DSC": ["liver"]}


@small.needs_training
def test_a_run_without_its_picture_is_released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Path) -> None:
        raise ValueError("no fonts")

    warnings: list[str] = []
    monkeypatch.setattr("flarecli.training.curves.draw_curves", broken)
    finished = run(tmp_path, small.recipe(iterations=1), callbacks=Callbacks(on_warning=warnings.append))
    assert finished is not None
    assert finished.weights.is_file()
    assert warnings == ["no picture of the learning curves: no fonts"]


@pytest.mark.parametrize("line", ["2", "2,1,1", "x,1", ",1", "2,0.5x", "2.5,1", "\0\0\0,1", '"2,1', "0" * 200_000])
def test_a_damaged_line_of_a_table_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "losses.csv"
    path.write_text(f"iteration,loss\n1,2\n\n{line}\n3,1\n", encoding="utf-8")
    for read in (read_rows, lambda path: CsvLog(path, ("loss",), 5), lambda path: draw_curves(path, path, path)):
        with pytest.raises(InputError, match=r"losses\.csv: line 4 is damaged; .*expected: 2 numbers: iteration, loss"):
            read(path)
    assert path.read_text(encoding="utf-8").endswith("3,1\n"), "it is as it was"


def test_a_column_that_a_former_version_did_not_write_stays_empty(tmp_path: Path) -> None:
    path = logged(tmp_path / "validation.csv", ("liver",), (0.5,))
    for _ in range(2):
        with CsvLog(path, ("liver", "cross_entropy"), 1):
            pass
    assert read_rows(path) == [{"iteration": "1", "liver": "0.5", "cross_entropy": ""}]
    draw_curves(tmp_path / "curves.png", path, path)


def test_a_table_of_something_else_is_no_log(tmp_path: Path) -> None:
    path = tmp_path / "losses.csv"
    path.write_text("case,liver\na,1\n", encoding="utf-8")
    with pytest.raises(InputError, match="is not a log of a run; seen: case, liver"):
        read_rows(path)
