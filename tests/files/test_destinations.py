"""What a run is going to write is checked as a whole, and nothing but regular files is ever replaced."""

import os
import socket
from pathlib import Path

import pytest

from flarecli.errors import OutputError, UsageError
from flarecli.files.atomic import atomic_path, atomic_text
from flarecli.files.destinations import Destination, check_destination, check_destinations


def special_files(folder: Path) -> dict[str, Path]:
    os.mkfifo(folder / "fifo.csv")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(folder / "socket.csv"))
    (folder / "folder.csv").mkdir()
    (folder / "to_fifo.csv").symlink_to("fifo.csv")
    (folder / "circle.csv").symlink_to("circle.csv")
    return {name: folder / f"{name}.csv" for name in ("fifo", "socket", "folder", "to_fifo", "circle")}


@pytest.mark.parametrize("name", ["fifo", "socket", "folder", "to_fifo", "circle"])
def test_special_files_are_refused_and_stay(tmp_path: Path, name: str) -> None:
    path = special_files(tmp_path)[name]
    before = path.lstat()
    with pytest.raises(OutputError), atomic_text(path) as stream:
        stream.write("replaced")
    assert path.lstat().st_ino == before.st_ino
    assert path.lstat().st_mode == before.st_mode


@pytest.mark.parametrize("path", ["", ".", "/", "-"])
def test_names_of_no_file(path: str) -> None:
    with pytest.raises(OutputError), atomic_path(Path(path)):
        pass


def test_device(tmp_path: Path) -> None:
    # The check alone: nothing is opened or written.
    with pytest.raises(OutputError, match="is a device, not a file"):
        check_destination(Path("/dev/null"))


def test_a_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "scores.csv", tmp_path / "scores.csv"
    link.symlink_to(target)
    for content in ("first", "second"):
        with atomic_text(link) as stream:
            stream.write(content)
        assert link.is_symlink()
        assert target.read_text() == content
    assert [path.name for path in target.parent.iterdir()] == ["scores.csv"]


def test_standard_output(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("-", "/dev/stdout"):
        with atomic_text(Path(name)) as stream:
            stream.write("row\n")
    assert capsys.readouterr().out == "row\nrow\n"
    assert not list(tmp_path.iterdir())


def test_name_longer_than_the_file_system_takes(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="at least 1 byte shorter"), atomic_path(tmp_path / ("x" * 252 + ".csv")):
        pass
    with atomic_path(tmp_path / ("x" * 248 + ".nii.gz")) as temporary:
        temporary.touch()
    assert len(os.fsencode(next(tmp_path.iterdir()).name)) == 255


def test_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="Not a directory"):
        check_destination(tmp_path / "file" / "below" / "labels.nii.gz")


def test_two_outputs_at_one_path(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    outputs = [
        Destination(tmp_path / "o.json", "record of o", replaces=True),
        Destination(tmp_path / "link" / "o.json", "table of statistics", replaces=True),
    ]
    with pytest.raises(UsageError, match="record of o and table of statistics"):
        check_destinations(outputs, [])


def test_an_input_among_the_outputs(tmp_path: Path) -> None:
    truth = tmp_path / "gt.nii.gz"
    truth.write_bytes(b"truth")
    (tmp_path / "report.html").hardlink_to(truth)
    (tmp_path / "link.html").symlink_to(truth)
    for name in ("gt.nii.gz", "link.html"):
        with pytest.raises(UsageError, match="would replace a file that is read"):
            check_destinations([Destination(tmp_path / name, "report", replaces=True)], [truth])
    check_destinations([Destination(tmp_path / "report.html", "report", replaces=True)], [truth])


def test_existing_files_are_named(tmp_path: Path) -> None:
    outputs = [Destination(tmp_path / f"{number}.csv", "table") for number in range(5)]
    for output in outputs[1:]:
        output.path.touch()
    with pytest.raises(OutputError, match=r"exists already.*1\.csv \(table\), .* and 1 more"):
        check_destinations(outputs, [])
    check_destinations(outputs[:1], [])
    check_destinations([Destination(output.path, "table", replaces=True) for output in outputs], [])
