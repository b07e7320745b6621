"""Renaming replaces no file that appeared meanwhile."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from flarecli.files.unreplaced import rename_unreplaced


@pytest.fixture(params=[True, False], ids=["hard links", "no hard links"])
def links(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    if not request.param:

        def refused(*_: object) -> None:
            raise OSError(errno.EOPNOTSUPP, "Operation not supported")

        monkeypatch.setattr(os, "link", refused)
    return bool(request.param)


def test_a_new_name_is_taken(tmp_path: Path, links: bool) -> None:
    (tmp_path / "new").write_text("new")
    rename_unreplaced(tmp_path / "new", tmp_path / "final")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("final", "new")]


@pytest.mark.parametrize("kind", ["file", "folder", "dangling link"])
def test_what_lies_there_stays(tmp_path: Path, links: bool, kind: str) -> None:
    new, final = tmp_path / "new", tmp_path / "final"
    new.write_text("new")
    if kind == "file":
        final.write_text("of others")
    elif kind == "folder":
        final.mkdir()
    else:
        final.symlink_to("nothing")
    before = final.lstat()
    with pytest.raises(FileExistsError):
        rename_unreplaced(new, final)
    assert new.read_text() == "new"
    assert os.path.samestat(final.lstat(), before)


def test_an_answer_that_was_lost(tmp_path: Path) -> None:
    new, final = tmp_path / "new", tmp_path / "final"
    new.write_text("new")
    os.link(new, final)  # made by a first try, of which the client of a file server never heard
    rename_unreplaced(new, final)
    assert [path.name for path in tmp_path.iterdir()] == ["final"]
