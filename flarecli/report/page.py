"""The page of a report: summary, distributions, and a gallery of all cases, the most doubtful first."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flarecli.addresses import is_staged, shown
from flarecli.files.destinations import check_suffix, target_of
from flarecli.files.printable import printable, printable_name
from flarecli.organs import ORGANS
from flarecli.pages.document import has_mark, json_for_script, write_page
from flarecli.pages.viewer_command import viewer_command
from flarecli.report.cases import ReportCase, Status
from flarecli.report.distributions import distribution_plot
from flarecli.report.pictures import CasePictures, pictures_of
from flarecli.report.reference import SOURCES
from flarecli.report.summary import (
    JUDGEMENTS,
    figures,
    judgements,
    made_with,
    organ_summaries,
    spread_of,
    warning_kind,
    warning_kinds,
)

_MARK = b'content="flare report"'
_MOST_CHOICES = 60


def by_doubt(cases: Sequence[ReportCase]) -> list[ReportCase]:
    """The cases, the most doubtful first; equal ones by name."""
    return sorted(cases, key=lambda case: (*(-part for part in case.doubt), case.name))


def check_page_path(path: Path) -> None:
    """Refuse a file name that is none of a page, before anything is computed.

    Raises:
        UsageError: when the suffix is not `.html`.
    """
    check_suffix(path, "report", ".html", ".htm")


def is_report_page(path: Path) -> bool:
    """Whether a file is a page of this kind, so that a later run may replace it."""
    return has_mark(path, _MARK)


def write_report_page(
    destination: Path,
    cases: Sequence[ReportCase],
    *,
    title: str,
    foreign: Sequence[str] = (),
    on_case: Callable[[], None] = lambda: None,
    replaces: bool = True,
) -> None:
    """Write the page, atomically. Pictures are read, reduced and written one after the other.

    Args:
        destination: The HTML file; links to the files of the cases are relative to its folder.
        cases: The cases, in the order of the gallery.
        title: What the page is called.
        foreign: Names of files that are not records.
        on_case: Called as the pictures of each case have been made.
        replaces: Whether a file that exists in the end is replaced.

    Raises:
        OutputError: when the file cannot be written, or exists and is not replaced.
    """
    folder = target_of(destination).parent
    kinds = list(warning_kinds(cases).items())
    names = [case.name for case in cases]
    write_page(
        destination,
        "flarecli.report",
        {
            "report_title": printable_name(title),
            "number": len(cases),
            "judgements": judgements(cases),
            "all_judgements": JUDGEMENTS,
            "organs": organ_summaries(cases),
            "plots": [
                (organ.name, [distribution_plot(figure, names, organ.colour) for figure in pair])
                for organ, pair in zip(ORGANS, figures(cases), strict=True)
            ],
            "sources": SOURCES,
            "seconds": spread_of(case.seconds for case in cases),
            "all_seconds": sum(case.seconds or 0.0 for case in cases),
            "peak_mb": spread_of(case.peak_mb for case in cases),
            "made_with": made_with(cases),
            "warnings": [(printable(kind), count) for kind, count in kinds],
            "warning_choices": [(place, printable(kind)) for place, (kind, _) in enumerate(kinds[:_MOST_CHOICES])],
            "foreign": [printable_name(name) for name in foreign],
            "worst_view": _worst_view(cases),
            "colours": [(organ.name, "rgb({}, {}, {})".format(*organ.colour)) for organ in ORGANS],
            "data": _data(cases, folder, {kind: place for place, (kind, _) in enumerate(kinds)}),
            "pictures": _pictures(cases, on_case),
        },
        replaces=replaces,
    )


def _worst_view(cases: Sequence[ReportCase]) -> tuple[str, str] | None:
    """Name and viewer's command of the most doubtful case that has a result."""
    worst = next((case for case in cases if case.labels is not None), None)
    if worst is None or worst.labels is None:
        return None
    command = viewer_command(worst.scan or None, [worst.labels])
    return (printable_name(worst.name), command) if command else None


def _data(cases: Sequence[ReportCase], folder: Path, kinds: dict[str, int]) -> Iterator[str]:
    """The cases as JSON texts, one a case."""
    for case in cases:
        yield json_for_script(_facts(case, folder, kinds))


def _facts(case: ReportCase, folder: Path, kinds: dict[str, int]) -> dict[str, Any]:
    named = (("label map", case.labels), ("record", case.record), ("preview", case.preview))
    links = [(title, path) for title, path in named if path is not None]
    links += [(path.name, path) for path in case.further]
    return {
        "name": printable_name(case.name),
        "key": case.checksum,
        "judgement": case.judgement,
        "done": case.status is Status.DONE,
        "problem": printable(case.problem),
        "organs": [
            {
                "name": organ.name,
                "found": organ.voxels > 0,
                "volume": round(organ.volume_ml, 1),
                "hu": None if organ.mean_hu is None else round(organ.mean_hu, 1),
                "verdict": "not judged" if organ.verdict is None else str(organ.verdict),
                "reasons": [printable(reason) for reason in organ.reasons],
                "outliers": list(organ.outliers),
            }
            for organ in case.organs
        ],
        "kidneys": [
            {
                "name": f"{kidney.name}{', connected with the other' if kidney.fused else ''}",
                "found": kidney.voxels > 0,
                "volume": round(kidney.volume_ml, 1),
                "hu": None if kidney.mean_hu is None else round(kidney.mean_hu, 1),
            }
            for kidney in case.kidneys
        ],
        "warnings": [printable(warning) for warning in case.warnings],
        "kinds": sorted({kinds[warning_kind(warning)] for warning in case.warnings}),
        "facts": [
            [title, printable(text)]
            for title, text in (
                ("scan", case.scan),
                ("system", case.system),
                ("weights", case.weights),
                ("engine", case.engine),
                ("time", "" if case.seconds is None else f"{case.seconds:.1f} s"),
                ("peak memory", "" if case.peak_mb is None else f"{case.peak_mb:.0f} MB"),
                ("finished", case.finished),
            )
            if text
        ],
        "links": [[printable_name(title), _link(path, folder)] for title, path in links],
        "view": "" if case.labels is None else viewer_command(case.scan or None, [case.labels]),
    }


def _link(path: Path, folder: Path) -> str:
    """A relative address of a file, seen from the page; it begins with a dot, so that no name reads as a scheme."""
    if is_staged(path) and not is_staged(folder):
        return shown(path)
    address = quote(os.fsencode(os.path.relpath(target_of(path), folder)))
    return address if address.startswith("../") else f"./{address}"


def _pictures(cases: Sequence[ReportCase], on_case: Callable[[], None]) -> Iterator[tuple[int, CasePictures]]:
    for number, pictures in enumerate(pictures_of(cases)):
        on_case()
        yield number, pictures
