"""Claims: one holder a case, dead ones are taken over by exactly one other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from flarecli.files import claims as claims_module
from flarecli.files.claims import Claims


def claim_files(folder: Path) -> list[Path]:
    return sorted(folder.glob(".flare-claim-*"))


def other_host(path: Path) -> None:
    facts = json.loads(path.read_text())
    path.write_text(json.dumps({**facts, "host": "elsewhere"}))


def test_a_case_has_one_holder_until_it_is_released(tmp_path: Path) -> None:
    labels = tmp_path / "out" / "a.nii.gz"
    with Claims() as first, Claims() as second:
        claim = first.take(labels)
        assert claim is not None
        assert claim.turn == 1
        assert second.take(labels) is None
        first.release(claim)
        assert claim_files(labels.parent) == []
        assert second.take(labels) is not None
    assert claim_files(labels.parent) == []


def test_of_many_threads_one_takes_over(tmp_path: Path) -> None:
    labels = tmp_path / "a.nii.gz"
    program = (
        "import os, sys; from pathlib import Path; from flarecli.files.claims import Claims\n"
        f"Claims().take(Path({str(labels)!r})); os._exit(9)"
    )
    for deaths in range(1, 3):
        subprocess.run([sys.executable, "-c", program], check=False)
        assert len(claim_files(tmp_path)) == deaths
    many = [Claims() for _ in range(16)]
    start = threading.Barrier(len(many))

    def take(claims: Claims) -> int:
        start.wait()
        claim = claims.take(labels)
        return 0 if claim is None else claim.turn

    with ThreadPoolExecutor(len(many)) as pool:
        turns = list(pool.map(take, many))
    assert sorted(turns) == [0] * 15 + [3]
    for claims in many:
        claims.__exit__(None, None, None)
    assert claim_files(tmp_path) == []


def test_dead_ones_can_be_left_alone(tmp_path: Path) -> None:
    labels = tmp_path / "a.nii.gz"
    program = (
        "import os; from pathlib import Path; from flarecli.files.claims import Claims\n"
        f"Claims().take(Path({str(labels)!r})); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", program], check=False)
    with Claims() as claims:
        assert claims.take(labels, over=False) is None
        assert claims.take(labels) is not None


def test_another_host_is_judged_by_the_clock_of_the_file_system(tmp_path: Path, monkeypatch: object) -> None:
    labels = tmp_path / "a.nii.gz"
    with Claims(renewal_s=3600) as holder, Claims(dead_s=60) as claims:
        assert holder.take(labels) is not None
        (file,) = claim_files(tmp_path)
        other_host(file)
        monkeypatch.setattr(claims_module.time, "time", lambda: 4e9)  # type: ignore[attr-defined]
        assert claims.take(labels) is None
        old = file.stat().st_mtime - 61
        os.utime(file, (old, old))
        taken = claims.take(labels)
        assert taken is not None
        assert taken.turn == 2


def test_a_holder_renews_its_claims(tmp_path: Path) -> None:
    labels = tmp_path / "a.nii.gz"
    with Claims(renewal_s=0.02) as holder:
        assert holder.take(labels) is not None
        (file,) = claim_files(tmp_path)
        os.utime(file, (1, 1))
        for _ in range(200):
            if file.stat().st_mtime > 1000:
                break
            time.sleep(0.02)
        assert file.stat().st_mtime > 1000


def test_a_claim_that_was_never_written_is_judged_by_its_age(tmp_path: Path) -> None:
    labels = tmp_path / "a.nii.gz"
    with Claims() as first:
        assert first.take(labels) is not None
        (file,) = claim_files(tmp_path)
        file.write_bytes(b"")
        with Claims() as second:
            assert second.take(labels) is None
            os.utime(file, (1, 1))
            assert second.take(labels) is not None


def test_one_that_was_stopped_for_long_does_not_take_the_case_back(tmp_path: Path) -> None:
    labels = tmp_path / "a.nii.gz"
    with Claims(renewal_s=3600) as stopped, Claims() as second, Claims() as third:
        claim = stopped.take(labels)
        assert claim is not None
        (file,) = claim_files(tmp_path)
        other_host(file)
        os.utime(file, (1, 1))
        assert second.take(labels) is not None
        stopped.release(claim)
        assert third.take(labels) is None
        assert len(claim_files(tmp_path)) == 1


def test_long_names_have_claims_too(tmp_path: Path) -> None:
    with Claims() as claims:
        assert claims.take(tmp_path / f"{'x' * 240}.nii.gz") is not None


def test_another_process_of_the_same_number_is_not_the_holder(tmp_path: Path) -> None:
    labels = tmp_path / "a.nii.gz"
    with Claims() as first, Claims() as second:
        assert first.take(labels) is not None
        (file,) = claim_files(tmp_path)
        facts = json.loads(file.read_text())
        assert facts["started"]
        file.write_text(json.dumps({**facts, "started": "1"}))
        assert second.take(labels) is not None
