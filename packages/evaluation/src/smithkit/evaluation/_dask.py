"""Rows on a Dask cluster."""

from __future__ import annotations

import importlib
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from smithkit.errors import LangSmithConnectionError, MissingPackageError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DaskExecutor"]

P = ParamSpec("P")
T = TypeVar("T")

_CONNECT_SECONDS = 10


class DaskExecutor(Executor):
    """Calls functions on the workers of a cluster; what a worker had that died is called again on another.

    Args:
        address: ``host:port`` of the scheduler.

    Raises:
        MissingPackageError: `distributed` is not installed.
        LangSmithConnectionError: There is no scheduler, or it has no workers.
    """

    def __init__(self, address: str) -> None:
        try:
            distributed: Any = importlib.import_module("distributed")
        except ModuleNotFoundError:
            raise MissingPackageError("dask:// needs Dask: pip install 'smithkit-evaluation[dask]'") from None
        try:
            self._cluster = distributed.Client(
                f"tcp://{address}", timeout=_CONNECT_SECONDS, set_as_default=False
            )
        except (OSError, ValueError) as error:
            raise LangSmithConnectionError(f"No Dask scheduler answers at {address}: {error}.") from error
        try:
            self._cluster.wait_for_workers(1, timeout=_CONNECT_SECONDS)
        except TimeoutError as error:
            self._cluster.close()
            raise LangSmithConnectionError(f"The Dask scheduler at {address} has no workers.") from error
        self._executor: Executor = self._cluster.get_executor(pure=False)
        self._max_workers = sum(self._cluster.nthreads().values())

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call a function on some worker."""
        return self._executor.submit(function, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - as of `Executor`
        """Leave the cluster, which goes on for others; what is not done then is not waited for."""
        self._executor.shutdown(wait=wait and not cancel_futures)
        self._cluster.close()
