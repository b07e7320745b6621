"""From a dataset to its cache: what is complete is kept, everything else is checked first and then written."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from flarecli.addresses import shown
from flarecli.datasets.pairs import Dataset, LabelledPair
from flarecli.errors import UsageError
from flarecli.files.sources import is_folder
from flarecli.preprocessing.by_system import training_arrays_of
from flarecli.preprocessing.cache_writer import (
    begin_cache,
    check_same_kind,
    finish_cache,
    locked_cache,
    read_manifest,
)
from flarecli.preprocessing.code_digest import code_digest
from flarecli.preprocessing.complete_cases import checksums_of_case, kept_by_content, kept_by_state
from flarecli.preprocessing.outcomes import CaseOutcome, PreprocessingStatus, figures_of
from flarecli.preprocessing.repeated_scans import with_repeated_scans_named
from flarecli.preprocessing.shared import SharedCache
from flarecli.preprocessing.sources import KeyFacts
from flarecli.preprocessing.tasks import CheckedPair, CheckTask, WriteTask
from flarecli.processes.workers import Pool, Workers


@dataclass(frozen=True)
class WorkSettings:
    """How the work is done; none of it changes the result.

    Attributes:
        jobs: Number of processes, each of which holds one case at a time.
        begin: Called with the name of a phase, "checking" or "writing", and the number of its cases.
        advance: Called with the name of each case of the phase when it is done.
        pool: What does the work; `jobs` processes of this machine where None.
    """

    jobs: int = 1
    begin: Callable[[str, int], None] = lambda phase, total: None
    advance: Callable[[str], None] = lambda name: None
    pool: Pool | None = None


def check_dataset(
    dataset: Dataset, *, ignore_geometry: bool = False, work: WorkSettings | None = None
) -> tuple[CaseOutcome, ...]:
    """Check every pair of a dataset.

    Args:
        dataset: The pairs, and what the values of their label maps mean.
        ignore_geometry: Whether scan and label map may lie at different places in the world.
        work: How to do it.

    Returns:
        One outcome a pair, in the dataset's order.

    Raises:
        InstallationError: when a process was killed.
    """
    work = work or WorkSettings()
    with Workers(work.jobs) as workers:
        checked = _check(dataset.pairs, CheckTask(dataset.values, ignore_geometry), work.pool or workers, work)
    return with_repeated_scans_named([_outcome(checked[pair], PreprocessingStatus.SOUND) for pair in dataset.pairs])


def preprocess(
    dataset: Dataset,
    cache: Path,
    system: str,
    *,
    ignore_geometry: bool = False,
    overwrite: bool = False,
    share: bool = False,
    work: WorkSettings | None = None,
) -> tuple[CaseOutcome, ...]:
    """Fill a cache, or resume one; faulty pairs are left out.

    Args:
        dataset: The pairs, and what the values of their label maps mean.
        cache: Folder of the cache; made where it does not exist.
        system: For which system.
        ignore_geometry: Whether scan and label map may lie at different places in the world.
        overwrite: Whether to replace complete cases.
        share: Whether other processes, which are started likewise, fill the cache together with this one; then this
            process stores one case after the other, and returns when all are done.
        work: How to do it.

    Returns:
        One outcome a pair, in the dataset's order. Where none is valid, the cache remains unfinished.

    Raises:
        UsageError: for `share` with `overwrite`, an unknown system, or a folder that holds something else, the cache of
            another system or dataset, or is being written to.
        InputError: when the folder cannot be written to.
        InstallationError: when a process was killed.
    """
    if share and overwrite:
        raise UsageError(
            "processes that share a cache cannot replace it",
            path=cache,
            seen="share and overwrite",
            remedy="Give another folder for the cache, or fill it with one process.",
        )
    work = work or WorkSettings()
    arrays = training_arrays_of(system)
    settings = dict(arrays.settings())
    facts = KeyFacts(dataset.values, settings, code_digest(type(arrays).__module__), ignore_geometry)
    _check_outside_scans(cache, dataset)
    with locked_cache(cache, share=share), Workers(work.jobs) as workers:
        check_same_kind(cache, system)
        outcomes: dict[LabelledPair, CaseOutcome] = {}
        check, write = (
            CheckTask(dataset.values, ignore_geometry),
            WriteTask(cache, system, dataset.values, ignore_geometry),
        )
        if share:
            outcomes |= _filled_together(cache, system, dataset, facts, check, write, arrays.networks, work)
            return _finished(cache, system, dataset, facts, outcomes, arrays.networks)
        for pair in dataset.pairs if not overwrite else ():
            kept = kept_by_state(cache, pair, facts)
            if kept is not None:
                outcomes[pair] = kept
        pairs = [pair for pair in dataset.pairs if pair not in outcomes]
        checked_pairs = _check(pairs, check, work.pool or workers, work)
        if not overwrite:
            _check_same_dataset(cache, dataset, checked_pairs)
        to_write: list[tuple[CheckedPair, str]] = []
        for pair, checked in checked_pairs.items():
            outcomes[pair] = _outcome(checked, PreprocessingStatus.WRITTEN)
            if checked.sources is not None:
                kept = None if overwrite else kept_by_content(cache, pair, checked.sources, facts)
                if kept is not None:
                    outcomes[pair] = kept
                else:
                    to_write.append((checked, facts.keys(*checked.sources)[0]))
        if to_write or read_manifest(cache) is None:  # else what the cache holds stays what it is
            begin_cache(cache, system, arrays.networks)
        outcomes |= _write(to_write, write, work.pool or workers, work)
        return _finished(cache, system, dataset, facts, outcomes, arrays.networks)


def _filled_together(
    cache: Path,
    system: str,
    dataset: Dataset,
    facts: KeyFacts,
    check: CheckTask,
    write: WriteTask,
    networks: Sequence[str],
    work: WorkSettings,
) -> dict[LabelledPair, CaseOutcome]:
    """The outcomes of all cases, of which other processes store some."""
    named = {"dataset": shown(dataset.source.resolve()), "names": sorted(pair.name for pair in dataset.pairs)}

    def begin_case(pair: LabelledPair, checked: CheckedPair) -> None:
        _check_same_dataset(cache, dataset, {pair: checked})
        begin_cache(cache, system, networks, **named)

    _check_same_dataset(cache, dataset, {})
    if "dataset" not in (read_manifest(cache) or {}):
        begin_cache(cache, system, networks, **named)  # others that begin with another dataset see which one this is
    shared = SharedCache(cache, check, write, facts, begin_case)
    work.begin("checking and writing", len(dataset.pairs))
    outcomes = {}
    for pair, outcome in shared.outcomes(tuple(dataset.pairs)):
        outcomes[pair] = outcome
        work.advance(pair.name)
    return outcomes


def _finished(
    cache: Path,
    system: str,
    dataset: Dataset,
    facts: KeyFacts,
    outcomes: Mapping[LabelledPair, CaseOutcome],
    networks: Sequence[str],
) -> tuple[CaseOutcome, ...]:
    """The outcomes in the dataset's order; where any is sound, the cache can be opened from here on."""
    ordered = tuple(outcomes[pair] for pair in dataset.pairs)
    sound = [outcome for outcome in ordered if outcome.is_sound]
    if sound:
        finish_cache(
            cache,
            system,
            networks,
            [outcome.pair.name for outcome in sound],
            figures_of(sound),
            settings={**facts.settings, "ignore_geometry": facts.ignore_geometry},
            code=facts.code,
            dataset=shown(dataset.source.resolve()),
            layout=dataset.layout,
            values=dataset.values.as_dict(),
            left_out=[outcome.pair.name for outcome in ordered if not outcome.is_sound],
        )
    return with_repeated_scans_named(ordered)


def _check_outside_scans(cache: Path, dataset: Dataset) -> None:
    """Refuse a cache inside a folder that is read as one scan: it would be taken for a part of it."""
    folders = {pair.scan.resolve() for pair in dataset.pairs if pair.scan is not None and is_folder(pair.scan)}
    inside = folders & {Path(os.path.realpath(cache)), *Path(os.path.realpath(cache)).parents}
    if inside:
        raise UsageError(
            "lies inside a folder that is read as a scan",
            path=cache,
            seen=str(min(inside)),
            remedy="Choose another folder for the cache.",
        )


def _check_same_dataset(cache: Path, dataset: Dataset, checked: Mapping[LabelledPair, CheckedPair]) -> None:
    """Refuse to replace what a cache holds of another dataset; one that was only moved is the same."""
    manifest = read_manifest(cache) or {}
    earlier = manifest.get("dataset")
    if earlier in (None, shown(dataset.source.resolve())):
        return
    names = {pair.name for pair in dataset.pairs}
    changed = [
        pair.name
        for pair, result in checked.items()
        if result.sources is not None
        and (stored := checksums_of_case(cache, pair)) is not None
        and stored != tuple(source.sha256 for source in result.sources)
    ]
    if changed or not names & set(manifest.get("names") or ()):
        raise UsageError(
            "is the cache of another dataset",
            path=cache,
            seen=shown(dataset.source) + (f", whose case {changed[0]} is another one" if changed else ""),
            expected=str(earlier),
            remedy="Choose another folder for the cache, or give --overwrite to replace this one.",
        )


def _check(
    pairs: Sequence[LabelledPair], task: CheckTask, workers: Pool, work: WorkSettings
) -> dict[LabelledPair, CheckedPair]:
    if pairs:
        work.begin("checking", len(pairs))
    checked = {}
    for pair, result in workers.work_on(task, pairs):
        checked[pair] = result
        work.advance(pair.name)
    return checked


def _write(
    to_write: Sequence[tuple[CheckedPair, str]], task: WriteTask, workers: Pool, work: WorkSettings
) -> dict[LabelledPair, CaseOutcome]:
    if to_write:
        work.begin("writing", len(to_write))
    outcomes = {}
    for (checked, _), (fault, seconds) in workers.work_on(task, to_write):
        outcome = _outcome(checked, PreprocessingStatus.WRITTEN, seconds)
        if fault is not None:
            findings = (*outcome.findings, fault)
            outcome = CaseOutcome(outcome.pair, PreprocessingStatus.FAULTY, findings, seconds=outcome.seconds)
        outcomes[outcome.pair] = outcome
        work.advance(outcome.pair.name)
    return outcomes


def _outcome(checked: CheckedPair, status: PreprocessingStatus, more_seconds: float = 0.0) -> CaseOutcome:
    report, seconds = checked.report, checked.seconds + more_seconds
    if report.faults:
        return CaseOutcome(report.pair, PreprocessingStatus.FAULTY, report.findings, seconds=seconds)
    return CaseOutcome(report.pair, status, report.findings, report.figures, report.hu_counts, seconds)
