"""One export of the default system for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from flarecli.export.run import Exported, export_system


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """flarelite in ONNX."""
    return export_system("flarelite", tmp_path_factory.mktemp("export") / "flarelite")


@pytest.fixture(scope="session")
def folder(exported: Exported) -> Path:
    return exported.folder
