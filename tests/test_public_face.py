"""The library as its users meet it."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
from pathlib import Path

import nibabel
import numpy as np
import pytest

import flarecli
from flarecli.errors import UsageError
from flarecli.files.unfinished import PREFIX
from tests.synthetic_ct import affine, ct_voxels, rotation, write_ct
from tests.threshold_system import LIVER_HU

ROOT = Path(__file__).parents[1]


@pytest.mark.usefixtures("threshold_system")
class TestSegment:
    @pytest.mark.parametrize("directions", [np.eye(3), np.diag([-1.0, -1.0, 1.0]), rotation((9, 5, 3))])
    def test_every_source_gives_the_labels_of_its_own_voxels(self, tmp_path: Path, directions: np.ndarray) -> None:
        voxels_xyz, placed = ct_voxels(), affine(directions=directions)
        nibabel.save(nibabel.Nifti1Image(voxels_xyz, placed), tmp_path / "scan.nii.gz")
        expected = (voxels_xyz > LIVER_HU).T.astype(np.uint8)
        image = nibabel.load(tmp_path / "scan.nii.gz")
        for source in (tmp_path / "scan.nii.gz", str(tmp_path / "scan.nii.gz"), image, (voxels_xyz.T, placed)):
            result = flarecli.segment(source)
            assert np.array_equal(result.labels, expected)
            assert result.grid.shape_zyx == expected.shape
            assert np.allclose(result.grid.affine_ras, placed, atol=1e-4)
            back = result.to_nibabel()
            assert np.allclose(back.affine, placed, atol=1e-4)
            assert np.array_equal(np.asarray(back.dataobj), expected.T)

    def test_what_a_result_tells(self, tmp_path: Path) -> None:
        result = flarecli.segment((ct_voxels().T, affine()))
        liver = result.organs["liver"]
        assert liver.voxels == np.count_nonzero(result.labels == 1)
        assert liver.volume_ml == pytest.approx(liver.voxels * 4.0 * 4.5 * 5.0 / 1000, rel=1e-6)
        assert result.organs["pancreas"].voxels == 0
        assert "made by a threshold" in result.warnings
        assert result.record["organs"]["liver"]["voxels"] == liver.voxels
        assert result.record["system"] == "threshold"
        assert not result.labels.flags.writeable
        html = result._repr_html_()
        assert "liver" in html
        assert "data:image/png;base64," in html
        assert result.picture().startswith(b"\x89PNG")

    def test_saving(self, tmp_path: Path) -> None:
        scan = write_ct(tmp_path / "scan.nii.gz")
        result = flarecli.segment(scan)
        saved = result.save(tmp_path / "out" / "organs.nii.gz", split=True, preview=tmp_path / "out" / "organs.png")
        names = sorted(path.name for path in saved.parent.iterdir())
        assert names == sorted(
            ["organs.nii.gz", "organs.json", "organs.png"]
            + [f"organs_{organ}.nii.gz" for organ in ("liver", "kidneys", "spleen", "pancreas")]
        )
        before = saved.read_bytes()
        with pytest.raises(flarecli.FlareError, match="exists already"):
            result.save(saved)
        assert saved.read_bytes() == before
        result.save(saved, overwrite=True)
        assert np.array_equal(np.asarray(nibabel.load(saved).dataobj), result.labels.T)
        assert not list(tmp_path.rglob(f"{PREFIX}*"))
        with pytest.raises(flarecli.FlareError, match="would replace a file that is read"):
            result.save(scan, overwrite=True)

    def test_a_saved_array_has_a_record(self, tmp_path: Path) -> None:
        flarecli.segment((ct_voxels().T, affine())).save(tmp_path / "organs.nrrd")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["organs.json", "organs.nrrd"]

    def test_threads_share_a_segmenter(self) -> None:
        sources = [(ct_voxels(seed=seed).T, affine()) for seed in range(6)]
        with flarecli.Segmenter("threshold") as segmenter:
            found: dict[int, np.ndarray] = {}

            def work(index: int) -> None:
                found[index] = segmenter(sources[index]).labels

            threads = [threading.Thread(target=work, args=(index,)) for index in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        for index, (voxels, _) in enumerate(sources):
            assert np.array_equal(found[index], voxels > LIVER_HU)
        with pytest.raises(flarecli.FlareError, match="closed"):
            segmenter(sources[0])

    @pytest.mark.parametrize("source", [42, None, ct_voxels(), (ct_voxels(),), b"scan.nii.gz"])
    def test_what_is_no_source(self, source: object) -> None:
        with pytest.raises(flarecli.FlareError, match="this is not a scan"):
            flarecli.segment(source)


def test_a_real_system_on_a_phantom(tmp_path: Path) -> None:
    result = flarecli.segment(ROOT / "examples" / "phantom_ct_0000.nii.gz", threads=2)
    truth = np.asarray(nibabel.load(ROOT / "examples" / "phantom_ct.nii.gz").dataobj).T
    assert result.confidence["liver"].verdict in ("good", "check", "failed")
    scores = flarecli.evaluate(result.labels, truth, result.grid.spacing_mm)
    assert scores["liver"]["dsc"] > 0.9
    path = result.save(tmp_path / "organs.nii.gz")
    of_files = flarecli.evaluate(path, ROOT / "examples" / "phantom_ct.nii.gz")
    for organ, of_arrays in scores.items():
        assert of_files[organ] == pytest.approx(of_arrays, abs=1e-4)


class TestEvaluate:
    def test_arrays(self) -> None:
        truth = np.zeros((10, 10, 10), np.uint8)
        truth[2:8, 2:8, 2:8] = 1
        truth[2:4, 2:4, 2:4] = 4
        pred = truth.copy()
        pred[7, 2:8, 2:8] = 0
        scores = flarecli.evaluate(pred, truth, (2.0, 1.0, 1.0), metrics=["dsc", "nsd", "volume"])
        liver, missed = np.count_nonzero(truth == 1), 36
        assert scores["liver"]["dsc"] == pytest.approx(2 * (liver - missed) / (2 * liver - missed))
        assert scores["liver"]["volume"] == pytest.approx(-missed * 2.0 / 1000)
        assert scores["pancreas"] == {"dsc": 1.0, "nsd": 1.0, "volume": 0.0}
        named = flarecli.evaluate(pred == 1, truth == 1, (2, 1, 1), labels={1: "all"}, tolerance_mm=3.0)
        assert named["all"]["nsd"] == 1.0
        assert math.isfinite(scores["liver"]["nsd"])

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (((3, 3, 3), (3, 3, 3), None), "need their spacing"),
            (((3, 3, 3), (3, 3, 3), (1, 1)), "need their spacing"),
            (((3, 3, 3), (3, 3, 3), (1, 1, 0)), "need their spacing"),
            (((3, 3, 3), (3, 3, 4), (1, 1, 1)), "differ in shape"),
            (((3, 3), (3, 3), (1, 1, 1)), "is not a label map"),
        ],
    )
    def test_arrays_that_cannot_be_scored(self, arguments: tuple, words: str) -> None:
        pred, truth, spacing = arguments
        with pytest.raises(flarecli.FlareError, match=words):
            flarecli.evaluate(np.zeros(pred, np.uint8), np.zeros(truth, np.uint8), spacing)

    def test_arguments(self, tmp_path: Path) -> None:
        labels = np.ones((3, 3, 3), np.uint8)
        for options in ({"protocol": "flare20"}, {"metrics": ["dice"]}, {"metrics": []}, {"tolerance_mm": {"lung": 1}}):
            with pytest.raises(flarecli.FlareError):
                flarecli.evaluate(labels, labels, (1, 1, 1), **options)
        with pytest.raises(flarecli.FlareError, match="tolerance_mm is not understood"):
            flarecli.evaluate(labels, labels, (1, 1, 1), tolerance_mm={"liver": "wide"})  # type: ignore[dict-item]
        with pytest.raises(flarecli.FlareError, match="not of one kind"):
            flarecli.evaluate(labels, tmp_path / "x.nii.gz")
        with pytest.raises(flarecli.FlareError, match="does not exist"):
            flarecli.evaluate(tmp_path / "y.nii.gz", tmp_path / "x.nii.gz")

    @pytest.mark.parametrize(
        ("labels", "words"),
        [
            ({2: "kidneys", 3: "kidneys"}, "names two labels alike"),
            ({0: "background", 2: "kidneys"}, "is not understood"),
            ({-1: "kidneys"}, "is not understood"),
            ({"2": "kidneys"}, "is not understood"),
            ({2: ""}, "is not understood"),
            ({}, "is not understood"),
        ],
    )
    def test_labels_that_cannot_be_scored(self, labels: dict, words: str) -> None:
        array = np.ones((3, 3, 3), np.uint8)
        with pytest.raises(UsageError, match=f"labels {words}"):
            flarecli.evaluate(array, array, (1, 1, 1), labels=labels)


def test_systems_are_listed() -> None:
    assert set(flarecli.available_systems()) == {"flarelite", "efficientscn", "efficientsegnet", "vgg13"}


def test_names_are_imported_when_they_are_used() -> None:
    program = (
        "import sys, flarecli; loaded = set(sys.modules); "
        "assert not {'numpy', 'keras', 'nibabel', 'scipy', 'openvino'} & loaded, loaded; "
        "assert set(flarecli.__all__) <= set(dir(flarecli)); flarecli.segment; assert 'numpy' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    with pytest.raises(AttributeError, match="no attribute 'segmnt'"):
        flarecli.segmnt  # noqa: B018


def test_types_in_strict_mode(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "example.py").write_text(
        "from pathlib import Path\n"
        "import flarecli\n"
        "def volumes(paths: list[Path]) -> dict[str, float]:\n"
        "    found: dict[str, float] = {}\n"
        "    with flarecli.Segmenter('flarelite', threads=2) as segmenter:\n"
        "        for path in paths:\n"
        "            result: flarecli.SegmentationResult = segmenter(path)\n"
        "            found[path.name] = result.organs['liver'].volume_ml\n"
        "            verdict: str = result.confidence['liver'].verdict\n"
        "            saved: Path = result.save('organs.nii.gz')\n"
        "    return found\n"
        "score: float = flarecli.evaluate('a.nii.gz', 'b.nii.gz')['liver']['dsc']\n"
    )
    # Errors in other files are not reported anyway; reading libraries that the interface does not name takes longest.
    unread = "jax.* jaxlib.* pydicom.* highdicom.* IPython.* matplotlib.* PIL.* trimesh.* torch.* distributed.*"
    (tmp_path / "mypy.ini").write_text(
        f"[mypy]\nstrict = True\nfollow_imports = silent\n[mypy-{unread.replace(' ', ',')}]\nfollow_imports = skip\n"
    )
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file=mypy.ini", "example.py"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
