"""All files that a run is going to write, listed and checked before anything is read or computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from flarecli.errors import InputError, UsageError
from flarecli.files.destinations import Destination, check_destinations
from flarecli.files.names import is_segmentation_name
from flarecli.prediction.cases import Case
from flarecli.prediction.long_lists.case_sequence import CaseSequence
from flarecli.prediction.long_lists.output_files import output_files
from flarecli.prediction.output_options import OutputOptions, check_options
from flarecli.prediction.record import is_foreign_json, is_record_of
from flarecli.prediction.result_files import result_files
from flarecli.prediction.scan_content import files_of_scan
from flarecli.volume import check_label_map_name

EXISTING = ("refuse", "overwrite", "resume")
"""What may happen with files that exist."""

_MANY = 200
"""So many cases are checked by lists of names first."""

_REMEDIES = {
    "refuse": "Give --overwrite to replace what exists, --resume to skip what is complete, or another folder or name.",
    "overwrite": "Choose another name.",
    "resume": "These files belong to no earlier run: give --overwrite to replace them, or another folder or name.",
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

    With "refuse" nothing may exist. With "resume" the files of a case may be replaced where its label map is there or
    a record that names it, but never a `.json` file that is something else's.

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
    listed = [*(output for case in cases for output in _outputs_of(case, extras, existing)), *tables]
    read = [*(path for case in read_by for path in _files_read(case, extras)), *inputs]
    check_destinations(listed, read, remedy=_REMEDIES[existing])


def _outputs_of(case: Case, extras: OutputOptions, existing: str) -> Iterator[Destination]:
    replaces = existing == "overwrite"
    replaces_record = replaces
    if existing == "resume" and (case.labels.exists() or case.record.exists()):
        replaces = case.labels.exists() or is_record_of(case.record, case.labels)
        replaces_record = replaces and not is_foreign_json(case.record)
    yield Destination(case.record, f"record of {case.name}", replaces_record)
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
