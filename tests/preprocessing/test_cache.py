"""Writing and reading the cache of training arrays."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from flarecli.errors import InputError, UsageError
from flarecli.files import unfinished
from flarecli.preprocessing import CachedCase, TrainingCache
from flarecli.preprocessing.cache_writer import begin_cache, check_same_kind, finish_cache, locked_cache, write_case


def case(seed: int = 0, shape: tuple[int, int, int] = (4, 5, 6)) -> CachedCase:
    rng = np.random.default_rng(seed)
    image = rng.integers(-1000, 1000, shape).astype(np.int16)
    return CachedCase("case", image, rng.integers(0, 5, shape, np.uint8), (2.0, 1.5, 1.0))


def finished_cache(folder: Path) -> TrainingCache:
    for seed, name in enumerate(("b", "a")):
        write_case(folder, name, {"whole": case(seed), "part": case(seed + 10)}, {"note": name})
    finish_cache(folder, "efficientscn", ("whole", "part"), ("b", "a"), {"dataset": {"cases": 2}})
    return TrainingCache.open(folder)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    cache = finished_cache(tmp_path)
    assert (cache.system, cache.networks, cache.names) == ("efficientscn", ("whole", "part"), ("a", "b"))
    assert cache.figures == {"dataset": {"cases": 2}}
    loaded = cache.load("a", "part")
    assert (loaded.name, loaded.spacing_mm) == ("a", (2.0, 1.5, 1.0))
    np.testing.assert_array_equal(loaded.image, case(11).image)
    np.testing.assert_array_equal(loaded.labels, case(11).labels)
    assert loaded.image.dtype == np.int16
    assert loaded.labels.dtype == np.uint8


def test_grey_levels_of_a_former_version_are_not_taken_for_hu(tmp_path: Path) -> None:
    cache = finished_cache(tmp_path)
    path = next((cache.folder / "cases/a").glob("whole-image.npy"))
    np.save(path, np.zeros((4, 5, 6), np.uint8))
    with pytest.raises(InputError, match=r"another version of flare.*uint8") as refused:
        cache.load("a", "whole")
    assert "flare preprocess" in refused.value.remedy


def test_arrays_are_mapped_and_cannot_be_changed(tmp_path: Path) -> None:
    loaded = finished_cache(tmp_path).load("a", "whole")
    assert isinstance(loaded.image, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        loaded.image[0, 0, 0] = 1


def test_a_cache_goes_to_other_processes(tmp_path: Path) -> None:
    cache = finished_cache(tmp_path)
    assert pickle.loads(pickle.dumps(cache)) == cache


def test_networks_that_share_arrays_share_files(tmp_path: Path) -> None:
    shared = case()
    write_case(tmp_path, "a", {"first": shared, "second": shared, "third": case()}, {})
    finish_cache(tmp_path, "flarelite", ("first", "second", "third"), ("a",), {})
    assert sorted(path.name for path in (tmp_path / "cases" / "a").glob("*-image.npy")) == [
        "first-image.npy",
        "third-image.npy",
    ]
    np.testing.assert_array_equal(TrainingCache.open(tmp_path).load("a", "second").image, shared.image)


def test_what_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a cache"):
        TrainingCache.open(tmp_path)
    cache = finished_cache(tmp_path)
    with pytest.raises(UsageError, match="no such network; seen: fine; expected: one of whole, part"):
        cache.load("a", "fine")
    with pytest.raises(UsageError, match="no such case"):
        cache.load("c", "whole")


def test_a_cache_that_was_not_finished(tmp_path: Path) -> None:
    begin_cache(tmp_path, "efficientscn", ("whole",))
    with pytest.raises(InputError, match="was not finished"):
        TrainingCache.open(tmp_path)


def test_a_cache_of_another_version(tmp_path: Path) -> None:
    finished_cache(tmp_path)
    manifest = json.loads((tmp_path / "cache.json").read_text())
    (tmp_path / "cache.json").write_text(json.dumps({**manifest, "cache_version": 99}))
    with pytest.raises(InputError, match="another version"):
        TrainingCache.open(tmp_path)
    with pytest.raises(UsageError, match="another system or version"):
        check_same_kind(tmp_path, "efficientscn")


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(b"short")])
def test_damaged_files_are_named(tmp_path: Path, damage) -> None:
    cache = finished_cache(tmp_path)
    damage(tmp_path / "cases" / "a" / "whole-image.npy")
    with pytest.raises(InputError, match=r"whole-image\.npy: this file of the cache is missing or damaged"):
        cache.load("a", "whole")


def test_a_case_that_fails_half_way_leaves_the_earlier_one(tmp_path: Path) -> None:
    cache = finished_cache(tmp_path)
    with pytest.raises(TypeError):
        write_case(tmp_path, "a", {"whole": case(5)}, {"not for JSON": object()})
    np.testing.assert_array_equal(cache.load("a", "whole").image, case(1).image)
    assert sorted(path.name for path in (tmp_path / "cases").iterdir()) == ["a", "b"]


def test_a_case_is_replaced_as_a_whole(tmp_path: Path) -> None:
    cache = finished_cache(tmp_path)
    write_case(tmp_path, "a", {"whole": case(7)}, {})
    np.testing.assert_array_equal(cache.load("a", "whole").image, case(7).image)
    assert not (tmp_path / "cases" / "a" / "part-image.npy").exists()


def clear_again() -> None:
    """Let this process look for abandoned files once more in the folders that it has searched."""
    unfinished._cleared.clear()


def test_what_killed_runs_left_is_removed(tmp_path: Path) -> None:
    finished_cache(tmp_path)
    left = tmp_path / "cases" / ".flare-part-00000000-1-0123abcd"
    left.mkdir()
    (left / "whole-image.npy").touch()
    os.utime(left, (0, 0))
    clear_again()
    begin_cache(tmp_path, "efficientscn", ("whole", "part"))
    assert sorted(path.name for path in (tmp_path / "cases").iterdir()) == ["a", "b"]


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(UsageError, match="holds something else"), locked_cache(tmp_path):
        pass
    with pytest.raises(UsageError, match="is a file"), locked_cache(tmp_path / "thesis.txt"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def _try_to_lock(folder: Path, answer) -> None:
    try:
        with locked_cache(folder):
            answer.put("locked")
    except UsageError as error:
        answer.put(error.problem)


def test_two_processes_do_not_write_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    with locked_cache(tmp_path):
        process = context.Process(target=_try_to_lock, args=(tmp_path, answer))
        process.start()
        assert answer.get(timeout=60) == "is being written to by another process"
        process.join()
    with locked_cache(tmp_path):
        pass


@pytest.mark.parametrize("name", ["", ".", "..", "../other", "/other", "a/../../other", "a\0"])
def test_no_case_is_written_outside_of_the_folder_of_cases(tmp_path: Path, name: str) -> None:
    cache, other = tmp_path / "cache", tmp_path / "other"
    other.mkdir()
    (other / "precious.txt").write_text("kept")
    finished_cache(cache)
    with pytest.raises(InputError, match="cannot be the name of a folder"):
        write_case(cache, name, {"whole": case()}, {})
    assert (other / "precious.txt").read_text() == "kept"
    assert sorted(path.name for path in (cache / "cases").iterdir()) == ["a", "b"]


def test_a_link_in_the_cache_does_not_lead_out_of_it(tmp_path: Path) -> None:
    cache, other = tmp_path / "cache", tmp_path / "other"
    finished_cache(cache)
    write_case(other, "a", {"whole": case()}, {})
    (cache / "cases" / "c").symlink_to(other / "cases" / "a")
    with pytest.raises(InputError, match="leads out of the cache"):
        write_case(cache, "c", {"whole": case()}, {})
    assert (other / "cases" / "a" / "case.json").is_file()


def test_a_folder_with_other_files_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "cases" / "a" / "photos").mkdir(parents=True)
    with pytest.raises(InputError, match="something else than a case"):
        write_case(tmp_path, "a", {"whole": case()}, {})
    assert (tmp_path / "cases" / "a" / "photos").is_dir()


@pytest.mark.parametrize(
    "content", ["[]", "{}", '{"networks": {"whole": 3}}', '{"networks": {"whole": {"spacing_mm": [1]}}}']
)
def test_a_damaged_record_is_no_traceback(tmp_path: Path, content: str) -> None:
    cache = finished_cache(tmp_path)
    (tmp_path / "cases" / "a" / "case.json").write_text(content)
    with pytest.raises(InputError, match="missing or damaged"):
        cache.load("a", "whole")


@pytest.mark.parametrize("content", ["[]", '{"cache_version": 1, "is_finished": true}', "[" * 100_000])
def test_a_damaged_manifest_is_no_traceback(tmp_path: Path, content: str) -> None:
    finished_cache(tmp_path)
    (tmp_path / "cache.json").write_text(content)
    with pytest.raises(InputError, match="missing or damaged"):
        TrainingCache.open(tmp_path)


def test_a_record_names_no_files_elsewhere(tmp_path: Path) -> None:
    cache = finished_cache(tmp_path)
    path = tmp_path / "cases" / "a" / "case.json"
    record = json.loads(path.read_text())
    record["networks"]["whole"]["files"] = "../b/whole"
    path.write_text(json.dumps(record))
    with pytest.raises(InputError, match="cannot be the name"):
        cache.load("a", "whole")
