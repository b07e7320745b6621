"""Every scan that is given is a case of its own, named as its input is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from flarecli.errors import InputError
from flarecli.profiling.budget import Budget
from flarecli.profiling.inputs import user_scans
from flarecli.profiling.profile import Profile, ProfileRequest, profile_scans
from flarecli.profiling.report import write_profile_table
from tests.dicom.collection.trees import put_series, zipped
from tests.synthetic_ct import write_ct

pytest.importorskip("pydicom", reason="needs the extra io: pip install 'flarecli[io]'")

from pydicom.fileset import FileSet


def save_folder(folder: Path) -> Path:
    put_series(folder)
    return folder


def save_tree(folder: Path) -> Path:
    put_series(folder / "study" / "series")
    return folder


def save_archive(folder: Path) -> Path:
    return zipped(save_tree(folder), folder.with_suffix(".zip"))


def save_disc(folder: Path) -> Path:
    def complete(dataset: object, k: int) -> None:
        dataset.StudyDate, dataset.StudyTime, dataset.StudyID, dataset.AccessionNumber = "20200101", "101010", "1", "1"  # type: ignore[attr-defined]

    put_series(folder / "made", change=complete)
    files = FileSet()
    for path in sorted((folder / "made").iterdir()):
        files.add(path)
    files.write(folder / "disc")
    files._stage["t"].cleanup()  # or its end is a ResourceWarning
    (folder / "disc").rename(folder.with_name(f"{folder.name} disc"))
    return folder.with_name(f"{folder.name} disc") / "DICOMDIR"


def unmeasured(sources: list[Path], folder: Path) -> Profile:
    """A profile in which no process is started."""
    request = ProfileRequest("flarelite", cold_runs=0, warm_runs=0, networks=False)
    return profile_scans(request, user_scans(sources, None, folder))


@pytest.mark.parametrize(
    ("save", "names"),
    [
        (save_folder, ["p1", "p2"]),
        (save_tree, ["p1", "p2"]),
        (save_archive, ["p1", "p2"]),
        (save_disc, ["p1 disc", "p2 disc"]),
    ],
)
def test_each_of_several_dicom_inputs_is_a_row_of_its_own(
    save: Callable[[Path], Path], names: list[str], tmp_path: Path
) -> None:
    sources = [save(tmp_path / name) for name in ("p1", "p2")]
    profile = unmeasured(sources, tmp_path / "out")
    assert [case.case.name for case in profile.cases] == names
    assert [case.case.labels.name for case in profile.cases] == [f"{name}.nii.gz" for name in names]
    assert len({case.case.scan for case in profile.cases}) == 2
    # What was not measured does not pass: so each is held to the limit.
    assert [breach.case for breach in Budget(max_seconds=1).breaches(profile)] == names
    write_profile_table(tmp_path / "profile.csv", profile)
    rows = (tmp_path / "profile.csv").read_text().splitlines()[1:]
    assert [row.split(",")[0] for row in rows] == [f"{name}.nii.gz" for name in names]


def test_inputs_of_all_kinds_are_named_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_ct(tmp_path / "scans" / "b_0000.nii.gz")
    sources = [
        write_ct(tmp_path / "a_0000.nii.gz"),
        tmp_path / "scans",
        save_tree(tmp_path / "v1.2"),
        save_archive(tmp_path / "c"),
        Path(),
    ]
    put_series(tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    cases = [scan.case for scan in user_scans(sources, None, tmp_path / "out")]
    assert [case.name for case in cases] == ["a", "b", "v1.2", "c", "here"]
    assert [case.labels for case in cases] == [tmp_path / "out" / f"{case.name}.nii.gz" for case in cases]


def test_a_scan_and_a_label_map_are_a_pair_whatever_their_names_and_those_of_folders_by_name(tmp_path: Path) -> None:
    scan = write_ct(tmp_path / "scans" / "patient_007.nii.gz")
    truth = write_ct(tmp_path / "truths" / "patient_031.nii.gz")
    (named,) = user_scans([scan], str(truth), tmp_path / "out")
    assert named.ground_truth == truth
    for sources, labels in (
        (scan.parent, truth.parent),
        (scan.parent, truth),
        (scan, truth.parent),
        (scan, tmp_path / "truths" / "*"),
    ):
        with pytest.raises(InputError, match="no prediction has the name of a ground truth"):
            user_scans([sources], str(labels), tmp_path / "out")
    own = truth.rename(truth.with_name("patient_007.nii.gz"))
    (paired,) = user_scans([scan.parent], str(own.parent), tmp_path / "out")
    assert paired.ground_truth == own


def test_scans_of_one_name_are_refused(tmp_path: Path) -> None:
    archive = save_archive(tmp_path / "p1")
    with pytest.raises(InputError, match="two scans have one name"):
        unmeasured([archive, tmp_path / "p1"], tmp_path / "out")
    (scan,) = user_scans([archive], None, tmp_path / "out")
    other = replace(scan, case=replace(scan.case, scan=tmp_path / "p2.zip"))
    with pytest.raises(InputError, match="two scans have one name"):
        profile_scans(ProfileRequest("flarelite", cold_runs=0, warm_runs=0, networks=False), [scan, other])
