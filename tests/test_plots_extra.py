"""Plots without matplotlib: the extra is named before anything is measured."""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flarecli.cli.main import app
from flarecli.errors import InstallationError
from flarecli.matplotlib_import import prepare_matplotlib


@pytest.fixture(autouse=True)
def no_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec

    def find_others(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "matplotlib" else find(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", find_others)
    monkeypatch.delitem(sys.modules, "matplotlib.font_manager", raising=False)


def test_the_extra_is_named() -> None:
    with pytest.raises(InstallationError, match=r"flarecli\[plots\]"):
        prepare_matplotlib()


def test_a_plot_of_a_profile_is_refused_at_once(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["profile", "--plot", str(tmp_path / "plot.png"), "--size", "64x64x64"])
    assert result.exit_code == 5
    assert "flarecli[plots]" in result.stderr
    assert not list(tmp_path.iterdir())
