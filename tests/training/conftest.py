"""Long trainings run only when they are asked for."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked slow in this folder, unless `-m` names the mark or the test is named."""
    if "slow" in config.getoption("markexpr"):
        return
    here = Path(__file__).parent
    left_out = [item for item in items if here in item.path.parents and item.get_closest_marker("slow")]
    if left_out and not any("::" in argument for argument in config.args):
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
