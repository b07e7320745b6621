"""Addresses, the paths that stand for them, and what is never shown of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from flarecli.addresses import Address, address_of, is_staged, shown, staged_path
from flarecli.errors import InputError, UsageError, error_from_dict
from flarecli.files.remote.parsing import parsed_address
from flarecli.files.remote.reading import at_hand
from flarecli.files.remote.writing import publish

FOLDER = Path("/tmp/folder/.flare-part-0a1b2c3d-17-4e5f6071.remote")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("s3://bucket/a/b.nii.gz", Address("s3", "bucket", "a/b.nii.gz")),
        ("s3://bucket/a/", Address("s3", "bucket", "a")),
        ("S3://bucket", Address("s3", "bucket", "")),
        ("gs://bucket/a?b#c.nii.gz", Address("gs", "bucket", "a?b#c.nii.gz")),
        (
            "https://host:8443/a%20b.nii.gz?X-Amz-Signature=1#part",
            Address("https", "host:8443", "a%20b.nii.gz", "X-Amz-Signature=1"),
        ),
        ("http://127.0.0.1:80/a.nii.gz", Address("http", "127.0.0.1:80", "a.nii.gz")),
        ("http://[::1]:80/a.nii.gz", Address("http", "[::1]:80", "a.nii.gz")),
    ],
)
def test_addresses_are_understood_and_found_again_by_their_path(text: str, address: Address, tmp_path: Path) -> None:
    assert parsed_address(text) == address
    folder = tmp_path / FOLDER.name
    folder.mkdir()
    path = staged_path(address, folder)
    assert path.name == address.path.rpartition("/")[2] or not address.path
    assert is_staged(path)
    assert address_of(path) == address
    assert shown(path) == str(address).rstrip("/")
    assert shown(f"cannot read '{path}' today") == f"cannot read '{str(address).rstrip('/')}' today"
    assert "Signature" not in f"{path} {address} {address!r} {shown(path)}"


@pytest.mark.parametrize("text", ["a/b.nii.gz", "/s3/b", "s3:/b", "c:\\scans", "-", "", "://", "a.remote/s3/b/c"])
def test_paths_stay_paths(text: str) -> None:
    assert parsed_address(text) is None
    assert not is_staged(text)
    assert shown(text) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ftp://host/a", "not read"),
        ("http://host/a", "without encryption"),
        ("http://127.0.0.1.evil.org/a", "without encryption"),
        ("https://user:word@host/a", "do not belong in an address"),
        ("s3://key:word@bucket/a", "do not belong in an address"),
        ("s3://", "incomplete"),
        ("https://host", "incomplete"),
        ("s3://bucket/a//b", "empty part"),
        ("s3://bucket/../b", "empty part"),
    ],
)
def test_what_is_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        parsed_address(text)
    assert "word@" not in str(caught.value)


def test_a_file_whose_path_looks_like_an_unknown_address_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("odd:").mkdir()
    Path("odd:/a.nii.gz").touch()
    assert parsed_address("odd://a.nii.gz") is None


def test_errors_show_addresses() -> None:
    path = FOLDER / "s3" / "bucket" / "a.nii.gz"
    error = InputError("is damaged", path=path, seen=f"as in {path}", remedy="Look.")
    assert str(error).startswith("s3://bucket/a.nii.gz: is damaged")
    assert error.as_dict()["path"] == "s3://bucket/a.nii.gz"
    assert error_from_dict(error.as_dict()).as_dict() == error.as_dict()
    assert ".flare-part" not in f"{error.place} {error.problem}"


def test_temporary_files_beside_a_staged_path_stand_for_nothing() -> None:
    assert not is_staged(FOLDER / "s3" / "bucket" / ".flare-part-0a1b2c3d-17-4e5f6071.nii.gz")
    assert not is_staged(FOLDER / "s3" / "bucket" / "a" / ".flare-part-0a1b2c3d-17-4e5f6071" / "b.nii.gz")


def test_a_host_without_the_folder_of_the_command_says_so(tmp_path: Path) -> None:
    path = staged_path(Address("s3", "bucket", "a.nii.gz"), tmp_path / FOLDER.name)
    with pytest.raises(InputError, match="TMPDIR"), at_hand(path):
        pass
    path.parent.mkdir(parents=True)
    path.touch()
    with pytest.raises(InputError, match="TMPDIR"):
        publish({path: path})
