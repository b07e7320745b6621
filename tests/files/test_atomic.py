"""Files appear whole or not at all."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flarecli.errors import InputError, OutputError
from flarecli.files.atomic import atomic_folder, atomic_path, write_json, write_text


def test_success_leaves_the_file_alone_in_its_folder(tmp_path: Path) -> None:
    destination = tmp_path / "new" / "scan.v2.nii.gz"
    with atomic_path(destination) as temporary:
        assert temporary.parent == destination.parent
        assert temporary.name.endswith(".nii.gz")
        assert temporary.name.startswith(".")
        temporary.write_bytes(b"whole")
        assert not destination.exists()
    assert destination.read_bytes() == b"whole"
    assert list(destination.parent.iterdir()) == [destination]


@pytest.mark.parametrize("interruption", [RuntimeError, KeyboardInterrupt])
def test_failure_leaves_the_earlier_file(tmp_path: Path, interruption: type[BaseException]) -> None:
    destination = tmp_path / "labels.nii.gz"
    destination.write_bytes(b"earlier")

    def write_half() -> None:
        with atomic_path(destination) as temporary:
            temporary.write_bytes(b"half")
            raise interruption

    with pytest.raises(interruption):
        write_half()
    assert destination.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [destination]


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(InputError, match="cannot be written"),
        atomic_path(tmp_path / "file" / "labels.nii.gz"),
    ):
        pass


def test_json_keeps_umlauts(tmp_path: Path) -> None:
    write_json(tmp_path / "record.json", {"name": "Müller"})
    assert "Müller" in (tmp_path / "record.json").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "record.json").read_text(encoding="utf-8")) == {"name": "Müller"}


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "Make room on the disk"),
        (errno.EDQUOT, "quota"),
        (errno.EFBIG, "ulimit -f"),
        (errno.EROFS, "may write to"),
        (errno.EIO, "disk or network drive"),
    ],
)
def test_refusals_of_the_body_name_destination_reason_and_remedy(tmp_path: Path, code: int, words: str) -> None:
    destination = tmp_path / "labels.nii.gz"
    with pytest.raises(OutputError, match=words) as refused, atomic_path(destination):
        raise OSError(code, os.strerror(code))
    assert refused.value.path == destination
    assert refused.value.seen == os.strerror(code)
    assert refused.value.exit_code == 3
    assert not list(tmp_path.iterdir())


def test_a_file_larger_than_the_limit(tmp_path: Path) -> None:
    program = (
        "import resource, pathlib, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000));"
        "from flarecli.files.atomic import write_text; write_text(pathlib.Path(sys.argv[1]), 'x' * 5000)"
    )
    ended = subprocess.run([sys.executable, "-c", program, tmp_path / "x.csv"], capture_output=True, text=True)
    assert "OutputError" in ended.stderr
    assert "File too large" in ended.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_that_vanishes(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"), atomic_path(tmp_path / "out" / "x.csv") as temporary:
        shutil.rmtree(temporary.parent)


def test_a_folder_replaces_the_earlier_one_as_a_whole(tmp_path: Path) -> None:
    for number in (1, 2):
        with atomic_folder(tmp_path / "case") as temporary:
            (temporary / f"{number}.npy").touch()
    assert [path.name for path in (tmp_path / "case").iterdir()] == ["2.npy"]
    with pytest.raises(OutputError, match="No space left"), atomic_folder(tmp_path / "case"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert [path.name for path in tmp_path.iterdir()] == ["case"]


def test_names_that_are_not_utf8_are_escaped(tmp_path: Path) -> None:
    write_json(tmp_path / "record.json", {"scan": os.fsdecode(b"M\xfcller.nii.gz")})
    assert json.loads((tmp_path / "record.json").read_text())["scan"] == "M\udcfcller.nii.gz"


def test_a_file_that_appears_meanwhile_stays(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    write_text(table, "first", replaces=False)
    assert table.read_text() == "first"
    with pytest.raises(OutputError, match="exists already") as caught:
        write_text(table, "second", replaces=False)
    assert caught.value.path == table
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("table.csv", "first")]
    write_text(table, "second")
    assert table.read_text() == "second"
