"""All files that a run is going to write, listed and checked before anything is read or computed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

from flarecli.errors import InputError, OutputError, UsageError
from flarecli.files.destinations import Destination, check_destinations, clash, exist_already
from flarecli.files.names import is_segmentation_name
from flarecli.files.together import ExistingFiles
from flarecli.prediction.cases import Case
from flarecli.prediction.long_lists.case_sequence import CaseSequence
from flarecli.prediction.long_lists.output_files import output_files
from flarecli.prediction.output_options import OutputOptions, check_options
from flarecli.prediction.record import is_complete, is_record_of
from flarecli.prediction.result_files import result_files
from flarecli.prediction.scan_content import files_of_scan
from flarecli.volume import check_label_map_name

EXISTING = ("refuse", "overwrite", "resume")
"""What may happen with files that exist."""

RENEW = "renew"
"""The same as "resume" when files are written, for a caller that has seen itself which cases are complete, or by
whom a case may be tried again after its results have appeared."""

_MANY = 200
"""So many cases are checked by lists of names first."""

_REMEDIES = {
    "refuse": "Give --overwrite to replace what exists, --resume to skip what is complete, or another folder or name.",
    "overwrite": "Choose another name.",
    "resume": "These files belong to no earlier run: give another folder or name, or --overwrite (without --resume and "
    "--share) to replace them.",
}

_EXPECTED = {
    "refuse": "no file of this name",
    "overwrite": "no file of this name",
    "resume": "no file of this name, or one of an earlier run, whose record names the label map",
}


def check_outputs(
    cases: Sequence[Case],
    extras: OutputOptions,
    existing: str,
    *,
    tables: Iterable[Destination] = (),
    inputs: Iterable[Path] = (),
) -> None:
    """Check the label maps, records, masks and previews of all cases, and the tables of the run.

    With "refuse" nothing may exist. With "resume" the files of a case may be replaced where its record names its label
    map; the record may be damaged or of another version. What lies there without such a record is something else's.
    No output may have the name of the record of a failure either, which runs that share their work write.

    Args:
        cases: What is to be done.
        extras: Additional outputs.
        existing: One of `EXISTING`.
        tables: Further outputs of the run.
        inputs: Further files that the run reads, such as weights.

    Raises:
        UsageError: when two outputs would be one file, an output is an input, or a name has a suffix that cannot be
            written.
        OutputError: when a file exists that may not be replaced, or an output cannot be a file.
        InstallationError: when a format needs a package that is not installed.
    """
    if existing not in EXISTING:
        raise UsageError(
            "there is no such way to treat files that exist",
            seen=repr(existing),
            expected=", ".join(EXISTING),
            remedy="Choose one of these.",
        )
    read_by: Sequence[Case] = cases
    if isinstance(cases, CaseSequence) and len(cases) >= _MANY:
        files = output_files(cases, extras)
        tables = tuple(tables)
        if files is not None and not any(files.include(table.path) for table in tables):
            cases = [cases[index] for index in sorted({*files.samples, *files.existing})]
            if not files.existing:  # what does not exist is not read either
                read_by = cases
    for case in cases:
        if not is_segmentation_name(case.labels):
            check_label_map_name(case.labels)
    check_options(cases, extras)
    if extras.preview is not None:
        from flarecli.preview import check_preview_path

        for case in cases:
            check_preview_path(extras.preview(case))
    listed: list[Destination] = []
    for case in cases:
        replaces = existing == "overwrite" or (existing == "resume" and _was_made(case))
        listed += _outputs_of(case, extras, replaces=replaces)
    listed += tables
    read = [*(path for case in read_by for path in _files_read(case, extras)), *inputs]
    check_destinations(listed, read, expected=_EXPECTED[existing], remedy=_REMEDIES[existing])


def check_clashes(cases: Sequence[Case], extras: OutputOptions, *, tables: Iterable[Destination] = ()) -> None:
    """Check that no two outputs of a list are one file, also where this process works on a part of it only.

    Names are compared; no file is looked at.

    Args:
        cases: The whole list.
        extras: Additional outputs.
        tables: Further outputs of this process.

    Raises:
        UsageError: when two outputs would be one file.
    """
    tables = tuple(tables)
    if isinstance(cases, CaseSequence):
        files = output_files(cases, extras, looks=False)
        if files is not None and not any(files.include(table.path) for table in tables):
            return
    real = cache(os.path.realpath)
    owners: dict[tuple[str, str], int] = {}

    def place(output: Destination) -> tuple[str, str]:
        return real(output.path.parent), output.path.name

    def refusal(output: Destination, owner: int) -> UsageError:
        others = _outputs_of(cases[owner], extras)
        return clash(next(other for other in others if place(other) == place(output)), output)

    for index, case in enumerate(cases):
        for output in _outputs_of(case, extras):
            owner = owners.setdefault(place(output), index)
            if owner != index:
                raise refusal(output, owner)
    for table in tables:
        if place(table) in owners:
            raise refusal(table, owners[place(table)])


def existing_files(case: Case, extras: OutputOptions, existing: str) -> ExistingFiles | None:
    """What happens with files that exist when those of a case are ready: they may have appeared since `check_outputs`.

    Args:
        case: The case.
        extras: Additional outputs.
        existing: One of `EXISTING`, or `RENEW`.

    Returns:
        None where all are replaced.
    """
    if existing == "overwrite":
        return None
    rule = "resume" if existing == RENEW else existing

    def refusal(path: Path) -> OutputError:
        output = next(output for output in _outputs_of(case, extras) if output.path == path)
        return exist_already([output], _EXPECTED[rule], _REMEDIES[rule])

    return ExistingFiles(lambda: rule == "resume" and _was_made(case), refusal)


def _was_made(case: Case) -> bool:
    """Whether an earlier run made, or began to make, the label map of a case; it may have been renamed since."""
    return is_record_of(case.record, case.labels) or is_complete(case.labels, case.record)


def _outputs_of(case: Case, extras: OutputOptions, *, replaces: bool = False) -> Iterator[Destination]:
    yield Destination(case.record, f"record of {case.name}", replaces)
    yield Destination(case.failure, f"record of the failure of {case.name}", is_reserved=True)
    for file in result_files(case, extras):
        yield Destination(file.path, f"{file.content} of {case.name}", replaces)


def _files_read(case: Case, extras: OutputOptions) -> tuple[Path, ...]:
    if case.problem is not None:
        return (case.scan,)
    reference = extras.reference_of(case) if extras.writes_dicom(case) else None
    try:
        scan = files_of_scan(case.scan if case.series is None else case.series)
        return (*scan, *(() if reference is None else files_of_scan(reference)))
    except OSError as error:
        raise InputError(
            "cannot be read",
            path=case.scan,
            seen=error.strerror or str(error),
            remedy="Check the permissions of the folder, and the disk or network drive it lies on.",
        ) from error
