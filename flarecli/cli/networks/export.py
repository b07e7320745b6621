"""`flare export`: a system's networks with everything that another program needs to run them."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flarecli.cli.engine_options import SystemOption, WeightsOption
from flarecli.cli.output import print_json, reported_errors, stderr_console, stdout_console
from flarecli.systems import DEFAULT_SYSTEM

if TYPE_CHECKING:
    from flarecli.export.run import Exported


class Format(StrEnum):
    """Choices of `--format`."""

    onnx = "onnx"
    openvino = "openvino"


def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to make.")],
    system: SystemOption = DEFAULT_SYSTEM,
    format_name: Annotated[Format, typer.Option("--format", help="Format of the networks.")] = Format.onnx,
    weights: WeightsOption = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier export in the folder.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the contract and the self-test as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
) -> None:
    """Write a system for use without flare: networks, contract, self-test and a reference runner in one file.

    The networks compute in float32 and are read back before the folder appears.
    """
    with reported_errors(as_json=as_json):
        from rich.console import Console

        from flarecli.export.run import export_system

        console = stderr_console()
        shown = Console(quiet=True) if quiet or as_json or not console.is_terminal else console
        with shown.status("preparing") as status:
            exported = export_system(
                system,
                folder,
                format_name.value,
                tuple(weights or ()),
                overwrite=overwrite,
                on_phase=status.update,
            )
        if as_json:
            print_json({"folder": str(folder), "contract": exported.contract, "differences": exported.differences})
        elif not quiet:
            _print(exported)


def _print(exported: Exported) -> None:
    from rich.markup import escape

    console = stdout_console()
    for name, entry in exported.contract["networks"].items():
        read_back = ", ".join(
            f"{runtime} within {difference:.1g}" for runtime, difference in exported.differences[name].items()
        )
        licence = entry["weights"]["licence"]
        console.print(
            f"{escape(entry['file'])}: weights {escape(entry['weights']['set'])}, licence {escape(licence)}; "
            f"read back by {read_back}",
            highlight=False,
            soft_wrap=True,
        )
    console.print(f"{escape(str(exported.folder))}: contract.json, run.py, self_test", highlight=False, soft_wrap=True)
