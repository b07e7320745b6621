"""Wall time, processor time and memory of `flare evaluate` on a folder of pairs with small changes, loading included.

python -m benchmarks.evaluate_folder PRED GT [--pairs 100] [--jobs 2]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil

from flarecli.volume import StoredImage, read_header, read_image
from flarecli.volume.nifti import write_nifti

_SAMPLING_S = 0.02
_MEGABYTE = 1 << 20


def _write_changed(source: StoredImage, destination: Path, seed: int, *, islands: bool) -> None:
    """A copy with a block missing near the organs, or with specks of one label all over a slice."""
    labels = source.stored.copy(order="F")
    rng = np.random.default_rng(seed)
    if islands:
        x, y = rng.integers(0, labels.shape[0], 3000), rng.integers(0, labels.shape[1], 3000)
        labels[x, y, rng.integers(labels.shape[2])] = rng.integers(1, 5)
    else:
        z = rng.choice(np.flatnonzero(labels.any(axis=(0, 1))))
        left, front = (int(rng.choice(where)) for where in np.nonzero(labels[:, :, z]))
        labels[left : left + 15, front : front + 15, z : z + 5] = 0
    write_nifti(destination, source.header.nifti_header, labels)


def _watch(process: psutil.Process, peak: dict[str, int], stop: threading.Event) -> None:
    """Keep the greatest sum, over a process and its children, of resident and of proportional memory."""
    while not stop.wait(_SAMPLING_S):
        resident = proportional = 0
        try:
            for member in (process, *process.children(recursive=True)):
                full = member.memory_full_info()
                resident += full.rss
                proportional += full.pss
        except psutil.Error:
            continue
        peak["rss_mb"] = max(peak["rss_mb"], resident // _MEGABYTE)
        peak["pss_mb"] = max(peak["pss_mb"], proportional // _MEGABYTE)


def main() -> None:
    """Print times and peak memory as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pred", type=Path)
    parser.add_argument("gt", type=Path)
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--islands", action="store_true", help="false positives far from the organs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for side, source in (("pred", options.pred), ("gt", options.gt)):
            (folder / side).mkdir()
            original = read_image(read_header(source))
            for number in range(options.pairs):
                _write_changed(original, folder / side / f"case_{number:03d}.nii.gz", number, islands=options.islands)
        command = [
            sys.executable,
            "-c",
            "from flarecli.cli.entry import main; main()",
            "evaluate",
            str(folder / "pred"),
            str(folder / "gt"),
        ]
        start = time.perf_counter()
        running = subprocess.Popen(
            [*command, "--jobs", str(options.jobs), "--csv", str(folder / "scores.csv")],
            stdout=subprocess.DEVNULL,
        )
        peak = {"rss_mb": 0, "pss_mb": 0}
        stop = threading.Event()
        watcher = threading.Thread(target=_watch, args=(psutil.Process(running.pid), peak, stop))
        watcher.start()
        code = running.wait()
        seconds = time.perf_counter() - start
        stop.set()
        watcher.join()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = {"pairs": options.pairs, "jobs": options.jobs, "islands": options.islands, "exit_code": code}
    times = {"wall_s": round(seconds, 1), "processor_s": round(used.ru_utime + used.ru_stime, 1)}
    print(json.dumps(result | times | peak))


if __name__ == "__main__":
    main()
