"""Scans and results on servers: S3 by a real server (moto's), https by one of the standard library."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flarecli.addresses import FOLDER_SUFFIX
from flarecli.cli.main import app
from flarecli.files.remote import connections
from tests.datasets.labelled_files import flare_dataset
from tests.dicom.series_writer import write_series
from tests.files.remote.servers import BUCKET, S3, HttpServer, google_server, http_server, s3_server
from tests.metrics.label_files import blobs, save_labels
from tests.prediction.test_batch import write_ct
from tests.threshold_system import ThresholdSystem

ROOT = Path(__file__).resolve().parents[2]
URL = f"s3://{BUCKET}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture
def s3(server: S3, monkeypatch: pytest.MonkeyPatch) -> S3:
    """The server, empty, with credentials in the environment."""
    for key in server.listed():
        server.client.delete_object(Bucket=BUCKET, Key=key)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return server


@pytest.fixture
def files(tmp_path: Path) -> Iterator[HttpServer]:
    (tmp_path / "served").mkdir()
    with http_server(tmp_path / "served") as running:
        yield running


@pytest.fixture(autouse=True)
def threshold_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flarecli.weights.selection.system_named", lambda name: ThresholdSystem())
    monkeypatch.setattr("flarecli.systems.system_named", lambda name: ThresholdSystem())


@pytest.fixture(autouse=True, scope="module")
def _one_try() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connections, "_TRIES", 1)
        yield


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files, empty after every test."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert [path.name for path in folder.iterdir() if FOLDER_SUFFIX in path.name] == []


def _forget_connections() -> None:
    """Let the next command make its connections as a new process would."""
    connections._file_system.cache_clear()
    if "s3fs" in sys.modules:
        from s3fs import S3FileSystem

        S3FileSystem.clear_instance_cache()


def predict(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["predict", *map(str, arguments), "--system", "threshold"])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "200"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def put_scans(s3: S3, folder: Path, number: int = 2) -> None:
    for index in range(number):
        s3.put(f"in/case{index}_0000.nii.gz", write_ct(folder / f"{index}.nii.gz", seed=index))


class TestPredict:
    def test_a_prefix_of_scans_gives_what_a_folder_of_scans_does(self, s3: S3, tmp_path: Path) -> None:
        for index in range(2):
            s3.put(f"in/c{index}.nii.gz", write_ct(tmp_path / "in" / f"c{index}.nii.gz", seed=index))
        assert predict(tmp_path / "in", tmp_path / "out", "--statistics", tmp_path / "t.csv")[0] == 0
        code, output = predict(f"{URL}/in", f"{URL}/out", "--statistics", f"{URL}/t.csv", "--report", f"{URL}/r.html")
        assert code == 0, output
        assert s3.listed("out/") == [f"out/c{index}{suffix}" for index in range(2) for suffix in (".json", ".nii.gz")]
        for index in range(2):
            assert s3.get(f"out/c{index}.nii.gz") == (tmp_path / "out" / f"c{index}.nii.gz").read_bytes()
        record, there = (json.loads(s3.get("out/c0.json")), json.loads((tmp_path / "out" / "c0.json").read_text()))
        assert record["scan"] == f"{URL}/in/c0.nii.gz"
        assert record["labels"] == there["labels"]
        assert record["scan_content"].pop("etag")
        assert record["scan_content"] == there["scan_content"]
        assert s3.get("t.csv") == (tmp_path / "t.csv").read_bytes()
        assert b"./out/c0.nii.gz" in s3.get("r.html")
        assert str(tmp_path).encode() not in s3.get("r.html")

    def test_records_come_last(self, s3: S3, tmp_path: Path) -> None:
        put_scans(s3, tmp_path, 1)
        before = len(s3.requests())
        assert predict(f"{URL}/in", f"{URL}/out", "--split", "--preview", f"{URL}/out")[0] == 0
        made = [line for line in s3.requests()[before:] if "uploadId=" in line]
        sent = [line.split("?")[0] for line in made if line.startswith("PUT")]
        completed = [line.split("?")[0] for line in made if line.startswith("POST")]
        assert len(sent) == len(completed) == 7
        assert made.index(next(line for line in made if line.startswith("POST"))) == 7, "all is sent before one appears"
        assert completed[0].endswith("case0.nii.gz")
        assert completed[-1].endswith("case0.json")

    def test_what_exists_is_refused_replaced_or_resumed(self, s3: S3, tmp_path: Path) -> None:
        put_scans(s3, tmp_path)
        assert predict(f"{URL}/in", f"{URL}/out")[0] == 0
        code, output = predict(f"{URL}/in", f"{URL}/out")
        assert code == 3
        assert f"{URL}/out/case0.json: exists already" in output
        assert predict(f"{URL}/in", f"{URL}/out", "--overwrite")[0] == 0
        s3.client.delete_object(Bucket=BUCKET, Key="out/case1.json")
        before = len(s3.requests())
        code, output = predict(f"{URL}/in", f"{URL}/out", "--resume", "--json")
        told = {case["case"]: case["status"] for case in json.loads(output)}
        assert (code, told) == (0, {"case0": "skipped", "case1": "done"})
        read = [line for line in s3.requests()[before:] if line.startswith("GET") and "case0_0000" in line]
        assert read == [], "a scan whose tag is known is not read again"

    def test_a_changed_scan_is_done_anew(self, s3: S3, tmp_path: Path) -> None:
        put_scans(s3, tmp_path, 1)
        assert predict(f"{URL}/in", f"{URL}/out")[0] == 0
        s3.put("in/case0_0000.nii.gz", write_ct(tmp_path / "other.nii.gz", seed=5))
        code, output = predict(f"{URL}/in", f"{URL}/out", "--resume")
        assert code == 0
        assert "redone: the scan has changed" in output

    def test_a_damaged_label_map_is_done_anew(self, s3: S3, tmp_path: Path) -> None:
        put_scans(s3, tmp_path, 1)
        assert predict(f"{URL}/in", f"{URL}/out")[0] == 0
        whole = s3.get("out/case0.nii.gz")
        s3.put("out/case0.nii.gz", whole[:-9])
        assert "the label map is not the one of its record" in predict(f"{URL}/in", f"{URL}/out", "--resume")[1]
        assert s3.get("out/case0.nii.gz") == whole

    def test_a_series_of_slices_is_a_prefix(self, s3: S3, tmp_path: Path) -> None:
        pytest.importorskip("pydicom")
        folder = tmp_path / "series"
        write_series(folder)
        for path in folder.iterdir():
            s3.put(f"study/series/{path.name}", path)
        assert predict(folder, tmp_path / "here.nii.gz")[0] == 0
        code, output = predict(f"{URL}/study/series/", f"{URL}/there.nii.gz")
        assert code == 0, output
        assert s3.get("there.nii.gz") == (tmp_path / "here.nii.gz").read_bytes()
        code, output = predict(f"{URL}/study", f"{URL}/out")
        assert code == 0, output
        assert len(s3.listed("out/")) == 2
        s3.put("list.txt", f"{URL}/study/series".encode())
        assert predict(f"{URL}/listed", "--from", f"{URL}/list.txt")[0] == 0
        assert s3.get("listed/series.nii.gz") == s3.get("there.nii.gz")

    def test_an_archive_of_slices(self, s3: S3, tmp_path: Path) -> None:
        pytest.importorskip("pydicom")
        write_series(tmp_path / "series")
        s3.put("a.zip", Path(shutil.make_archive(str(tmp_path / "a"), "zip", tmp_path / "series")))
        assert predict(tmp_path / "series", tmp_path / "here.nii.gz")[0] == 0
        code, output = predict(f"{URL}/a.zip", f"{URL}/there.nii.gz")
        assert code == 0, output
        assert s3.get("there.nii.gz") == (tmp_path / "here.nii.gz").read_bytes()

    def test_scans_are_removed_here_when_their_case_is_done(
        self, s3: S3, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put_scans(s3, tmp_path, 6)
        most = 0

        def counted(*arguments: object, **options: object) -> object:
            nonlocal most
            here = [path for path in temporary.rglob("in/*.nii.gz") if path.stat().st_blocks]
            most = max(most, len(here))
            return segment(*arguments, **options)  # type: ignore[arg-type]

        segment = ThresholdSystem.segment
        monkeypatch.setattr(ThresholdSystem, "segment", counted)
        assert predict(f"{URL}/in", f"{URL}/out")[0] == 0
        assert 1 <= most <= 3

    def test_a_process_of_its_own_predicts_within_a_time(self, s3: S3, temporary: Path) -> None:
        s3.put("in/a.nii.gz", ROOT / "examples" / "phantom_ct_0000.nii.gz")
        done = subprocess.run(
            [sys.executable, "-m", "flarecli", "predict", f"{URL}/in", f"{URL}/out", "--timeout", "300"],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(temporary)},
        )
        assert done.returncode == 0, done.stderr
        assert s3.listed("out/") == ["out/a.json", "out/a.nii.gz"]

    def test_a_header_brings_its_voxels(self, s3: S3, tmp_path: Path) -> None:
        SimpleITK = pytest.importorskip("SimpleITK")
        scan = write_ct(tmp_path / "a.nii.gz")
        (tmp_path / "pair").mkdir()
        SimpleITK.WriteImage(SimpleITK.ReadImage(str(scan)), str(tmp_path / "pair" / "a.mhd"))
        for path in (tmp_path / "pair").iterdir():
            s3.put(f"in/{path.name}", path)
        code, output = predict(f"{URL}/in", f"{URL}/out")
        assert code == 0, output
        assert s3.listed("out/") == ["out/a.json", "out/a.mha"]

    def test_lists_name_scans_of_several_places(self, s3: S3, files: HttpServer, tmp_path: Path) -> None:
        put_scans(s3, tmp_path, 1)
        write_ct(tmp_path / "served" / "other.nii.gz", seed=3)
        local = write_ct(tmp_path / "local.nii.gz", seed=4)
        lines = [
            f"{URL}/in/case0_0000.nii.gz",
            f"{files.address}/other.nii.gz?signature=SECRETSIGNATURE",
            json.dumps({"scan": str(local), "name": "mine", "output": f"{URL}/elsewhere/mine.nii.gz"}),
            json.dumps({"scan": f"{URL}/in/case0_0000.nii.gz", "name": "same"}),
            f"{URL}/in/missing.nii.gz",
        ]
        s3.put("list.txt", "\n".join(lines).encode())
        code, output = predict(f"{URL}/out", "--from", f"{URL}/list.txt")
        assert code == 4
        assert f"{URL}/in/missing.nii.gz: does not exist" in output
        names = [f"{name}{suffix}" for name in ("case0", "other", "same") for suffix in (".json", ".nii.gz")]
        assert s3.listed("out/") == [f"out/{name}" for name in names]
        assert s3.listed("elsewhere/") == ["elsewhere/mine.json", "elsewhere/mine.nii.gz"]
        assert s3.get("out/case0.nii.gz") == s3.get("out/same.nii.gz")
        record = s3.get("out/other.json").decode()
        assert json.loads(record)["scan"] == f"{files.address}/other.nii.gz"
        assert "SECRETSIGNATURE" not in record + output

    def test_buckets_are_not_shared(self, s3: S3, tmp_path: Path) -> None:
        put_scans(s3, tmp_path)
        code, output = predict(f"{URL}/in", f"{URL}/out", "--share")
        assert code == 2
        assert "--part 1/4" in output
        assert predict(f"{URL}/in", f"{URL}/out", "--part", "2/2")[0] == 0
        assert s3.listed("out/") == ["out/case1.json", "out/case1.nii.gz"]
        assert predict(f"{URL}/in", tmp_path / "out", "--share")[0] == 0


class TestFaults:
    @pytest.mark.parametrize("action", ["503", "drop"])
    @pytest.mark.parametrize(
        ("method", "contains", "after"), [("PUT", "uploadId=", 1), ("POST", "uploadId=", 0), ("POST", "uploadId=", 2)]
    )
    def test_nothing_appears_where_an_upload_fails(
        self, s3: S3, tmp_path: Path, method: str, contains: str, after: int, action: str
    ) -> None:
        put_scans(s3, tmp_path, 1)
        with s3.fault(method, contains, action, after):
            code, output = predict(f"{URL}/in", f"{URL}/out", "--split")
        assert code == 4, output
        assert "the server answers with an error" in output or "the connection to the server failed" in output
        assert s3.listed("out/") == []
        assert s3.open_uploads() == []
        assert predict(f"{URL}/in", f"{URL}/out", "--split", "--resume")[0] == 0
        assert len(s3.listed("out/")) == 6

    def test_an_earlier_result_is_never_taken_for_the_new_one(self, s3: S3, tmp_path: Path) -> None:
        put_scans(s3, tmp_path, 1)
        assert predict(f"{URL}/in", f"{URL}/out")[0] == 0
        s3.put("in/case0_0000.nii.gz", write_ct(tmp_path / "other.nii.gz", seed=5))
        with s3.fault("POST", "case0.json?uploadId=", "503"):
            assert predict(f"{URL}/in", f"{URL}/out", "--overwrite")[0] == 4
        code, output = predict(f"{URL}/in", f"{URL}/out", "--resume", "--json")
        assert (code, json.loads(output)[0]["status"]) == (0, "done")

    def test_a_server_that_goes_away_fails_the_rest(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with s3_server(tmp_path) as server:
            for name, value in server.environment.items():
                monkeypatch.setenv(name, value)
            _forget_connections()
            put_scans(server, tmp_path, 2)
            with server.fault("PUT", "case1", "exit"):
                code, output = predict(f"{URL}/in", f"{URL}/out")
        _forget_connections()
        assert code == 4, output
        assert "the connection to the server failed" in output
        assert "case0" in output

    def test_refused_writing_says_what_is_needed(self, s3: S3, tmp_path: Path) -> None:
        scan = write_ct(tmp_path / "a.nii.gz")
        with s3.fault("POST", "uploads", "403"):
            code, output = predict(scan, f"{URL}/out/a.nii.gz")
        assert code == 3
        assert f"{URL}/out/a.json: the server refuses access" in output or f"{URL}/out/a.nii.gz" in output
        assert "credentials that may write there" in output

    def test_a_download_that_breaks_off(self, s3: S3, tmp_path: Path) -> None:
        put_scans(s3, tmp_path, 2)
        with s3.fault("GET", "case0_0000", "truncate"):
            code, output = predict(f"{URL}/in", tmp_path / "out")
        assert code == 4, output
        assert f"{URL}/in/case0_0000.nii.gz: the connection to the server failed" in output
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["case1.json", "case1.nii.gz"]

    def test_no_bucket_and_no_object(self, s3: S3, tmp_path: Path) -> None:
        put_scans(s3, tmp_path, 1)
        assert "does not exist" in predict(f"{URL}/nothing.nii.gz", f"{URL}/out.nii.gz")[1]
        assert "does not exist" in predict("s3://no-such-bucket/in", f"{URL}/out")[1]
        code, output = predict(f"{URL}/in", "s3://no-such-bucket/out")
        assert code == 3
        assert "there is no such bucket" in output

    def test_no_credentials(self, s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        put_scans(s3, tmp_path, 1)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        _forget_connections()
        code, output = predict(f"{URL}/in", tmp_path / "out")
        _forget_connections()
        assert code == 3
        assert "needs credentials, and none were found" in output
        assert "AWS_ACCESS_KEY_ID" in output

    def test_credentials_are_in_no_output_and_no_record(self, s3: S3, tmp_path: Path) -> None:
        put_scans(s3, tmp_path, 1)
        texts = [predict(f"{URL}/in", f"{URL}/out", "--verbose")[1]]
        with s3.fault("PUT", "uploadId=", "503"):
            texts.append(predict(f"{URL}/in", f"{URL}/out", "--verbose", "--overwrite")[1])
        texts.append(s3.get("out/case0.json").decode())
        for secret in ("TESTKEYOFTHESERVER", "TESTSECRETOFTHESERVER"):
            assert not any(secret in text for text in texts)

    @pytest.mark.parametrize("flush", [1, 3])
    def test_an_interruption_leaves_nothing(
        self, server: S3, s3: S3, tmp_path: Path, temporary: Path, flush: int
    ) -> None:
        put_scans(s3, tmp_path, 3)
        command = [sys.executable, "-m", "tests.interrupted_command", str(int(signal.SIGINT)), str(flush), "predict"]
        done = subprocess.run(
            [*command, f"{URL}/in", f"{URL}/out"],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, **server.environment, "TMPDIR": str(temporary)},
            timeout=60,
        )
        assert done.returncode == 130, done.stderr
        assert "--resume" in done.stderr
        assert list(temporary.iterdir()) == []
        assert s3.open_uploads() == []
        keys = s3.listed("out/")
        assert [key for key in keys if key.endswith(".nii.gz")] == [
            key.replace(".json", ".nii.gz") for key in keys if key.endswith(".json")
        ]
        assert len(keys) < 6


class TestHttp:
    def test_a_scan_by_its_address(self, files: HttpServer, tmp_path: Path) -> None:
        scan = write_ct(tmp_path / "served" / "a b.nii.gz")
        assert predict(scan, tmp_path / "here.nii.gz")[0] == 0
        code, output = predict(f"{files.address}/a%20b.nii.gz?key=SECRET", tmp_path / "there.nii.gz", "--json")
        assert code == 0, output
        assert (tmp_path / "there.nii.gz").read_bytes() == (tmp_path / "here.nii.gz").read_bytes()
        assert "SECRET" not in output + (tmp_path / "there.json").read_text()
        assert any("SECRET" in line for line in files.seen), "the server needs it"

    @pytest.mark.parametrize(
        ("path", "words"),
        [
            ("missing.nii.gz", "does not exist"),
            ("refused/a.nii.gz", "the server refuses access"),
            ("short/a.nii.gz", "the connection to the server failed"),
        ],
    )
    def test_what_servers_do_wrong(self, files: HttpServer, tmp_path: Path, path: str, words: str) -> None:
        write_ct(tmp_path / "served" / "a.nii.gz")
        code, output = predict(f"{files.address}/{path}?key=SECRET", tmp_path / "out.nii.gz", "--verbose")
        assert code == 3, output
        assert f"{files.address}/{path}: {words}" in output
        assert "SECRET" not in output
        assert not (tmp_path / "out.nii.gz").exists()

    def test_it_is_for_reading(self, files: HttpServer, tmp_path: Path) -> None:
        scan = write_ct(tmp_path / "a.nii.gz")
        code, output = predict(scan, f"{files.address}/out.nii.gz")
        assert code == 2
        assert "for reading only" in output
        assert files.seen == []

    def test_evaluation_by_address(self, files: HttpServer, tmp_path: Path) -> None:
        save_labels(tmp_path / "served" / "gt.nii.gz", blobs())
        save_labels(tmp_path / "pred.nii.gz", blobs(shift=1))
        code, output = run("evaluate", tmp_path / "pred.nii.gz", f"{files.address}/gt.nii.gz", "--json")
        assert code == 0, output
        assert json.loads(output)["cases"][0]["gt"] == f"{files.address}/gt.nii.gz"


class TestEvaluate:
    @pytest.mark.parametrize("jobs", [1, 2])
    def test_two_prefixes(self, s3: S3, tmp_path: Path, jobs: int) -> None:
        for number in range(3):
            s3.put(f"pred/c{number}.nii.gz", save_labels(tmp_path / f"p{number}.nii.gz", blobs(shift=number)))
            s3.put(f"gt/c{number}.nii.gz", save_labels(tmp_path / f"g{number}.nii.gz", blobs()))
        s3.put("pred/c2.nii.gz", s3.get("pred/c2.nii.gz")[:60])
        code, output = run("evaluate", f"{URL}/pred", f"{URL}/gt", "--jobs", jobs, "--csv", f"{URL}/scores.csv")
        assert code == 4, output
        assert "3 cases, 1 failure" in output
        assert f"{URL}/pred/c2.nii.gz" in output
        rows = s3.get("scores.csv").decode().splitlines()
        assert [row.split(",")[0] for row in rows[1:]] == ["c0.nii.gz", "c1.nii.gz", "c2.nii.gz"]
        code, output = run("evaluate", f"{URL}/pred/c[01].nii.gz", f"{URL}/gt/c1*", "--json", "--jobs", 1)
        assert [case["pred"] for case in json.loads(output)["cases"]] == [f"{URL}/pred/c1.nii.gz"]


class TestPreprocess:
    def test_a_dataset_by_its_prefix(self, s3: S3, tmp_path: Path) -> None:
        dataset = flare_dataset(tmp_path / "set", 2)
        for path in dataset.rglob("*.nii.gz"):
            s3.put(f"set/{path.relative_to(dataset)}", path)
        code, output = run("preprocess", f"{URL}/set", tmp_path / "cache", "--jobs", 1)
        assert code == 0, output
        assert "2 cases (FLARE): 2 written" in output
        assert run("preprocess", dataset, tmp_path / "here", "--jobs", 1)[0] == 0
        arrays = sorted(path.relative_to(tmp_path / "here") for path in (tmp_path / "here").rglob("*.npy"))
        assert arrays
        for path in arrays:
            assert (tmp_path / "cache" / path).read_bytes() == (tmp_path / "here" / path).read_bytes()
        before = len(s3.requests())
        assert "2 kept" in run("preprocess", f"{URL}/set", tmp_path / "cache", "--jobs", 1)[1]
        assert not any("GET" in line and ".nii.gz" in line for line in s3.requests()[before:]), "nothing was read again"

    def test_a_table_with_addresses(self, s3: S3, tmp_path: Path) -> None:
        dataset = flare_dataset(tmp_path / "set", 1)
        scan, labels = sorted(dataset.rglob("*.nii.gz"))
        s3.put("a.nii.gz", scan)
        (tmp_path / "pairs.csv").write_text(f"scan,labels\n{URL}/a.nii.gz,{labels}\n")
        code, output = run("preprocess", tmp_path / "pairs.csv", tmp_path / "cache", "--jobs", 1)
        assert code == 0, output
        assert "1 written" in output

    def test_the_cache_is_local(self, s3: S3, tmp_path: Path) -> None:
        dataset = flare_dataset(tmp_path / "set", 1)
        code, output = run("preprocess", dataset, f"{URL}/cache")
        assert code == 2
        assert "a cache cannot lie on a server" in output


class TestGoogle:
    """Against an emulator, whose uploads are those of the JSON interface."""

    def test_scans_and_results(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with google_server(tmp_path) as server:
            for name, value in server.environment.items():
                monkeypatch.setenv(name, value)
            _forget_connections()
            scan = write_ct(tmp_path / "a.nii.gz")
            server.put("in/a.nii.gz", scan.read_bytes())
            code, output = predict("gs://scans/in", "gs://scans/out", "--preview", "gs://scans/out")
            assert code == 0, output
            assert server.listed() == ["in/a.nii.gz", "out/a.json", "out/a.nii.gz", "out/a.png"]
            assert predict(scan, tmp_path / "here.nii.gz")[0] == 0
            code, output = predict("gs://scans/in", "gs://scans/out", "--preview", "gs://scans/out", "--resume")
            assert (code, "skipped" in output) == (0, True), output
            assert "there is no such bucket" in predict(scan, "gs://other/out/a.nii.gz")[1]
            assert "does not exist" in predict("gs://scans/in/b.nii.gz", tmp_path / "b.nii.gz")[1]
        _forget_connections()


def test_nothing_is_asked_of_servers_for_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_file_system", lambda scheme: pytest.fail(scheme))
    write_ct(tmp_path / "in" / "a.nii.gz")
    assert predict(tmp_path / "in", tmp_path / "out", "--preview", tmp_path / "out")[0] == 0
    assert predict(tmp_path / "in", tmp_path / "out", "--preview", tmp_path / "out", "--resume")[0] == 0
    assert run("evaluate", tmp_path / "out" / "a.nii.gz", tmp_path / "out" / "a.nii.gz")[0] == 0
