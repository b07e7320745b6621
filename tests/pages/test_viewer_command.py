"""The command that a page shows can be pasted into a shell, whatever the names."""

from __future__ import annotations

import shlex
from pathlib import Path

from flarecli.pages.viewer_command import viewer_command


def test_names_are_quoted() -> None:
    command = viewer_command("/a b/$(x)_0000.nii.gz", [Path("it's.nii.gz"), Path("-r.nii.gz")])
    assert shlex.split(command) == ["flare", "view", "/a b/$(x)_0000.nii.gz", "it's.nii.gz", "./-r.nii.gz"]


def test_an_unknown_scan_has_a_placeholder_and_an_unprintable_name_no_command() -> None:
    assert viewer_command(None, [Path("a.nii.gz")]) == "flare view SCAN a.nii.gz"
    assert viewer_command("a\x1b[2J", [Path("a.nii.gz")]) == ""
    assert viewer_command("a\nb", []) == ""
