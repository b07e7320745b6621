"""The workers of a scheduler for the same work on many items, as `flarecli.processes.workers.Workers` does it here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from flarecli import __version__
from flarecli.cluster.bounded import ended_tasks, gone, result_of
from flarecli.cluster.packages import distributed
from flarecli.cluster.waiting import wait_for_workers
from flarecli.errors import FlareError, InstallationError
from flarecli.processes.child import as_message

Item = TypeVar("Item")
Result = TypeVar("Result")


class ClusterPool:
    """Applies functions on the workers of a scheduler, which see the same files under the same absolute paths.

    Args:
        client: Client of the scheduler.

    Raises:
        InstallationError: when workers have another version of flare, or the scheduler goes away.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        wait_for_workers(client)
        check_versions(client)

    def work_on(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[tuple[Item, Result]]:
        """Apply a function to items; results come in the order in which they are finished.

        An item whose worker dies goes to another one.

        Args:
            function: Picklable, as are items and results.
            items: What to work on.

        Raises:
            InstallationError: when an item kills every worker, or the scheduler goes away.
            FlareError: what the function raised.
        """
        dask = distributed()
        for item, future in ended_tasks(self._client, applied, items, function, name="flare"):
            try:
                result, error = result_of(future)
            except dask.KilledWorker as killed:
                raise InstallationError(
                    "workers were killed",
                    seen=killed,
                    expected="workers with enough memory for one case",
                    remedy="Give workers more memory, and run the command again.",
                ) from killed
            if error is not None:
                raise error
            yield item, result


def applied(item: Item, function: Callable[[Item], Result]) -> tuple[Result | None, FlareError | None]:
    """The task: the result, or the error as one that can be sent."""
    try:
        return function(item), None
    except Exception as error:
        return None, as_message(error)


def check_versions(client: Any) -> None:
    """See that all workers have this version of flare.

    Raises:
        InstallationError: when one has not, or the scheduler goes away.
    """
    try:
        versions = client.run(version)
    except (OSError, TimeoutError) as error:
        raise gone() from error
    except Exception as error:
        raise _differs(f"{type(error).__name__}: {error}") from error
    for address, found in sorted(versions.items()):
        if found != __version__:
            raise _differs(f"flare {found} at {address}")


def version() -> str:
    """The version of flare in this process."""
    return __version__


def _differs(seen: str) -> InstallationError:
    return InstallationError(
        "the workers do not have this version of flare",
        seen=seen,
        expected=f"flare {__version__}, as here",
        remedy="Install the same version on every host, and restart the workers.",
    )
