"""One export of the default system for all tests.

Its self-test has a scan of half the height: onnxruntime takes seconds for a whole one, which the tests of
`flare export` have.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flarecli.export import vectors
from flarecli.export.run import Exported, export_system
from tests.made_once import made_once, shared_folder


@contextmanager
def small_self_test(shape_zyx: tuple[int, int, int] = (16, 76, 96)) -> Iterator[None]:
    """Exports made in the block are tested with a smaller scan than users' exports."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vectors, "SCAN_SHAPE_ZYX", shape_zyx)
        yield


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """flarelite in ONNX."""
    folder = shared_folder(tmp_path_factory) / "export" / "flarelite"
    with small_self_test():
        return made_once(folder, lambda: export_system("flarelite", folder))


@pytest.fixture(scope="session")
def folder(exported: Exported) -> Path:
    return exported.folder
