"""Rows on an executor: in other threads, processes or on other machines.

A row is done whole where the executor calls it, target and evaluators; its ids are chosen before. So a row
that is done twice, because a process died over it, is still one run with the same feedback.
"""

from __future__ import annotations

import functools
import pickle
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from smithkit.evaluation._limits import OPEN
from smithkit.evaluation._pickling import dumps
from smithkit.evaluation._rows import Plan, _log, derived_id
from smithkit.evaluation._steps import Call, performer
from smithkit.operations import Flow, drive

if TYPE_CHECKING:
    from uuid import UUID

    from smithkit.datasets.schemas import Example
    from smithkit.evaluation._results import ExperimentResultRow

__all__ = ["Workplace"]

_UNKNOWN = 32  # rows at a time where an executor does not tell how many workers it has
_FLUSH_SECONDS = 60.0


@dataclass(slots=True)
class Workplace:
    """An executor that rows are done on.

    Attributes:
        executor: The executor.
        own: Whether it was made for this experiment, and ends with it.
    """

    executor: Executor
    own: bool = False
    _parcel: _Parcel | None = None

    @classmethod
    def of(cls, client: Any, given: Any, plan: Plan) -> Self:
        """The place that an argument names; a plugin makes an executor of a text.

        Args:
            client: The client.
            given: The argument.
            plan: What is to be done there.

        Raises:
            TypeError: It is no executor, or the plan cannot be sent to it.
            ValueError: No plugin understands the text.
        """
        if not isinstance(given, str) and not callable(getattr(given, "submit", None)):
            raise TypeError(f"executor must be an Executor or a text, not {type(given).__name__}.")
        place = cls(given) if not isinstance(given, str) else cls(_made(client, given), own=True)
        try:
            if place.own or isinstance(place.executor, ProcessPoolExecutor):
                _ = _Parcel(plan).packed  # what cannot be sent is refused before anything runs
        except BaseException:
            place.close()
            raise
        return place

    @property
    def capacity(self) -> int:
        """How many rows it can work on at a time."""
        workers = getattr(self.executor, "_max_workers", None)
        return workers if isinstance(workers, int) and workers > 0 else _UNKNOWN

    def row(self, plan: Plan, example: Example, run_id: UUID) -> Flow[ExperimentResultRow]:
        """Do a row there; one that is lost there gives a row with the error."""
        if self._parcel is None:
            self._parcel = _Parcel(plan)
        work = _Row(self._parcel, example, run_id)
        try:
            row: ExperimentResultRow = yield Call(lambda: self.executor.submit(work).result(), gate=plan.gate)
        except Exception as error:  # noqa: BLE001 - whatever the place does to a row is its result
            _log.exception("The row of example %s was lost: %r", example.id, error)
            return (yield from plan.lost_row(example, run_id, error))
        row["run"].ls_client = plan.judge.client
        return {**row, "example": example}

    def close(self) -> None:
        """End an executor that was made for this experiment."""
        if self.own:
            self.executor.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Parcel:
    """What all rows of an experiment have in common; pickled once.

    Args:
        plan: What is to be done.
    """

    arrived = False

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    @functools.cached_property
    def packed(self) -> bytes:
        """The plan, without its examples: each row brings its own."""
        judge = self.plan.judge
        light = replace(judge, experiment=replace(judge.experiment, examples=()), summary_evaluators=())
        return dumps(replace(self.plan, judge=light, workplace=None), "The target, or an evaluator,")

    def __reduce__(self) -> Any:
        return _Arrived, (self.packed,)


class _Arrived:
    """A parcel in the other process. It is opened by its first row, so that what fails is an error of rows."""

    arrived = True

    def __init__(self, packed: bytes) -> None:
        self._packed = packed

    @property
    def plan(self) -> Plan:
        return _unpacked(self._packed)


@functools.lru_cache(maxsize=16)
def _unpacked(packed: bytes) -> Plan:
    plan: Plan = pickle.loads(packed)  # noqa: S301 - whoever sends work here runs code here
    return plan


class _Row:
    """A row to do, wherever it is called."""

    def __init__(self, parcel: _Parcel | _Arrived, example: Example, run_id: UUID) -> None:
        self._parcel, self._example, self._run_id = parcel, example, run_id

    def __repr__(self) -> str:
        return f"<the row of example {self._example.id}>"

    def __call__(self) -> ExperimentResultRow:
        plan = self._parcel.plan
        client = plan.judge.client
        judge = replace(plan.judge, source_id=derived_id)
        here = replace(plan, judge=judge, gate=OPEN, workplace=None)
        row = drive(here.row_here(self._example, self._run_id), performer(client))
        if self._parcel.arrived and judge.upload:
            client.flush(_FLUSH_SECONDS)  # a row that is told to be done has been delivered
        return row


def _made(client: Any, spec: str) -> Executor:
    made: Executor | None = client.hooks.first("create_executor", spec=spec)
    if made is None:
        raise ValueError(
            f"No plugin makes an executor of {spec!r}. Give an Executor, dask://host:port, or register a "
            f"plugin with `create_executor`."
        )
    return made
