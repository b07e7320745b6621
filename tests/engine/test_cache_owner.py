"""The cache is its owner's alone: what others own or may write to is not used, and nothing else is touched."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from flarecli.engine.entry_cache import EntryCache

pytestmark = pytest.mark.skipif(os.name != "posix", reason="owners and permissions are POSIX ones")

FACTS = {"weights": "1"}
ROOM = 1_000_000


def write(folder: Path) -> None:
    (folder / "graph.bin").write_bytes(b"graph")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "cache" / "graphs"
    EntryCache(folder, ROOM).keep(FACTS, write)
    return folder


def found(folder: Path) -> Path | None:
    return EntryCache(folder, ROOM).find(FACTS)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_folders_are_made_for_their_owner_alone(folder: Path) -> None:
    entry = found(folder)
    assert entry is not None
    assert [mode(path) for path in (folder.parent, folder, entry)] == [0o700] * 3


def test_an_open_folder_is_closed_and_its_closed_entries_are_used(folder: Path) -> None:
    folder.chmod(0o777)
    assert found(folder) is not None
    assert mode(folder) == 0o700


@pytest.mark.parametrize("loose", [0o770, 0o777, 0o702])
def test_an_entry_that_others_may_write_is_made_anew(folder: Path, loose: int) -> None:
    entry = found(folder)
    assert entry is not None
    entry.chmod(loose)
    assert found(folder) is None
    assert not entry.exists()
    EntryCache(folder, ROOM).keep(FACTS, write)
    assert found(folder) == entry


@pytest.mark.parametrize("level", ["entry", "file", "folder"])
@pytest.mark.skipif(os.name == "posix" and os.geteuid() != 0, reason="gives files to another user, as root alone may")
def test_what_another_user_owns_is_not_used(folder: Path, level: str) -> None:
    entry = found(folder)
    assert entry is not None
    os.chown({"entry": entry, "file": entry / "graph.bin", "folder": folder}[level], 12345, -1)
    assert found(folder) is None
    if level == "folder":
        EntryCache(folder, ROOM).keep({"weights": "2"}, write)
        assert list(folder.iterdir()) == [entry]


def test_a_link_to_a_folder_of_ones_own_is_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "graphs").symlink_to(tmp_path / "elsewhere")
    EntryCache(tmp_path / "cache" / "graphs", ROOM).keep(FACTS, write)
    assert found(tmp_path / "cache" / "graphs") is not None
    (tmp_path / "elsewhere").chmod(0o777)
    assert found(tmp_path / "cache" / "graphs") is None
    assert mode(tmp_path / "elsewhere") == 0o777


@pytest.mark.parametrize("kind", ["link", "fifo", "file"])
def test_an_entry_of_another_kind_is_replaced(folder: Path, tmp_path: Path, kind: str) -> None:
    entry = found(folder)
    assert entry is not None
    if kind == "fifo":
        (entry / "graph.bin").unlink()
        os.mkfifo(entry / "graph.bin")
    else:
        entry.rename(tmp_path / "victim")
        entry.symlink_to(tmp_path / "victim") if kind == "link" else entry.write_bytes(b"")
    assert found(folder) is None
    EntryCache(folder, ROOM).keep(FACTS, write)
    assert found(folder) == entry
    assert kind == "fifo" or (tmp_path / "victim" / "graph.bin").exists()


@pytest.mark.parametrize("place", ["file", "dangling link", "below a file"])
def test_a_folder_that_cannot_be_one_is_no_obstacle(tmp_path: Path, place: str) -> None:
    folder = tmp_path / "cache" / "graphs"
    if place == "below a file":
        folder.parent.write_bytes(b"")
    else:
        folder.parent.mkdir()
        folder.write_bytes(b"") if place == "file" else folder.symlink_to(tmp_path / "gone")
    EntryCache(folder, ROOM).keep(FACTS, write)
    assert found(folder) is None


def test_folders_of_others_in_the_cache_folder_are_left_alone(folder: Path) -> None:
    foreign = folder / "mine"
    foreign.mkdir()
    (foreign / "entry.json").write_text(json.dumps({"kept": True}))
    EntryCache(folder, largest_bytes=1).keep({"weights": "2"}, write)
    assert (foreign / "entry.json").exists()
    assert found(folder) is None


def test_a_manifest_nested_without_end_counts_as_damaged(folder: Path) -> None:
    entry = found(folder)
    assert entry is not None
    (entry / "entry.json").write_text("[" * 200_000)
    assert found(folder) is None
