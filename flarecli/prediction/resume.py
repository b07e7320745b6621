"""What an earlier run left of a case, compared with what is asked now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from flarecli import __version__
from flarecli.addresses import is_staged
from flarecli.engine import Runtime
from flarecli.files.names import is_segmentation_name
from flarecli.organs import LEFT_KIDNEY
from flarecli.prediction.case import Case
from flarecli.prediction.output_options import OutputOptions, segmentation_type
from flarecli.prediction.record import UnusableRecordError, read_record
from flarecli.prediction.result_files import result_files
from flarecli.prediction.scan_content import content_of
from flarecli.volume import read_series_headers
from flarecli.volume.at_hand import images_at_hand
from flarecli.weights.card import Card, sha256_of


class CaseDiffersError(Exception):
    """What an earlier run left is not what is asked now; the text says what differs."""


def completed_record(
    case: Case,
    extras: OutputOptions,
    *,
    system: str,
    cards: Mapping[str, Card],
    region: str | list[float],
    runtime: Runtime,
    contents: bool = True,
) -> dict[str, Any]:
    """The record of a case that an earlier run completed just as it is asked now.

    Compared are the version of `flare`, system, weights, region, backend, device and precision that compute, the
    checksums of label map and further files, and the scan's content. Files that are not asked for now do not matter.
    Without `contents` no checksums are computed: the files must be there. A label map of another name than in its
    record is compared in any case.

    Raises:
        CaseDiffersError: when any of this differs or is missing.
        InputError: when the scan cannot be read.
    """
    try:
        record = read_record(case.record)
    except UnusableRecordError as error:
        raise CaseDiffersError(f"its record {error}") from error
    if (record.get("scan") is None) != extras.anonymous:
        raise CaseDiffersError("with names then, anonymous now" if extras.anonymous else "anonymous then, not now")
    differences = (
        *_of_request(record, system, cards, region, runtime),
        *_of_files(record, case, extras, contents=contents),
    )
    if differences:
        raise CaseDiffersError("; ".join(differences))
    if not contents:
        return record
    if not _is_scan_of(record["scan_content"], case):
        raise CaseDiffersError("the scan has changed")
    return record


def _of_request(
    record: Mapping[str, Any],
    system: str,
    cards: Mapping[str, Card],
    region: str | list[float],
    runtime: Runtime,
) -> Iterator[str]:
    compared = [
        ("flare", record["versions"]["flare"], __version__),
        ("system", record["system"], system),
        ("region", record["asked"]["region"], region),
        *((part, record["runtime"][part], getattr(runtime, part)) for part in ("backend", "device", "precision")),
    ]
    for part, before, now in compared:
        if before != now:
            yield f"{part} {_shown(before)} then, {_shown(now)} now"
    used = {network: facts["sha256"] for network, facts in record["weights"].items()}
    for network, card in cards.items():
        if used.pop(network, None) != card.sha256:
            yield f"other weights of {network}"
    for network in used:
        yield f"a network {network} then"


def _of_files(record: Mapping[str, Any], case: Case, extras: OutputOptions, *, contents: bool) -> Iterator[str]:
    is_named = record["labels"]["file"] == case.labels.name
    if not _is(case.labels, record["labels"]["sha256"], contents=contents or not is_named):
        yield "the label map is not the one of its record"
    if is_segmentation_name(case.labels):
        before, now = record["labels"].get("segmentation"), segmentation_type(extras)
        if before != now:
            yield f"segmentation {before} then, {now} now"
    elif (str(LEFT_KIDNEY) in record["labels"]["names"]) != extras.sides:
        yield "kidneys together then, apart now" if extras.sides else "kidneys apart then, together now"
    if extras.writes_dicom(case) and record["reference"] != _reference(case, extras):
        yield "another reference"
    made = record["files"]
    for file in result_files(case, extras):
        if file.key == "labels":
            continue
        if file.key not in made:
            yield f"its {file.content} was not made"
        elif made[file.key] is not None and not _is(file.path, made[file.key]["sha256"], contents=contents):
            yield f"its {file.content} is missing or another"


def _reference(case: Case, extras: OutputOptions) -> str | None:
    """Checksum of the series that the case's results belong to; None where it is the scan itself."""
    reference = extras.reference_of(case)
    if reference is None:
        return None
    from flarecli.dicom.results.sources import source_series

    geometry = read_series_headers(reference).source
    assert geometry.dicom is not None
    return source_series(geometry.dicom.files, None, anonymous=extras.anonymous).checksum


def _is(path: Path, sha256: str, *, contents: bool) -> bool:
    try:
        if not path.is_file() or not contents:
            return path.is_file()
        with images_at_hand(path):
            return sha256_of(path) == sha256
    except OSError:
        return False


def _is_scan_of(content: Mapping[str, Any], case: Case) -> bool:
    """Whether a case's scan is the one of a record; where a server says so, it is not read."""
    if is_staged(case.scan) and "etag" in content:
        from flarecli.files.remote.reading import etag_of

        if etag_of(case.scan) == content["etag"]:
            return True
    with images_at_hand(case.scan):
        return content_of(case.source()).is_of(content)


def _shown(value: Any) -> str:
    return ", ".join(f"{number:g}" for number in value) if isinstance(value, list) else str(value)
