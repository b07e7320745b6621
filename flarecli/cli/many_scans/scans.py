"""Which scans `flare predict` is to work on, and what options go together with many of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from flarecli.errors import UsageError

if TYPE_CHECKING:
    from flarecli.prediction.cases import Case, FoundCases


def check_shared(*, overwrite: bool, statistics: Path | None, report: Path | None) -> None:
    """Refuse what needs one process that has all cases, where several share them.

    Raises:
        UsageError: then.
    """
    for option, is_given, remedy in (
        ("--overwrite", overwrite, "Give another folder for the output."),
        ("--statistics", statistics is not None, "Run `flare collect OUT --statistics FILE` afterwards."),
        ("--report", report is not None, "Run `flare report OUT` afterwards."),
    ):
        if is_given:
            raise UsageError("two options exclude each other", seen=f"--share and {option}", remedy=remedy)


def scans_of(
    source: Path,
    destination: Path | None,
    listed: str | None,
    *,
    series: str | None = None,
    name: str | None = None,
    anonymous: bool = False,
) -> FoundCases:
    """The scans of a file or folder, or of a list; then the only path is the output's.

    Raises:
        UsageError: when the number of paths is not right, or series of a list are chosen or named.
        InputError, UsageError: as `find_scans` and `read_case_list` do.
    """
    from flarecli.prediction.case_lists import read_case_list
    from flarecli.prediction.cases import CaseSelection, FoundCases, find_scans

    if listed is None and destination is not None:
        return find_scans(source, destination, CaseSelection(series, name, anonymous))
    if listed is None or destination is not None:
        raise UsageError(
            "the number of paths is not right",
            seen="one: no OUT" if listed is None else "two, and --from",
            expected="flare predict IN OUT, or flare predict OUT --from FILE",
            remedy="Give these.",
        )
    for option, value in (("--series", series), ("--name", name)):
        if value is not None:
            raise UsageError(
                "two options exclude each other",
                seen=f"--from and {option}",
                remedy=f'Give it in the list: {{"scan": "study.zip", "{option.removeprefix("--")}": "4"}}.',
            )
    return FoundCases(read_case_list(listed, source, anonymous=anonymous), is_many=True)


def preview_of(preview: Path | None, *, many: bool) -> Callable[[Case], Path] | None:
    """Where the preview of each case goes.

    Raises:
        UsageError: when the previews of many scans were to be one picture.
    """
    from flarecli.prediction.output_options import PreviewFile, PreviewFolder

    if preview is None:
        return None
    if not many:
        return PreviewFile(preview)
    if preview.suffix.lower() == ".png" and not preview.is_dir():
        raise UsageError(
            "the previews of a folder of scans need a folder",
            path=preview,
            seen="the name of one picture",
            remedy="Give a folder; it is made where it does not exist.",
        )
    return PreviewFolder(preview)


def reference_of(reference: Path | None, *, many: bool) -> Callable[[Case], Path] | None:
    """Which series each scan was converted from: of many scans one folder each in a folder."""
    from flarecli.prediction.output_options import ReferenceFolder, ReferenceSeries

    if reference is None:
        return None
    return ReferenceFolder(reference) if many else ReferenceSeries(reference)
