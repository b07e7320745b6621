"""Long lists of scans: begun within seconds, and outputs checked by lists of names as by a look at each."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from flarecli.errors import FlareError, InputError, UsageError
from flarecli.files.destinations import Destination
from flarecli.prediction.case_lists import read_case_list
from flarecli.prediction.cases import CaseSelection, find_scans
from flarecli.prediction.long_lists.case_sequence import CaseSequence
from flarecli.prediction.output_options import OutputOptions, PreviewFolder
from flarecli.prediction.outputs import check_clashes, check_outputs
from tests.processor_time import least_processor_s

COUNT = 300  # enough for the check by names
PROCESSOR_S = 1.0
"""For 100,000 scans; a third of it is what a quiet machine needs."""
OBJECT_S = 3.0
"""The same of lines that may be JSON objects."""


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    for number in range(COUNT):
        (folder / f"s{number:03}_0000.nii.gz").write_bytes(b"")
    return folder


def check(scans: Path, out: Path, extras: OutputOptions | None = None, table: Path | None = None) -> None:
    tables = [] if table is None else [Destination(table, "table")]
    check_outputs(find_scans(scans, out).cases, extras or OutputOptions(), "refuse", tables=tables)


def listed_outputs(cases: CaseSequence) -> list[tuple[str, str]]:
    """Label map, in lower case, and name of each case, from the groups of names."""
    found = [
        (index, str(Path(group.folder, f"{stem}{group.suffix}")).lower(), case)
        for group in cases.outputs()
        for stem, case, index in zip(group.stems, group.cases, group.indices, strict=True)
    ]
    return [(labels, name) for _, labels, name in sorted(found)]


@pytest.mark.parametrize(
    ("name", "extras"),
    [
        ("s299.nii.gz", OutputOptions()),
        ("s299.json", OutputOptions()),
        ("s299_liver.nii.gz", OutputOptions(split=True)),
        ("s299_liver.stl", OutputOptions(mesh="stl")),
    ],
)
def test_a_file_that_exists_is_found(scans: Path, tmp_path: Path, name: str, extras: OutputOptions) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "other.nii.gz").touch()
    check(scans, out, extras)
    (out / name).touch()
    with pytest.raises(FlareError, match="exists already"):
        check(scans, out, extras)


def test_previews_and_links_are_found(scans: Path, tmp_path: Path) -> None:
    out, previews = tmp_path / "out", tmp_path / "previews"
    previews.mkdir()
    extras = OutputOptions(preview=PreviewFolder(previews))
    check(scans, out, extras)
    (previews / "s001.png").symlink_to(tmp_path / "nothing")
    (tmp_path / "nothing").touch()
    with pytest.raises(FlareError, match="exists already"):
        check(scans, out, extras)


def test_tables_and_scans_are_not_replaced(scans: Path, tmp_path: Path) -> None:
    with pytest.raises(FlareError, match="two outputs would be written to one file"):
        check(scans, tmp_path / "out", table=tmp_path / "out" / "s007.json")
    (scans / "s008.nii.gz").write_bytes(b"")
    linked = tmp_path / "linked"
    linked.symlink_to(scans)
    with pytest.raises(FlareError):
        check(scans, linked)


def test_masks_of_one_and_label_map_of_another_scan(scans: Path, tmp_path: Path) -> None:
    (scans / "s010_liver.nii.gz").write_bytes(b"")
    check(scans, tmp_path / "out")
    with pytest.raises(FlareError, match="two outputs would be written to one file"):
        check(scans, tmp_path / "out", OutputOptions(split=True))


@pytest.mark.parametrize(
    ("name", "extras"),
    [
        ("s010.nii", OutputOptions()),
        ("s010.failed.nii.gz", OutputOptions()),
        ("s010_liver.nii.gz", OutputOptions(split=True)),
        ("s010_right_kidney.nii.gz", OutputOptions(split=True, sides=True)),
        ("s010.failed.nii", OutputOptions(dicom=("seg",))),
    ],
)
def test_two_files_of_one_name_anywhere_in_the_list(
    scans: Path, tmp_path: Path, name: str, extras: OutputOptions
) -> None:
    out = tmp_path / "out"
    check_clashes(find_scans(scans, out).cases, extras)
    (scans / name).write_bytes(b"")
    cases = find_scans(scans, out).cases
    for listed in (cases, list(cases)):
        with pytest.raises(UsageError, match="two outputs would be written to one file") as caught:
            check_clashes(listed, extras)
    assert "s010" in str(caught.value.seen)
    if not extras.dicom:  # which needs scans that are DICOM
        with pytest.raises(UsageError, match="two outputs would be written to one file"):
            check_outputs(cases, extras, "refuse")


def test_tables_and_outputs_of_other_parts(scans: Path, tmp_path: Path) -> None:
    cases = find_scans(scans, tmp_path / "out").cases
    for name in ("s007.json", "s007.failed.json"):
        for listed in (cases, list(cases)):
            with pytest.raises(UsageError, match="two outputs would be written to one file"):
                check_clashes(listed, OutputOptions(), tables=[Destination(tmp_path / "out" / name, "table")])
    check_clashes(cases, OutputOptions(), tables=[Destination(tmp_path / "out" / "table.json", "table")])


def test_two_scans_of_one_name(scans: Path, tmp_path: Path) -> None:
    (scans / "s005.nii.gz").write_bytes(b"")
    with pytest.raises(InputError, match="two scans would be written to one file") as caught:
        find_scans(scans, tmp_path / "out")
    assert caught.value.seen == "s005.nii.gz and s005_0000.nii.gz"


def test_a_folder_that_is_a_file(scans: Path, tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    listed = tmp_path / "list"
    listed.write_text("".join(f"{path}\n" for path in sorted(scans.iterdir())))
    with pytest.raises(FlareError):
        check_outputs(read_case_list(str(listed), tmp_path / "out"), OutputOptions(), "refuse")


def test_names_are_those_of_the_cases(tmp_path: Path) -> None:
    lines = ["/a/b/x_0000.nii.gz", "/a/.nii", "y.MHD", "_0000.nii.gz", json.dumps({"scan": "/a", "output": "z/o.nii"})]
    lines += [json.dumps({"scan": "c.nrrd", "output": "p/q/r.nii"}), json.dumps({"scan": "e.nii", "output": "p/E.NII"})]
    lines += [json.dumps({"scan": "d", "name": "p.nii"}), json.dumps({"scan": "d.mhd", "name": "f", "output": "g.nii"})]
    lines += [json.dumps({"scan": "/a/b.nii", "name": "n"}), "/a/series", f"/a/{'ü' * 90}.nii", " /a/c d.hdr "]
    listed = tmp_path / "list"
    listed.write_text("\n".join(lines))
    cases = read_case_list(str(listed), tmp_path / "out")
    assert listed_outputs(cases) == [(str(case.labels).lower(), case.name) for case in cases]
    part = cases[1::2]
    assert [case.labels for case in part] == [case.labels for case in list(cases)[1::2]]
    assert cases[-1] == list(cases)[-1]
    with pytest.raises(IndexError):
        cases[len(lines)]


def test_numbers_in_place_of_names_stay_in_parts(scans: Path, tmp_path: Path) -> None:
    cases = find_scans(scans, tmp_path / "out", CaseSelection(anonymous=True)).cases
    assert [case.name for case in cases[1::150]] == ["scan_002", "scan_152"]
    assert [case.name for case in cases[1::150][1:]] == ["scan_152"]
    assert isinstance(cases, CaseSequence)
    assert listed_outputs(cases[3:9:2]) == [(str(case.labels).lower(), case.name) for case in cases[3:9:2]]


def write_list(path: Path, *lines: object) -> str:
    path.write_text("".join(f"{line if isinstance(line, str | Path) else json.dumps(line)}\n" for line in lines))
    return str(path)


def check_list(listed: str, out: Path, existing: str = "refuse", extras: OutputOptions | None = None) -> None:
    check_outputs(read_case_list(listed, out), extras or OutputOptions(), existing)


def in_folders(scans: Path) -> list[object]:
    """Lines of all scans, with a folder of results for each."""
    return [{"scan": str(path), "output": f"{path.name[:4]}/organs.nii.gz"} for path in sorted(scans.iterdir())]


def test_results_in_folders_below(scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    listed = write_list(tmp_path / "list", *in_folders(scans))
    check_list(listed, out)
    (out / "s007").mkdir(parents=True)
    check_list(listed, out)
    (out / "s007" / "organs.json").touch()
    with pytest.raises(FlareError, match="exists already"):
        check_list(listed, out)
    check_list(listed, out, "overwrite")


@pytest.mark.parametrize(
    "line",
    [
        {"scan": "a.nii.gz", "output": "s007/organs.nii"},
        {"scan": "a.nii.gz", "output": "s007/../s007/organs.nii.gz"},
        {"scan": "a.nii.gz", "output": "linked/organs.nii.gz"},
        {"scan": "a.nii.gz", "output": "s007/ORGANS.nii.gz"},
        {"scan": "a.nii.gz", "output": "OUT/s007/organs.nii.gz"},
    ],
)
def test_two_ways_to_one_file_below(scans: Path, tmp_path: Path, line: dict[str, str]) -> None:
    out = tmp_path / "out"
    (out / "s007").mkdir(parents=True)
    (out / "linked").symlink_to(out / "s007")
    if line["output"].startswith("OUT"):
        line = {**line, "output": line["output"].replace("OUT", str(out))}
    listed = write_list(tmp_path / "list", *in_folders(scans), line)
    if line["output"] == "s007/ORGANS.nii.gz":
        check_list(listed, out)  # where names that differ in case are two
        check_clashes(read_case_list(listed, out), OutputOptions())
        return
    with pytest.raises(FlareError, match="written to one file"):
        check_list(listed, out)
    with pytest.raises(FlareError, match="written to one file"):
        check_clashes(read_case_list(listed, out), OutputOptions())


def test_a_result_that_is_a_scan_of_another_case_is_not_replaced(scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "s007.nii.gz").touch()
    lines = sorted(scans.iterdir())
    check_list(write_list(tmp_path / "list", *lines), out, "overwrite")
    (scans / "s200_0000.nii.gz").unlink()
    (scans / "s200_0000.nii.gz").symlink_to(out / "s007.nii.gz")
    with pytest.raises(FlareError, match="would replace a file that is read"):
        check_list(write_list(tmp_path / "list", *lines), out, "overwrite")


def test_resume_looks_at_what_exists(scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "s007.nii.gz").touch()
    listed = write_list(tmp_path / "list", *sorted(scans.iterdir()))
    with pytest.raises(FlareError, match="belong to no earlier run") as caught:
        check_list(listed, out, "resume")
    assert caught.value.path == out / "s007.nii.gz"
    (out / "s007.json").write_text('{"record_version": 1, "labels": {"file": "s007.nii.gz"}}')
    check_list(listed, out, "resume")
    (out / "s250.json").write_text('{"a": 1}')
    with pytest.raises(FlareError, match="exists already") as caught:
        check_list(listed, out, "resume")
    assert caught.value.path == out / "s250.json"


LINES: dict[str, Callable[[Path, int], object]] = {
    "paths": lambda folder, number: folder / f"scan{number:06}.nii.gz",
    "names": lambda folder, number: {"scan": f"{folder}/p{number}/ct.nii.gz", "name": f"scan{number:06}"},
    "outputs": lambda folder, number: {"scan": f"{folder}/p{number}/ct.nii", "output": f"p{number}/organs.nii.gz"},
}


@pytest.mark.parametrize("kind", LINES)
def test_lists_of_every_kind_are_begun_within_seconds(tmp_path: Path, kind: str) -> None:
    count = 50_000
    listed = write_list(tmp_path / "list", *(LINES[kind](tmp_path, number) for number in range(count)))

    def begin() -> None:
        cases = read_case_list(listed, tmp_path / "out")
        check_outputs(cases, OutputOptions(), "refuse")
        assert len(cases) == count

    def begin_shared() -> None:
        check_clashes(read_case_list(listed, tmp_path / "out"), OutputOptions(split=True, dicom=("seg",)))

    bound_s = OBJECT_S * count / 100_000
    assert least_processor_s(begin, bound_s) < bound_s
    assert least_processor_s(begin_shared, bound_s) < bound_s


@pytest.mark.parametrize("folder", [False, True])
def test_long_lists_are_begun_within_seconds(tmp_path: Path, folder: bool) -> None:
    count = 20_000 if folder else 100_000  # files take longer to make than to list
    names = [f"scan{number:06}.nii.gz" for number in range(count)]
    scans, out = tmp_path / "scans", tmp_path / "out"
    if folder:
        scans.mkdir()
        for name in names:
            (scans / name).touch()
    listed = tmp_path / "list"
    listed.write_text("".join(f"{scans}/{name}\n" for name in names))

    def begin() -> None:
        cases = find_scans(scans, out).cases if folder else read_case_list(str(listed), out)
        check_outputs(cases, OutputOptions(), "refuse")
        assert cases[0].labels == out / names[0]

    bound_s = PROCESSOR_S * count / 100_000
    assert least_processor_s(begin, bound_s) < bound_s
