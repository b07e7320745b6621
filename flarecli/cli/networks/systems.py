"""`flare systems`: what systems there are, how large their networks, which weights are installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from flarecli.cli.output import print_json, reported_errors, stdout_console

if TYPE_CHECKING:
    from flarecli.systems.base import NetworkSpec, System
    from flarecli.weights.installed import Installed


def systems(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the segmentation systems: networks, parameters, multiply-adds, input sizes, weights, licence, paper."""
    with reported_errors(as_json=as_json):
        from flarecli.systems import SYSTEM_NAMES, system_named
        from flarecli.weights.store import installed_weights

        weights = list(installed_weights())
        found = [system_named(name) for name in SYSTEM_NAMES]
        if as_json:
            print_json([_as_dict(system, weights) for system in found])
            return
        for system in found:
            _print_system(system, weights)


def _as_dict(system: System, weights: list[Installed]) -> dict[str, Any]:
    publication = system.publication
    return {
        "name": system.name,
        "title": system.title,
        "paper": system.paper,
        "repository": None if publication is None else publication.repository,
        "published_licence": None if publication is None else publication.licence,
        "networks": [_network_as_dict(system, spec, weights) for spec in system.networks],
    }


def _network_as_dict(system: System, spec: NetworkSpec, weights: list[Installed]) -> dict[str, Any]:
    figures = spec.figures
    return {
        "name": spec.key,
        "parameters": None if figures is None else figures.parameters,
        "multiply_adds": None if figures is None else figures.multiply_adds,
        "input_shape": None if figures is None else list(figures.input_shape),
        "input_size_varies": None if figures is None else figures.size_varies,
        "weights": [_weights_as_dict(found) for found in _weights_of(system, spec, weights)],
    }


def _weights_as_dict(found: Installed) -> dict[str, Any]:
    if found.card is None:
        return {"set": found.set_name, "damaged": None if found.problem is None else found.problem.as_dict()}
    shape = found.card.input_shape
    return {
        "set": found.set_name,
        "licence": found.card.licence,
        "title": found.card.title,
        "input_shape": None if shape is None else list(shape),
        "base_filters": found.card.base_filters,
    }


def _weights_of(system: System, spec: NetworkSpec, weights: list[Installed]) -> list[Installed]:
    return [found for found in weights if (found.system, found.network) == (system.name, spec.key)]


def _print_system(system: System, weights: list[Installed]) -> None:
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
    table = Table("network", "input", "parameters", "multiply-adds", "installed weights", box=None, pad_edge=False)
    for column in table.columns[2:4]:
        column.justify = "right"
    for spec in system.networks:
        sets = [_set_cell(spec, found) for found in _weights_of(system, spec, weights)]
        table.add_row(spec.key, *_figure_cells(spec), escape(", ".join(sets) or "none"))
    console.print(Padding(table, (0, 0, 1, 2)))


def _set_cell(spec: NetworkSpec, found: Installed) -> str:
    """Name and licence of a set, and its size where that is not the one in the table."""
    card = found.card
    if card is None:
        return f"{found.set_name} (damaged: flare weights list)"
    is_usual = spec.figures is not None and card.input_shape == spec.figures.input_shape
    size = "" if card.input_shape is None or is_usual else f", at {_size_text(card.input_shape)}"
    width = "" if card.base_filters is None else f", {card.base_filters} base filters"
    return f"{found.set_name} ({card.licence}){size}{width}"


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
