"""Tasks whose results cannot be brought because the scheduler went away."""

from __future__ import annotations

import pytest

from flarecli.cluster.bounded import result_of
from flarecli.errors import InputError, InstallationError

distributed = pytest.importorskip("distributed", reason="needs the extra 'cluster'")


class Future:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def result(self) -> object:
        raise self.error


CLOSED = (distributed.comm.core.CommClosedError("closed"), distributed.CancelledError("gone"), TimeoutError())


@pytest.mark.parametrize("error", CLOSED)
def test_a_closed_connection_means_that_the_scheduler_went_away(error: BaseException) -> None:
    with pytest.raises(InstallationError, match="the scheduler went away"):
        result_of(Future(error))


def test_what_a_task_raised_is_raised() -> None:
    with pytest.raises(InputError, match="odd"):
        result_of(Future(InputError("odd", remedy="None.")))
