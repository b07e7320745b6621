"""Files of one result appear together, or none of them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from flarecli.errors import OutputError
from flarecli.files.atomic import write_text
from flarecli.files.destinations import Destination, exist_already
from flarecli.files.together import ExistingFiles, appearing_together
from flarecli.files.unfinished import PREFIX


def test_all_appear_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    replace = Path.replace

    def watched(path: Path, target: Path) -> Path:
        if PREFIX in path.parent.name and PREFIX not in target.parent.name:
            order.append(target.name)
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", watched)
    finals = [tmp_path / "new" / "b.txt", tmp_path / "other" / "c.txt", tmp_path / "new" / "a.txt"]
    with appearing_together(finals) as written:
        for final, temporary in written.items():
            write_text(temporary, final.name)
        assert not any(final.exists() for final in finals)
    assert [final.read_text() for final in finals] == ["b.txt", "c.txt", "a.txt"]
    assert order == ["b.txt", "c.txt", "a.txt"]
    assert not list(tmp_path.rglob(f"{PREFIX}*"))


def write_all(finals: list[Path], then: BaseException | None = None) -> None:
    with appearing_together(finals) as written:
        for temporary in written.values():
            write_text(temporary, "after")
        if then is not None:
            raise then


@pytest.mark.parametrize("cause", [ValueError("a defect"), KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_a_failure_leaves_earlier_files(tmp_path: Path, cause: BaseException) -> None:
    old, new = tmp_path / "old.txt", tmp_path / "new.txt"
    old.write_text("before")
    with pytest.raises(OutputError if isinstance(cause, OSError) else type(cause)):
        write_all([old, new], cause)
    assert old.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["old.txt"]


def test_errors_name_the_final_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_: object) -> None:
        raise OSError(28, "No space left on device")

    final = tmp_path / "a.txt"
    monkeypatch.setattr("flarecli.files.unfinished.os.open", no_room)
    with pytest.raises(OutputError, match="No space left") as caught:
        write_all([final])
    assert caught.value.path == final


def test_a_rename_that_is_refused_takes_back_what_was_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    replace = Path.replace

    def refused(path: Path, target: Path) -> Path:
        if target == second:
            raise PermissionError(13, "Permission denied")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", refused)
    with pytest.raises(OutputError, match=r"b\.txt: cannot be written"):
        write_all([first, second])
    assert list(tmp_path.iterdir()) == []


class Killed(BaseException):
    """In the place of a signal that ends the process at once."""


def refuse_from(monkeypatch: pytest.MonkeyPatch, count: int, error: BaseException) -> list[str]:
    """Let renames of what was written fail from a number on; gives the names of those that succeeded."""
    replace = Path.replace
    renamed: list[str] = []

    def refused(path: Path, target: Path) -> Path:
        if PREFIX not in target.parent.name and PREFIX in path.parent.name and path.name == target.name:
            if len(renamed) == count:
                raise error
            renamed.append(target.name)
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", refused)
    return renamed


def save(folder: Path, names: str, text: str) -> dict[str, str]:
    for name in names:
        (folder / f"{name}.txt").write_text(text)
    return {f"{name}.txt": text for name in names}


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def refuse_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)


def refuse_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    refuse_links(monkeypatch)
    monkeypatch.setattr(shutil, "copy2", refused)


@pytest.mark.parametrize("without", [lambda _: None, refuse_links, refuse_copies])
@pytest.mark.parametrize("error", [PermissionError(1, "Operation not permitted"), KeyboardInterrupt()])
@pytest.mark.parametrize("count", [0, 1, 2])
@pytest.mark.parametrize("existing", ["", "r", "m", "l", "rl", "rml"])
def test_a_rename_that_is_refused_puts_back_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without: object, error: BaseException, count: int, existing: str
) -> None:
    before = save(tmp_path, existing, "before")
    without(monkeypatch)  # type: ignore[operator]
    refuse_from(monkeypatch, count, error)
    with pytest.raises(OutputError if isinstance(error, OSError) else KeyboardInterrupt):
        write_all([tmp_path / f"{name}.txt" for name in "rml"])
    assert texts(tmp_path) == before


def test_a_file_that_is_put_back_is_the_same_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, "rm", "before")
    number, mode = (tmp_path / "m.txt").stat().st_ino, 0o640
    (tmp_path / "m.txt").chmod(mode)
    refuse_from(monkeypatch, 1, PermissionError(1, "Operation not permitted"))
    with pytest.raises(OutputError):
        write_all([tmp_path / "r.txt", tmp_path / "m.txt"])
    assert (tmp_path / "m.txt").stat().st_ino == number
    assert (tmp_path / "m.txt").stat().st_mode & 0o777 == mode
    assert (tmp_path / "m.txt").stat().st_nlink == 1


@pytest.mark.parametrize("without", [lambda _: None, refuse_links])
def test_names_stand_for_a_file_at_every_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, without: object
) -> None:
    save(tmp_path, "rml", "before")
    without(monkeypatch)  # type: ignore[operator]
    replace, seen = Path.replace, []

    def watched(path: Path, target: Path) -> Path:
        seen.append(all((tmp_path / f"{name}.txt").exists() for name in "rml"))
        result = replace(path, target)
        seen.append(all((tmp_path / f"{name}.txt").exists() for name in "rml"))
        return result

    monkeypatch.setattr(Path, "replace", watched)
    write_all([tmp_path / f"{name}.txt" for name in "rml"])
    assert len(seen) >= 6
    assert all(seen)
    assert texts(tmp_path) == dict.fromkeys(("r.txt", "m.txt", "l.txt"), "after")


@pytest.mark.parametrize(("existing", "order"), [("", "rml"), ("ml", "rml"), ("r", "mlr"), ("rml", "mlr")])
def test_a_killed_process_leaves_no_file_without_its_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, existing: str, order: str
) -> None:
    finals = [tmp_path / f"{name}.txt" for name in "rml"]
    for count in range(3):
        save(tmp_path, existing, "before")
        renamed = refuse_from(monkeypatch, count, Killed())
        monkeypatch.setattr("flarecli.files.replacements._undo", lambda step: None)
        with pytest.raises(Killed):
            write_all(finals)
        assert "".join(name[0] for name in renamed) == order[:count]
        assert finals[0].exists() or not renamed
        monkeypatch.undo()
        for final in finals:
            final.unlink(missing_ok=True)


def test_what_is_gone_is_removed_or_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = save(tmp_path, "rml", "before")
    gone = [tmp_path / "m.txt", tmp_path / "l.txt", tmp_path / "never.txt"]
    replace = Path.replace

    def refused(path: Path, target: Path) -> Path:
        if path == gone[1]:
            raise PermissionError(1, "Operation not permitted")
        return replace(path, target)

    def write() -> None:
        with appearing_together([tmp_path / "r.txt"], gone=gone) as written:
            write_text(written[tmp_path / "r.txt"], "after")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", refused)
        with pytest.raises(OutputError, match=r"l\.txt: cannot be written"):
            write()
    assert texts(tmp_path) == before
    write()
    assert texts(tmp_path) == {"r.txt": "after"}


def test_links_stay_and_point_to_what_is_new(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    links = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for link in links:
        link.symlink_to(Path("elsewhere") / f"{link.stem}.data")
    with appearing_together(links) as written:
        assert [path.name for path in written.values()] == ["a.txt", "b.txt"]
        for link in links:
            write_text(written[link], link.name)
    assert all(link.is_symlink() for link in links)
    assert (tmp_path / "elsewhere" / "a.data").read_text() == "a.txt"


def test_what_a_killed_process_left_is_cleared(tmp_path: Path) -> None:
    from flarecli.files import unfinished

    left = tmp_path / f"{PREFIX}{unfinished.this_host()}-{2**22 + 1}-00000000"
    left.mkdir()
    (left / "half.nii.gz").touch()
    with appearing_together([tmp_path / "a.txt"]) as written:
        write_text(written[tmp_path / "a.txt"], "content")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def keeping(*, may_be_replaced: bool) -> ExistingFiles:
    return ExistingFiles(lambda: may_be_replaced, lambda path: exist_already([Destination(path, "a result")]))


@pytest.mark.parametrize("appears", ["a.txt", "b.txt", "c.txt"])
def test_files_that_appear_meanwhile_stay(tmp_path: Path, appears: str) -> None:
    finals = [tmp_path / name for name in ("a.txt", "b.txt", "c.txt")]
    gone, outdated = tmp_path / "gone.txt", tmp_path / "outdated.txt"
    outdated.write_text("failed")

    def write() -> None:
        existing = keeping(may_be_replaced=False)
        with appearing_together(finals, gone=[gone], outdated=[outdated], existing=existing) as written:
            for temporary in written.values():
                write_text(temporary, "after")
            (tmp_path / appears).write_text("of others")
            gone.write_text("of others")

    with pytest.raises(OutputError, match="exists already") as caught:
        write()
    assert caught.value.path == tmp_path / appears
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        appears: "of others",
        "gone.txt": "of others",
        "outdated.txt": "failed",
    }


@pytest.mark.parametrize("may_be_replaced", [True, False])
def test_what_may_be_replaced_is_asked_when_all_is_written(tmp_path: Path, may_be_replaced: bool) -> None:
    finals, outdated, gone = [tmp_path / "a.txt", tmp_path / "b.txt"], tmp_path / "outdated.txt", tmp_path / "gone.txt"
    outdated.write_text("failed")
    existing = keeping(may_be_replaced=may_be_replaced)
    with appearing_together(finals, gone=[gone], outdated=[outdated], existing=existing) as written:
        for temporary in written.values():
            write_text(temporary, "after")
        if may_be_replaced:
            finals[0].write_text("before")
            gone.write_text("before")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.txt": "after", "b.txt": "after"}
