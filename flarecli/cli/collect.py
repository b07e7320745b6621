"""`flare collect`: one table from the records of many cases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flarecli.cli.output import print_error, print_json, reported_errors, stderr_console
from flarecli.counts import counted
from flarecli.errors import FlareError, InputError, PartialFailureError

if TYPE_CHECKING:
    from flarecli.measures.statistics import OrganStatistics


def collect(
    folder: Annotated[Path, typer.Argument(metavar="OUT", help="A folder of results of flare predict.")],
    statistics: Annotated[
        Path, typer.Option(metavar="FILE", help="The table of volume, HU and extent of each organ (.csv or .json).")
    ],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts and failures as JSON.")] = False,
) -> None:
    """Collect the statistics of all cases of a folder of results in one table.

    They are read from the records, also those of folders below.
    """
    with reported_errors(as_json=as_json):
        from flarecli.files.destinations import Destination, check_destinations
        from flarecli.measures.statistics import (
            OrganStatistics,
            check_statistics_path,
            is_statistics_table,
            write_statistics_of,
        )
        from flarecli.prediction.collected import collected_cases

        check_statistics_path(statistics)
        replaces = overwrite or is_statistics_table(statistics)
        check_destinations([Destination(statistics, "table of statistics", replaces)], [])
        count = 0
        errors: list[FlareError] = []

        def rows() -> Iterator[tuple[str, tuple[OrganStatistics, ...]]]:
            nonlocal count
            for case in collected_cases(folder):
                if case.error is not None:
                    errors.append(case.error)
                if case.record is not None:
                    count += 1
                    yield case.name, tuple(map(OrganStatistics.from_dict, case.record["organs"].values()))
            if not count and not errors:
                raise InputError(
                    "holds no records",
                    path=folder,
                    expected="a folder that flare predict has written to",
                    remedy="Check the path.",
                )

        write_statistics_of(statistics, rows(), replaces=overwrite or is_statistics_table(statistics))
        if as_json:
            print_json({"collected": count, "failed": [error.as_dict() for error in errors]})
        else:
            for error in errors:
                print_error(error)
            stderr_console().print(f"{counted(count, 'case')} collected, {len(errors)} failed", highlight=False)
        if errors:
            raise typer.Exit(PartialFailureError.exit_code)
