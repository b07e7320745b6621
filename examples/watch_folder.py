"""Segment what an archive exports into a folder, and store the results back.

    python examples/watch_folder.py incoming results --store 127.0.0.1:4242 --called ARCHIVE

Every folder or zip archive in `incoming` is looked at. When it has not changed for a while, each CT series in it is
segmented: a DICOM segmentation, a structure set and a report go to `results`, and with `storescu` of DCMTK to the
archive. What was stored is marked by a file `NAME.stored`, what cannot be used by `NAME.failed` with the reason; delete
that to try again. What may be over by then, such as a full disk, is tried again at the next look.
"""

from __future__ import annotations

import argparse
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import flarecli
from flarecli.dicom.collection.detection import is_collection
from flarecli.dicom.collection.opening import catalogue_of
from flarecli.dicom.collection.series_files import SeriesFiles
from flarecli.errors import Blame, FlareError
from flarecli.segmentation import Segmenter

OBJECTS = (".dcm", ".rtstruct.dcm", ".sr.dcm")


def latest_change(entry: Path) -> float:
    """When something in a folder or archive was changed last, in seconds since 1970; infinite where it is moved now."""
    try:
        files = [entry, *entry.rglob("*")] if entry.is_dir() else [entry]
        return max(file.stat().st_mtime for file in files)
    except OSError:
        return float("inf")


def scans(entry: Path, results: Path) -> Iterator[tuple[Path | SeriesFiles, Path]]:
    """The CT series of an entry, and the name of the result of each."""
    if not is_collection(entry):
        yield entry, results / f"{entry.name}.dcm"
        return
    for series in catalogue_of(entry).scans:
        yield series.files, results / f"{entry.stem}_{series.name}.dcm"


def store(output: Path, arguments: argparse.Namespace) -> None:
    """Send the results of one series; the archive knows those that it has by their UIDs."""
    host, _, port = arguments.store.rpartition(":")
    objects = [output.with_suffix(ending) for ending in OBJECTS]
    # --required: DCMTK proposes no segmentations otherwise.
    command = [
        "storescu",
        "--required",
        "-aet",
        arguments.calling,
        "-aec",
        arguments.called,
        host,
        port,
        *map(str, objects),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=600)


def note(error: Exception, failed: Path, entry: Path, seen: float) -> None:
    """Write down why an entry cannot be used, unless it may be used later."""
    if isinstance(error, FlareError) and error.blame is Blame.INPUT and latest_change(entry) == seen:
        try:
            failed.write_text(f"{error}\n", encoding="utf-8")
            return
        except OSError as full:
            error = full
    print(f"{failed.stem}: tried again later: {error}", flush=True)


def work_through(arguments: argparse.Namespace, segmenter: Segmenter) -> None:
    """Do what there is to do now."""
    for entry in sorted(arguments.incoming.iterdir()):
        whole = arguments.results / f"{entry.name}.failed"
        changed = latest_change(entry)
        if entry.name.startswith(".") or whole.exists() or time.time() - changed < arguments.settle:
            continue
        try:
            found = list(scans(entry, arguments.results))
        except FlareError as error:
            note(error, whole, entry, changed)
            continue
        for scan, output in found:
            failed, stored = output.with_suffix(".failed"), output.with_suffix(".stored")
            if failed.exists() or stored.exists():
                continue
            try:
                if not output.exists():
                    segmenter(scan).save(output, dicom=("rtstruct", "sr"))
                if arguments.store:
                    store(output, arguments)
                stored.touch()
            except (FlareError, OSError, subprocess.SubprocessError) as error:
                note(error, failed, entry, changed)
            else:
                print(f"{output.name}: done", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("incoming", type=Path, help="folder that series are exported to")
    parser.add_argument("results", type=Path, help="folder for results; not within the other")
    parser.add_argument("--store", metavar="HOST:PORT", help="archive that results are sent to")
    parser.add_argument("--calling", default="FLARE", help="application entity title of this side")
    parser.add_argument("--called", default="ANY-SCP", help="application entity title of the archive")
    parser.add_argument(
        "--settle", type=float, default=30.0, help="seconds without a change after which a series is whole"
    )
    parser.add_argument("--every", type=float, default=10.0, help="seconds between two looks")
    parser.add_argument("--once", action="store_true", help="do what is there, and end")
    arguments = parser.parse_args()
    arguments.results.mkdir(parents=True, exist_ok=True)
    with flarecli.Segmenter() as segmenter:
        while True:
            work_through(arguments, segmenter)
            if arguments.once:
                return
            time.sleep(arguments.every)


if __name__ == "__main__":
    main()
