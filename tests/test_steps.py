"""The clock of a case."""

import pytest

from flarecli.steps import Steps


def test_steps_are_timed_in_order_and_announced() -> None:
    announced: list[str] = []
    steps = Steps(announced.append)
    with steps("read"):
        pass
    with pytest.raises(ValueError, match="broken"), steps("segment"):
        raise ValueError("broken")
    assert announced == ["read", "segment"]
    assert [step.name for step in steps.times] == ["read", "segment"]
    assert all(step.wall_s >= 0 for step in steps.times)
