"""Sample k is the same whoever makes it, and when."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from flarecli.errors import FlareError, InstallationError
from flarecli.training.data import CachedData, SyntheticData
from flarecli.training.folds import Split
from flarecli.training.recipe import SamplingSettings
from flarecli.training.samples.anatomies import Anatomies
from flarecli.training.samples.loader import SampleLoader
from flarecli.training.samples.scan_source import CachedScans
from flarecli.training.samples.schedule import Schedule
from flarecli.training.samples.stream import SampleStream
from flarecli.training.targets import Target
from flarecli.training.views.scan import Sample
from tests.training import small
from tests.training.small_scans import fake_cache
from tests.training.streams import BrokenScans, LargeStream, TooLargeStream

pytestmark = pytest.mark.any_backend


def stream(seed: int = 1) -> SampleStream:
    return SyntheticData(small.recipe(), Anatomies("phantoms")).stream(seed)


@pytest.fixture(scope="module")
def expected() -> list[Sample]:
    """Each sample from a stream of its own."""
    return [stream().sample(number) for number in range(4, 12)]


def equal(first: Sample, second: Sample) -> bool:
    return np.array_equal(first.image, second.image) and np.array_equal(first.labels, second.labels)


def test_samples_depend_on_seed_and_number_alone() -> None:
    one, other = stream(), stream()
    in_order = [one.sample(number) for number in range(8)]
    for number in (7, 2, 5):
        assert equal(other.sample(number), in_order[number])
    assert not any(equal(in_order[0], sample) for sample in in_order[1:])
    assert not equal(stream(seed=2).sample(0), in_order[0])


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_any_number_of_processes_delivers_the_same_samples(expected: list[Sample], workers: int) -> None:
    with SampleLoader(stream(), 4, workers) as loader:
        samples = iter(loader)
        assert all(equal(next(samples), sample) for sample in expected)


def test_every_scan_is_used_as_often_as_it_should_and_mixed() -> None:
    schedule = Schedule(reuse=4, mixing=5)
    scans = [schedule.scan_of(number) for number in range(400)]
    counts = np.bincount(scans)
    assert (counts[15:90] == 4).all()
    uses = [index for index, scan in enumerate(scans) if scan == 50]
    assert np.diff(uses).min() > 4 * 4
    # After the first ticks one scan in four samples is new.
    assert len(set(scans[200:300]) - set(scans[:200])) == 25
    assert all(schedule.oldest_needed(number) <= min(scans[number:]) for number in range(300))


def test_a_stream_holds_no_more_scans_than_it_needs() -> None:
    made = stream()
    for number in range(30):
        made.sample(number)
    assert len(made._scans) <= (2 - 1) * 3 + 1


def test_keras_is_not_imported_before_the_backend_is_chosen() -> None:
    code = (
        "import sys; from flarecli.training.samples import anatomies; "
        "from flarecli.training import cross_validation, preparation, preview, rates, run; "
        "print([name for name in ('keras', 'tensorflow', 'torch', 'openvino') if name in sys.modules])"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"


def test_an_error_of_a_loader_reaches_the_training_when_its_sample_is_due() -> None:
    broken = SampleStream(BrokenScans(), small.recipe().view, Target.CLASSES, Schedule(), 0)
    with SampleLoader(broken, 0, workers=1) as loader:
        samples = iter(loader)
        next(samples)
        next(samples)
        with pytest.raises(FlareError, match="ValueError in a process"):
            next(samples)


@pytest.mark.parametrize(("workers", "megabytes"), [(1, 5), (2, 5), (1, 60)])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_process_that_is_killed_ends_the_training_at_once(
    workers: int, megabytes: int, number: signal.Signals
) -> None:
    if megabytes > 50 and number is signal.SIGTERM:
        pytest.skip("one signal within a message is enough")
    with SampleLoader(LargeStream(megabytes), 0, workers, ahead=1) as loader:
        samples = iter(loader)
        if megabytes < 50:
            assert [next(samples)[0] for _ in range(3)] == [0, 1, 2]
        else:  # more than a connection holds, so it is cut off
            assert loader._children[0].has_message(60)
        # The last one, whose sample may not be due.
        os.kill(loader._children[-1].pid, number)
        began = time.monotonic()
        with pytest.raises(InstallationError, match=f"was killed; seen: .*{number.name}"):
            list(islice(samples, 9))
        assert time.monotonic() - began < 5


def test_the_samples_end_when_the_user_wants_to_stop_while_one_is_waited_for() -> None:
    stops: list[int] = []
    with SampleLoader(LargeStream(2, last=1), 0, workers=1, should_stop=lambda: bool(stops)) as loader:
        samples = iter(loader)
        assert [next(samples)[0], next(samples)[0]] == [0, 1]
        threading.Timer(0.5, lambda: stops.append(1)).start()
        began = time.monotonic()
        assert next(samples, None) is None
        assert time.monotonic() - began < 3


def test_a_signal_to_the_whole_job_stops_the_training_without_an_error() -> None:
    stops: list[int] = []
    with SampleLoader(LargeStream(2, last=1), 0, workers=1, should_stop=lambda: bool(stops)) as loader:
        samples = iter(loader)
        assert [next(samples)[0], next(samples)[0]] == [0, 1]
        os.kill(loader._children[0].pid, signal.SIGTERM)
        threading.Timer(0.4, lambda: stops.append(1)).start()
        assert next(samples, None) is None


def test_memory_that_runs_out_in_a_process_is_said() -> None:
    with SampleLoader(TooLargeStream(), 0, workers=1) as loader, pytest.raises(InstallationError, match="memory ran"):
        next(iter(loader))


def order_of(settings: SamplingSettings, count: int, **changes: int) -> list[str]:
    cache = fake_cache(5, **changes)
    scans = CachedScans(cache, "segmentation", cache.names, settings, seed=4)
    return [scans.name_of(number) for number in range(count)]


def test_shuffled_epochs_have_every_case_once_in_another_order() -> None:
    names = order_of(SamplingSettings(), 15)
    epochs = [names[start : start + 5] for start in (0, 5, 10)]
    assert all(sorted(epoch) == sorted(epochs[0]) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1


def test_repeated_cases_and_slices_count_more() -> None:
    settings = SamplingSettings(repeated=("case_001",), repeats=4)
    epoch = order_of(settings, 8)
    assert epoch.count("case_001") == 4
    assert len(set(epoch)) == 5
    by_slices = order_of(replace(settings, by_slices=True), 8 * 20)
    assert by_slices.count("case_001") == 4 * 20


def test_drawing_with_replacement_is_uniform() -> None:
    names = order_of(SamplingSettings(order="with_replacement"), 1000)
    counts = np.unique(names, return_counts=True)[1]
    assert len(counts) == 5
    assert counts.min() > 150


def test_cached_data_gives_samples_of_the_training_cases_alone() -> None:
    split = Split(("case_000", "case_002"), ("case_001",))
    data = CachedData(small.recipe(), fake_cache(3), split)
    first = data.stream(0).sample(0)
    assert first.image.shape == (1, 16, 16, 16)
    source = data.stream(0).source.source  # type: ignore[attr-defined]
    assert {source.name_of(number) for number in range(20)} == set(split.training)  # type: ignore[attr-defined]
    assert [name for name, _ in data.validation_scans(5)] == ["case_001"]
