"""`flare weights`: what weights there are, and how published ones get in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flarecli.cli.output import print_json, reported_errors, stdout_console

app = typer.Typer(no_args_is_help=True, help="List, show, import and verify the weights of the networks.")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_weights(as_json: AsJson = False) -> None:
    """List all weights that are installed."""
    with reported_errors(as_json=as_json):
        from flarecli.weights.store import all_weights

        found = list(all_weights())
        if as_json:
            print_json([{"path": str(path), **card.as_dict()} for path, card in found])
            return
        from rich.markup import escape
        from rich.table import Table

        table = Table("system", "network", "set", "licence", "MB", "what", box=None, pad_edge=False)
        for path, card in found:
            size = f"{path.stat().st_size / 1e6:.1f}"
            table.add_row(card.system, card.network, card.set_name, card.licence, size, escape(card.title))
        stdout_console().print(table)


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
    """Convert published weights and keep them in your folder of weights.

    The published EfficientSCN weights are under GPL-3.0: github.com/franzthaler/FLARE21-EfficientSCN.
    """
    with reported_errors(as_json=as_json):
        from flarecli.engine import start_runtime
        from flarecli.weights.importing import import_published
        from flarecli.weights.store import user_root

        start_runtime(device="cpu")
        written, card = import_published(path, system, network, user_root())
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


@app.command("verify")
def verify_weights(as_json: AsJson = False) -> None:
    """Compare every weights file with the checksum on its card; exit code 3 where one differs."""
    with reported_errors(as_json=as_json):
        from flarecli.weights.card import sha256_of
        from flarecli.weights.store import all_weights

        rows = [(path, card, sha256_of(path) == card.sha256) for path, card in all_weights()]
        if as_json:
            print_json([{"path": str(path), "sha256": card.sha256, "intact": intact} for path, card, intact in rows])
        else:
            for path, card, intact in rows:
                name = f"{card.system}/{card.network} ({card.set_name})"
                verdict = "intact" if intact else f"DIFFERS from its card: {path}"
                stdout_console().print(f"{name}: {verdict}", markup=False, highlight=False, soft_wrap=True)
        if not all(intact for _, _, intact in rows):
            raise typer.Exit(3)
