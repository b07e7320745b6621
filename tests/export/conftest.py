"""One export of the default system for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from flarecli.export.run import Exported, export_system
from tests.made_once import made_once, shared_folder


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """flarelite in ONNX."""
    folder = shared_folder(tmp_path_factory) / "export" / "flarelite"
    return made_once(folder, lambda: export_system("flarelite", folder))


@pytest.fixture(scope="session")
def folder(exported: Exported) -> Path:
    return exported.folder
