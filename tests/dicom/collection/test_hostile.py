"""Odd files and names in trees and archives end neither the run nor other series."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flarecli.cli.main import app
from flarecli.dicom.collection.opening import catalogue_of
from flarecli.dicom.collection.series_reading import find_series_of
from flarecli.errors import InputError
from tests.dicom.collection.trees import put_localizer, put_series, zipped
from tests.threshold_system import ThresholdSystem


@pytest.fixture(autouse=True)
def threshold_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flarecli.weights.selection.system_named", lambda name: ThresholdSystem())


def flare(*arguments: object) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)])


def test_fifos_devices_and_links_to_nothing_are_not_opened(tmp_path: Path) -> None:
    put_series(tmp_path / "a")
    put_series(tmp_path / "b", series="1.2.1.5", number=5)
    os.mkfifo(tmp_path / "a" / "pipe")
    (tmp_path / "a" / "null").symlink_to("/dev/null")
    (tmp_path / "b" / "IM099.dcm").symlink_to(tmp_path / "nowhere")

    found = catalogue_of(tmp_path)

    sound, doubtful = found.scans
    assert len(find_series_of(sound.files).stack.slices) == 9
    assert "pipe" in found.left_out
    with pytest.raises(InputError, match="1 of its files cannot be read") as caught:
        find_series_of(doubtful.files)
    assert "a link to a file that is not there" in str(caught.value.seen)


def test_names_that_are_no_text_are_read_and_shown_as_escapes(tmp_path: Path) -> None:
    put_series(tmp_path / "made")
    put_localizer(tmp_path / "made")
    (tmp_path / "tree").mkdir()
    shutil.move(tmp_path / "made", os.fsdecode(os.fsencode(tmp_path / "tree") + b"/M\xfcller \x1b[31m"))
    folder = next((tmp_path / "tree").iterdir())
    (folder / "IM003.dcm").rename(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.dcm"))
    (folder / "SCOUT.dcm").rename(os.fsdecode(os.fsencode(folder) + b"/\xfe\n.dcm"))
    (folder / "notes \x1b[31m.txt").write_text("x", encoding="utf-8")

    result = flare("predict", tmp_path / "tree", tmp_path / "out")

    assert result.exit_code == 0, result.output
    (record,) = (tmp_path / "out").glob("*.json")
    assert json.loads(record.read_text(encoding="utf-8"))["scan_content"]["files"] == 9
    assert "\x1b" not in result.stderr
    assert flare("predict", tmp_path / "tree", tmp_path / "out", "--resume").exit_code == 0


def test_names_of_archives_in_other_encodings_are_read(tmp_path: Path) -> None:
    put_series(tmp_path / "tree" / "Mxller \x1b[31m")
    archive = zipped(tmp_path / "tree", tmp_path / "tree.zip")
    archive.write_bytes(archive.read_bytes().replace(b"Mxller", b"M\xfcller"))

    result = flare("predict", archive, tmp_path / "out", "--name", "{PatientID}")

    assert result.exit_code == 0, result.output
    assert (tmp_path / "out" / "P1.nii.gz").is_file()


def test_trees_may_be_deep(tmp_path: Path) -> None:
    put_series(tmp_path / "series")
    place = tmp_path / "tree"
    place.mkdir()
    start = Path.cwd()
    try:
        os.chdir(place)
        for _ in range(1200):
            Path("d").mkdir()
            os.chdir("d")
        shutil.copytree(tmp_path / "series", "s")
    finally:
        os.chdir(start)

    found = catalogue_of(place)
    subprocess.run(["rm", "-rf", place], check=True)  # Python's own way is too deep for it, also for pytest

    assert len(found.scans) == 1


@pytest.mark.parametrize(
    "content", [b"", b"PK\5\6" + bytes(18), b"PK\3\4" + bytes(40)], ids=["nothing", "no files", "cut"]
)
def test_archives_without_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)

    result = flare("predict", tmp_path / "x.zip", tmp_path / "out")

    assert result.exit_code == 3
    assert "Traceback" not in result.output
    assert not (tmp_path / "out").exists()


def test_an_archive_in_an_archive_and_one_name_twice(tmp_path: Path) -> None:
    put_series(tmp_path / "tree")
    archive = zipped(tmp_path / "tree", tmp_path / "tree.zip")
    with zipfile.ZipFile(archive, "a") as file:
        with pytest.warns(UserWarning, match="Duplicate name"):
            file.write(tmp_path / "tree" / "IM003.dcm", "tree/IM003.dcm")
        file.writestr("tree/more.zip", b"PK\3\4")
        file.writestr("tree/\x1b[31m.dcm/", b"")

    found = catalogue_of(archive)

    (entry,) = found.scans
    assert len(find_series_of(entry.files).stack.slices) == 9
    assert "an archive, which is not searched" in found.left_out
    assert "more.zip" in found.left_out


def test_an_empty_tree_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tree" / "a" / "b").mkdir(parents=True)

    for out in ("out", "out.nii.gz"):
        result = flare("predict", tmp_path / "tree", tmp_path / out)
        assert result.exit_code == 3
        assert "holds nothing that can be used" in result.stderr


def test_the_output_may_lie_in_the_tree(tmp_path: Path) -> None:
    put_series(tmp_path / "tree" / "a")
    out = tmp_path / "tree" / "results"

    assert flare("predict", tmp_path / "tree", out, "--split").exit_code == 0
    result = flare("predict", tmp_path / "tree", out, "--split", "--resume", "--json")

    assert [case["status"] for case in json.loads(result.stdout)] == ["skipped"]
