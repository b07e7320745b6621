"""Detection of cases of a cache that are complete and up to date."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from flarecli.datasets.findings import Finding
from flarecli.datasets.pairs import LabelledPair
from flarecli.errors import InputError
from flarecli.files.atomic import write_json
from flarecli.preprocessing.cache import HU_COUNTS_NAME, RECORD_NAME, array_paths, case_folder
from flarecli.preprocessing.outcomes import CaseOutcome, PreprocessingStatus
from flarecli.preprocessing.sources import KeyFacts, Source, SourceState


def kept_by_state(cache: Path, pair: LabelledPair, facts: KeyFacts) -> CaseOutcome | None:
    """The outcome of an earlier run where neither files nor settings changed since, without reading the files.

    As in git, a file of the same path, size and modification time counts as unchanged; of several files, such as the
    slices of a folder, each.
    """
    record = _record(cache, pair)
    if record is None or pair.scan is None or pair.labels is None:
        return None
    try:
        scan, labels = (Source.from_dict(source) for source in record["sources"])
        if (scan.state, labels.state) != (SourceState.of(pair.scan), SourceState.of(pair.labels)):
            return None
    except (InputError, KeyError, TypeError, ValueError):
        return None
    return kept_by_key(cache, pair, facts.keys(scan, labels))


def kept_by_key(cache: Path, pair: LabelledPair, keys: Collection[str]) -> CaseOutcome | None:
    """The outcome of an earlier run that stored the case under one of these keys, all its files being there."""
    record = _record(cache, pair)
    if record is None or record.get("key") not in keys:
        return None
    folder = case_folder(cache, pair.name)
    try:
        for network in record["networks"].values():
            for path in array_paths(folder, network["files"]):
                np.load(path, mmap_mode="r", allow_pickle=False)  # refuses a file that is too short
        counts = np.load(folder / HU_COUNTS_NAME, allow_pickle=False)
        findings = tuple(Finding.from_dict(facts) for facts in record["findings"])
        return CaseOutcome(pair, PreprocessingStatus.KEPT, findings, record["figures"], counts)
    except (OSError, KeyError, TypeError, ValueError, AttributeError, InputError):
        return None


def kept_by_content(
    cache: Path, pair: LabelledPair, sources: tuple[Source, Source], facts: KeyFacts
) -> CaseOutcome | None:
    """The outcome of an earlier run that stored the case from files of the same content.

    From now on the case is recognised by the state of these files: they may have been moved, or recorded by a version
    that recorded less of them.

    Raises:
        OutputError: when the record cannot be replaced.
    """
    kept = kept_by_key(cache, pair, facts.keys(*sources))
    record = _record(cache, pair)
    described = [source.as_dict() for source in sources]
    if kept is not None and record is not None and record.get("sources") != described:
        write_json(case_folder(cache, pair.name) / RECORD_NAME, {**record, "sources": described})
    return kept


def checksums_of_case(cache: Path, pair: LabelledPair) -> tuple[str, str] | None:
    """Checksums of the scan and label map that the cache holds under the name of a pair; None where it holds none."""
    record = _record(cache, pair)
    try:
        scan, labels = (Source.from_dict(source) for source in record["sources"]) if record else (None, None)
    except (KeyError, TypeError, ValueError):
        return None
    return None if scan is None or labels is None else (scan.sha256, labels.sha256)


def _record(cache: Path, pair: LabelledPair) -> dict[str, Any] | None:
    try:
        record = json.loads((case_folder(cache, pair.name) / RECORD_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None
