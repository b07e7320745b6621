"""`flare weights`: the installed weights, and the import of published ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flarecli.cli.output import print_json, print_warning, reported_errors, stdout_console

if TYPE_CHECKING:
    from flarecli.weights.installed import Installed

app = typer.Typer(no_args_is_help=True, help="List, show, import and verify the weights of the networks.")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_weights(as_json: AsJson = False) -> None:
    """List all weights that are installed."""
    with reported_errors(as_json=as_json):
        from flarecli.weights.store import installed_weights

        installed = list(installed_weights())
        if as_json:
            print_json([_as_dict(found) for found in installed])
            return
        from rich.markup import escape
        from rich.table import Table

        table = Table("system", "network", "set", "licence", "MB", "what", box=None, pad_edge=False)
        for found in installed:
            if found.card is None:
                cells = ("", "", f"[red]damaged[/red]: {escape(str(found.problem))}")
            else:
                size = f"{found.path.stat().st_size / 1e6:.1f}"
                cells = (escape(found.card.licence), size, escape(found.card.title))
            table.add_row(escape(found.system), escape(found.network), escape(found.set_name), *cells)
        stdout_console().print(table)


def _as_dict(found: Installed) -> dict[str, Any]:
    if found.card is not None:
        return {"path": str(found.path), **found.card.as_dict(), "set_name": found.set_name}
    return {
        "path": str(found.path),
        "system": found.system,
        "network": found.network,
        "set_name": found.set_name,
        "damaged": None if found.problem is None else found.problem.as_dict(),
    }


@app.command("show")
def show_weights(
    system: Annotated[str, typer.Argument(help="System.")],
    network: Annotated[str, typer.Argument(help="Network of the system.")],
    choice: Annotated[
        str | None,
        typer.Argument(metavar="[SET]", help="Set, folder or file; what predict would use by default."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the whole card of one network's weights."""
    with reported_errors(as_json=as_json):
        from flarecli.weights.card import read_card
        from flarecli.weights.store import resolve_weights

        path = resolve_weights(system, [network], [choice] if choice else [])[network]
        content = {"path": str(path), **read_card(path).as_dict()}
        if as_json:
            print_json(content)
            return
        from rich.pretty import pretty_repr

        for key, value in content.items():
            shown = value if isinstance(value, str) else pretty_repr(value)
            stdout_console().print(f"{key}: {shown}", markup=False, highlight=False, soft_wrap=True)


@app.command("import")
def import_weights(
    path: Annotated[
        Path, typer.Argument(help="Published files: the folder of a SavedModel (EfficientSCN) or a PyTorch checkpoint.")
    ],
    system: Annotated[str, typer.Option(help="System that they belong to.")],
    network: Annotated[str, typer.Option(help="Network that they belong to.")],
    as_json: AsJson = False,
) -> None:
    """Convert published weights and store them in your weights folder.

    The published EfficientSCN weights are under GPL-3.0: github.com/franzthaler/FLARE21-EfficientSCN.
    """
    with reported_errors(as_json=as_json):
        from flarecli.engine import start_runtime
        from flarecli.engine.weights.values import warning_of
        from flarecli.weights.importing import import_published
        from flarecli.weights.store import user_root

        root = user_root()
        start_runtime(device="cpu")
        written, card = import_published(path, system, network, root)
        if as_json:
            print_json({"path": str(written), **card.as_dict()})
        else:
            parameters = f"{card.details['parameters']:,}"
            stdout_console().print(
                f"{system}/{network}: {parameters} parameters, licence {card.licence}, written to {written}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
        constant = card.details["constant_layers"]
        if constant:
            print_warning(str(warning_of(network, constant)))


@app.command("verify")
def verify_weights(as_json: AsJson = False) -> None:
    """Check every weights file: its card, its checksum, its shapes and values; exit code 3 where one is damaged."""
    with reported_errors(as_json=as_json):
        from flarecli.engine import start_runtime
        from flarecli.weights.store import installed_weights
        from flarecli.weights.verification import verified

        runtime = start_runtime(device="cpu", precision="float32")
        results = [verified(found, runtime) for found in installed_weights()]
        if as_json:
            print_json([result.as_dict() for result in results])
        else:
            for result in results:
                stdout_console().print(result.sentence(), markup=False, highlight=False, soft_wrap=True)
        if not all(result.problem is None for result in results):
            raise typer.Exit(3)
