"""Which scans `flare predict` is to work on, and what options go together with many of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from flarecli.addresses import is_staged
from flarecli.cli.many_scans.exclusions import check_excluded
from flarecli.cli.output import stderr_console
from flarecli.errors import UsageError

if TYPE_CHECKING:
    from flarecli.cli.many_scans.run_files import RunFiles
    from flarecli.prediction.cases import Case, FoundCases


def check_shared(*, overwrite: bool, files: RunFiles, scheduler: bool) -> None:
    """Refuse what needs one process that has all cases, where several share them.

    Raises:
        UsageError: then.
    """
    check_excluded(
        "--share",
        {
            "--overwrite": (overwrite, "Give another folder for the output."),
            "--statistics": (files.statistics is not None, "Run `flare collect OUT --statistics FILE` afterwards."),
            "--report": (files.report is not None, "Run `flare report OUT` afterwards."),
            "--scheduler": (scheduler, "Give one of them: a scheduler also shares the work."),
        },
    )


def scans_of(
    scans: str,
    output: str | None,
    listed: str | None,
    *,
    series: str | None = None,
    name: str | None = None,
    anonymous: bool = False,
    hidden: bool = False,
) -> tuple[FoundCases, Path]:
    """The scans of a file or folder, or of a list; then the only path is the output's. Paths may be addresses.

    Returns:
        The scans, and where their label maps go.

    Raises:
        UsageError: when the number of paths is not right, or series of a list are chosen or named.
        InputError, UsageError: as `find_scans` and `read_case_list` do, and where a server refuses something.
    """
    from flarecli.files.names import label_map_suffix
    from flarecli.files.remote.staging import destination_file, destination_folder, source_path
    from flarecli.prediction.case_lists import read_case_list
    from flarecli.prediction.cases import CaseSelection, FoundCases, find_scans

    if listed is None and output is not None:
        source = source_path(scans)
        is_single = bool(label_map_suffix(output))
        destination = destination_file(output) if is_single else destination_folder(output)
        _bring_dicom(source, is_single=is_single)
        with _status(source, hidden=hidden):
            return find_scans(source, destination, CaseSelection(series, name, anonymous)), destination
    if listed is None or output is not None:
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
    destination = destination_folder(scans)
    return FoundCases(read_case_list(listed, destination, anonymous=anonymous), is_many=True), destination


def _bring_dicom(source: Path, *, is_single: bool) -> None:
    """Download what has to be read to list its series: archives, DICOMDIRs, and prefixes without images."""
    if not is_staged(source):
        return
    from flarecli.files.names import image_suffix
    from flarecli.files.remote.reading import bring_tree

    if source.is_dir():
        if is_single or not any(image_suffix(entry) for entry in source.iterdir()):
            bring_tree(source)
    elif source.name.upper() == "DICOMDIR":
        bring_tree(source.parent)
    elif source.suffix.lower() == ".zip":
        bring_tree(source)


@contextmanager
def _status(source: Path, *, hidden: bool) -> Iterator[None]:
    """Show on a terminal that headers are being read, while they are."""
    from flarecli.dicom.collection.detection import is_collection

    if hidden or not sys.stderr.isatty() or not is_collection(source):
        yield
        return
    with stderr_console().status("reading headers"):
        yield


def preview_of(text: str | None, *, many: bool) -> Callable[[Case], Path] | None:
    """Where the preview of each case goes, a path or an address.

    Raises:
        UsageError: when the previews of many scans were to be one picture.
    """
    from flarecli.files.remote.staging import destination_file, destination_folder
    from flarecli.prediction.output_options import PreviewFile, PreviewFolder

    if text is None:
        return None
    if not many:
        return PreviewFile(destination_file(text))
    preview = destination_folder(text)
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
