"""Files appear whole or not at all."""

import json
from pathlib import Path

import pytest

from flarecli.errors import InputError
from flarecli.files.atomic import atomic_path, write_json


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
