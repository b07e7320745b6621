"""`flare train`: weights from synthetic scans."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flarecli.cli.output import print_json, reported_errors, stderr_console, stdout_console


def train(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run; an interrupted run goes on.")],
    system: Annotated[str, typer.Option(help="Segmentation system.")] = "efficientscn",
    network: Annotated[str, typer.Option(help="Which of its networks.")] = "localization",
    backend: Annotated[str, typer.Option(help="tensorflow or torch; on a CPU TensorFlow is faster.")] = "tensorflow",
    device: Annotated[str, typer.Option(help="auto, cpu or gpu.")] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="Processor threads; all by default.")] = None,
    iterations: Annotated[int | None, typer.Option(min=2, help="Steps, in place of the recipe's.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the synthetic scans.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the card of the weights as JSON.")] = False,
) -> None:
    """Train a network on synthetic scans that are made on the way.

    At the end the folder holds the weights with their card: `flare predict --weights RUN` uses them.
    """
    with reported_errors(as_json=as_json):
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        from flarecli.training.run import TrainingRequest, train_on_phantoms

        request = TrainingRequest(run, system, network, backend, device, threads, iterations, seed)
        console = stderr_console()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("starting", total=None)

            def report(iteration: int, total: int, losses: dict[str, float]) -> None:
                bar.update(task, completed=iteration, total=total, description=f"loss {losses['loss']:.3f}")

            written, card = train_on_phantoms(request, report)
        if as_json:
            print_json({"path": str(written), **card.as_dict()})
        else:
            stdout_console().print(f"weights written to {written}", markup=False, highlight=False, soft_wrap=True)
