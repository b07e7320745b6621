"""`flare systems`: what systems there are, how large their networks, which weights are at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from flarecli.cli.output import print_json, reported_errors, stdout_console

if TYPE_CHECKING:
    from flarecli.systems.base import NetworkSpec, System
    from flarecli.weights.card import Card


def systems(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the segmentation systems: networks, parameters, multiply-adds, input sizes, weights, licence, paper."""
    with reported_errors(as_json=as_json):
        from flarecli.systems import SYSTEM_NAMES, system_named
        from flarecli.weights.store import all_weights

        cards = [card for _, card in all_weights()]
        found = [system_named(name) for name in SYSTEM_NAMES]
        if as_json:
            print_json([_as_dict(system, cards) for system in found])
            return
        for system in found:
            _print_system(system, cards)


def _as_dict(system: System, cards: list[Card]) -> dict[str, Any]:
    publication = system.publication
    return {
        "name": system.name,
        "title": system.title,
        "paper": system.paper,
        "repository": None if publication is None else publication.repository,
        "published_licence": None if publication is None else publication.licence,
        "networks": [_network_as_dict(system, spec, cards) for spec in system.networks],
    }


def _network_as_dict(system: System, spec: NetworkSpec, cards: list[Card]) -> dict[str, Any]:
    figures = spec.figures
    return {
        "name": spec.key,
        "parameters": None if figures is None else figures.parameters,
        "multiply_adds": None if figures is None else figures.multiply_adds,
        "input_shape": None if figures is None else list(figures.input_shape),
        "input_size_varies": None if figures is None else figures.size_varies,
        "weights": [
            {
                "set": card.set_name,
                "licence": card.licence,
                "title": card.title,
                "input_shape": None if card.input_shape is None else list(card.input_shape),
            }
            for card in _cards_of(system, spec, cards)
        ],
    }


def _cards_of(system: System, spec: NetworkSpec, cards: list[Card]) -> list[Card]:
    return [card for card in cards if (card.system, card.network) == (system.name, spec.key)]


def _print_system(system: System, cards: list[Card]) -> None:
    from rich.markup import escape
    from rich.padding import Padding
    from rich.table import Table

    console = stdout_console()
    console.print(f"[bold]{escape(system.name)}[/bold]", highlight=False)
    lines = [system.title, system.paper]
    if system.publication is not None:
        licence = system.publication.licence
        stated = "states no licence" if licence == "NOASSERTION" else f"licence {licence}"
        lines.append(f"{system.publication.repository}, {stated}")
    for line in lines:
        console.print(Padding(escape(line), (0, 0, 0, 2)), highlight=False)
    table = Table("network", "input", "parameters", "multiply-adds", "weights at hand", box=None, pad_edge=False)
    for column in table.columns[2:4]:
        column.justify = "right"
    for spec in system.networks:
        sets = [_set_cell(spec, card) for card in _cards_of(system, spec, cards)]
        table.add_row(spec.key, *_figure_cells(spec), escape(", ".join(sets) or "none"))
    console.print(Padding(table, (0, 0, 1, 2)))


def _set_cell(spec: NetworkSpec, card: Card) -> str:
    """Name and licence of a set, and its size where that is not the one in the table."""
    is_usual = spec.figures is not None and card.input_shape == spec.figures.input_shape
    size = "" if card.input_shape is None or is_usual else f", at {_size_text(card.input_shape)}"
    return f"{card.set_name} ({card.licence}){size}"


def _size_text(shape: tuple[int, ...]) -> str:
    return "×".join(str(length) for length in shape)


def _figure_cells(spec: NetworkSpec) -> tuple[str, str, str]:
    figures = spec.figures
    if figures is None:
        return "", "", ""
    size = _size_text(figures.input_shape)
    return (
        f"{size} and others" if figures.size_varies else size,
        f"{figures.parameters:,}",
        f"{figures.multiply_adds / 1e9:.1f} G",
    )
