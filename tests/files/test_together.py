"""Files of one result appear together, or none of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from flarecli.errors import OutputError
from flarecli.files.atomic import write_text
from flarecli.files.together import appearing_together
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
