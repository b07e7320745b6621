"""A finished run that tests share; long trainings run only when they are asked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from flarecli.training.run import Finished


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked slow in this folder, unless `-m` names the mark or the test is named."""
    if "slow" in config.getoption("markexpr"):
        return
    here = Path(__file__).parent
    left_out = [item for item in items if here in item.path.parents and item.get_closest_marker("slow")]
    if left_out and not any("::" in argument for argument in config.args):
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Finished]:
    """Folder and result of a small run that nothing interrupted; tests leave them as they are."""
    from tests.training.small_runs import run

    folder = tmp_path_factory.mktemp("run")
    finished = run(folder)
    assert finished is not None
    return folder, finished
