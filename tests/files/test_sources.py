"""Only regular files are read, and nothing that cannot fit into memory."""

import os
from pathlib import Path

import pytest

from flarecli.errors import Blame, InputError
from flarecli.files import sources
from flarecli.files.sources import check_memory, check_regular_file, exists, is_folder, opened


def test_a_fifo_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "scan.nii.gz")
    with pytest.raises(InputError, match="is not a regular file; seen: a FIFO"):
        check_regular_file(tmp_path / "scan.nii.gz")
    with pytest.raises(InputError, match="is not a regular file"):
        check_regular_file(Path("/dev/zero"))


def test_a_link_to_nothing_names_its_target(tmp_path: Path) -> None:
    (tmp_path / "scan.nii.gz").symlink_to(".git/annex/objects/x")
    with pytest.raises(InputError, match=r"link to a file that is not there; seen: -> \.git/annex/objects/x"):
        check_regular_file(tmp_path / "scan.nii.gz")
    with pytest.raises(InputError, match="does not exist"):
        check_regular_file(tmp_path / "other.nii.gz")
    with pytest.raises(InputError, match="is a folder"):
        check_regular_file(tmp_path)


def test_links_are_followed_and_errors_of_the_body_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    with opened(tmp_path / "link") as file:
        assert file.read() == b"content"
    with pytest.raises(InputError, match="cannot be read; seen: Input/output error"), opened(tmp_path / "file"):
        raise OSError(5, "Input/output error")


def test_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "available_bytes", lambda: 2e9)
    check_memory(1.9e9, Path("scan.nii.gz"), "voxels")
    with pytest.raises(InputError, match=r"seen: 4\.0 GB for 1000 voxels; expected: at most 2\.0 GB") as caught:
        check_memory(4e9, Path("scan.nii.gz"), "1000 voxels")
    assert caught.value.blame is Blame.ACCESS  # another host may have more


def test_what_this_host_does_not_show_is_not_the_fault_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nothing")
    for path in (tmp_path / "missing", tmp_path / "link"):
        with pytest.raises(InputError) as caught:
            check_regular_file(path)
        assert caught.value.blame is Blame.ACCESS
    with pytest.raises(InputError) as caught:
        check_regular_file(tmp_path)
    assert caught.value.blame is Blame.INPUT


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "nothing"])
def test_names_that_the_system_refuses_are_no_files(tmp_path: Path, name: str) -> None:
    assert not exists(tmp_path / name)
    assert not is_folder(tmp_path / name)
    assert exists(tmp_path)
    assert is_folder(tmp_path)
