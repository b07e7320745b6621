"""The clock of a case."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from flarecli.steps import Steps, observed_steps


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


def test_observers_run_round_the_steps_of_every_clock() -> None:
    seen: list[str] = []

    @contextmanager
    def observer(name: str) -> Iterator[None]:
        seen.append(f"{name} begins")
        try:
            yield
        finally:
            seen.append(f"{name} ends")

    with observed_steps(observer):
        with Steps()("read"):
            seen.append("reading")
        with pytest.raises(ValueError, match="broken"), Steps()("segment"):
            raise ValueError("broken")
    with Steps()("write"):
        pass
    assert seen == ["read begins", "reading", "read ends", "segment begins", "segment ends"]
