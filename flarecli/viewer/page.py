"""The viewer's page: NiiVue's script, the page's own scripts, and its data or their addresses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flarecli.files.destinations import check_suffix
from flarecli.pages.document import has_mark, json_for_script, page_parts, write_page
from flarecli.preview.slice_picture import WINDOW_LEVEL_HU, WINDOW_WIDTH_HU
from flarecli.viewer.niivue import niivue_script

_PACKAGE = "flarecli.viewer"
_MARK = b'content="flare view"'

WINDOWS = {
    "abdomen": (WINDOW_LEVEL_HU, WINDOW_WIDTH_HU),
    "liver": (80, 160),
    "lung": (-600, 1500),
    "bone": (400, 1800),
}
"""Level and width in HU. The abdomen's is that of previews; the others are common in radiology."""


def served_page(facts: Mapping[str, Any]) -> bytes:
    """The page that loads voxels and surfaces from its server.

    Raises:
        InstallationError: when ipyniivue is not there.
    """
    return "".join(page_parts(_PACKAGE, _content(facts, {}), connects=True)).encode("utf-8")


def write_viewer_page(
    destination: Path, facts: Mapping[str, Any], files: Mapping[str, str], *, replaces: bool = True
) -> None:
    """Write the page that contains all data, atomically.

    Args:
        destination: The HTML file.
        facts: Figures and places.
        files: Base64 texts of voxels and surfaces by name.
        replaces: Whether a file that exists in the end is replaced.

    Raises:
        InstallationError: when ipyniivue is not there.
        OutputError: when the file cannot be written, or exists and is not replaced.
    """
    write_page(destination, _PACKAGE, _content(facts, files), replaces=replaces)


def check_viewer_path(path: Path) -> None:
    """Refuse a file name that is not one of a page, before anything is computed.

    Raises:
        UsageError: when the suffix is not `.html`.
    """
    check_suffix(path, "page", ".html", ".htm")


def is_viewer_page(path: Path) -> bool:
    """Whether a file is a page of this kind, so that a later run may replace it."""
    return has_mark(path, _MARK)


def _content(facts: Mapping[str, Any], files: Mapping[str, str]) -> dict[str, Any]:
    colours = {organ["label"]: "rgb({}, {}, {})".format(*organ["colour"]) for organ in facts["organs"]}
    return {
        "facts": facts,
        "windows": WINDOWS,
        "colours": colours,
        "data": json_for_script({**facts, "windows": WINDOWS, "embedded": sorted(files)}),
        "files": files,
        "module": niivue_script(),
        "has_verdicts": any(organ["verdict"] for organ in facts["organs"]),
    }
