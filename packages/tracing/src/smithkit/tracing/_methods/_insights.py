"""Methods that have the server find out what conversations are about."""

from __future__ import annotations

import datetime as dt
import uuid
import warnings
from typing import TYPE_CHECKING, Any, Literal

from smithkit.answers import parse
from smithkit.arguments import as_uuid
from smithkit.beta import warn_beta
from smithkit.config import host_url
from smithkit.errors import LangSmithResponseError, LangSmithWarning
from smithkit.operations import Flow, Request, operation
from smithkit.tracing._identity import dotted_segment, from_datetime, uuid7
from smithkit.tracing._methods._lookup import AsyncLookup, Lookup
from smithkit.tracing._methods._submission import Submission
from smithkit.workspace import required_tenant_id, server_info

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from smithkit.arguments import ID_TYPE
    from smithkit.tracing.schemas import InsightsReport

__all__ = ["AsyncInsightsMethods", "InsightsMethods"]

_Model = Literal["openai", "anthropic"]
_Message = dict[str, Any]
_KEYS: dict[_Model, str] = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}
_MOST_HISTORIES = 1000
_REQUEST_BYTES = 10 * 2**20
_INSTRUCTIONS = "What are people asking my agent about, and where does it let them down?"
_SUBJECT = "What does your agent do, and what is in its traces?"
_QUESTION = "What would you like to learn about it?"
_CHATS = "The traces are conversations of people with an agent."


class InsightsMethods(Submission, Lookup):
    """Methods of `Client` for insights."""

    @operation
    def generate_insights(
        self,
        *,
        chat_histories: Sequence[Sequence[_Message]],
        instructions: str = _INSTRUCTIONS,
        name: str | None = None,
        model: _Model | None = None,
        openai_api_key: str | None = None,
        anthropic_api_key: str | None = None,
    ) -> Flow[InsightsReport]:
        """Have the server find out what conversations are about. In beta.

        The conversations become runs of a new project (``POST /sessions``, ``POST /runs/batch``), and a job of
        the server groups them (``POST /sessions/{id}/insights``). LangSmith does it with a language model:
        the workspace needs a provider's key (``GET`` and ``POST /workspaces/current/secrets``). The embedded
        backend does it by itself, with no model and no key.

        Args:
            chat_histories: Conversations, each a list of messages such as
                ``{"role": "user", "content": "Hi"}``; at most 1000.
            instructions: What you want to learn.
            name: Name of the report and of its project. Default: one with the time.
            model: Whose model reads them. Default: whichever the workspace has a key for, OpenAI's first.
            openai_api_key: Key to store in the workspace, if it has none.
            anthropic_api_key: The same for Anthropic.

        Returns:
            The report, most likely still queued; its link is printed. `poll_insights` waits for it.

        Raises:
            ValueError: There are no conversations, or the server needs a key and has none.
            LangSmithError: The server refused.

        Example:
            >>> report = client.generate_insights(chat_histories=[[{"role": "user", "content": "Hi"}]])  # doctest: +SKIP
            >>> client.poll_insights(report=report).status  # doctest: +SKIP
            'success'
        """
        warn_beta("generate_insights")
        histories = _checked(chat_histories)
        keys: dict[_Model, str | None] = {"openai": openai_api_key, "anthropic": anthropic_api_key}
        chosen = yield from self._ensure_model(model, keys)
        project_name = name or f"insights {dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M:%S}"
        body = {"name": project_name, "extra": None, "description": None, "id": str(uuid.uuid4())}
        project_id = (yield Request("POST", "/sessions", json=body)).json()["id"]
        for batch in self._batches(_runs(histories, project_id)):
            yield Request("POST", "/runs/batch", content=batch, headers={"Content-Type": "application/json"})
        job = {
            "name": name,
            "user_context": {_SUBJECT: _CHATS, _QUESTION: instructions},
            "last_n_hours": 1,
            "model": chosen,
        }
        answer = (yield Request("POST", f"/sessions/{project_id}/insights", json=job)).json()
        report = yield from self._report(answer, project_id)
        print(f"The report will be at {report.link}")  # noqa: T201 - people wait for it in a notebook
        return report

    @operation
    def poll_insights(
        self,
        *,
        report: InsightsReport | None = None,
        id: ID_TYPE | None = None,  # noqa: A002 - the API's own name
        project_id: ID_TYPE | None = None,
        rate: int = 30,
        timeout: int = 1800,
        verbose: bool = False,
    ) -> Flow[InsightsReport]:
        """Wait for a report (``GET /sessions/{project_id}/insights/{id}``). In beta.

        Args:
            report: The report.
            id: Or its id,
            project_id: and its project's.
            rate: Seconds between two looks.
            timeout: Seconds to wait at most.
            verbose: Whether to print what is going on.

        Returns:
            The finished report.

        Raises:
            ValueError: Not exactly one of report and ids is given; or the job failed.
            TimeoutError: It was not finished in time.

        Example:
            >>> client.poll_insights(report=report, rate=5).link  # doctest: +SKIP
        """
        warn_beta("poll_insights")
        if (report is None) == (id is None and project_id is None):
            raise ValueError("Give either report, or both id and project_id.")
        job, project = (report.id, report.project_id) if report is not None else (id, project_id)
        if job is None or project is None:
            raise ValueError("Give both id and project_id.")
        if rate <= 0:
            raise ValueError(f"rate must be more than 0 seconds, not {rate}.")
        path = f"/sessions/{as_uuid(project, 'project_id')}/insights/{as_uuid(job, 'id')}"
        for look in range(max(1, int(timeout // rate))):
            if look:
                yield float(rate)
            answer = (yield Request("GET", path)).json()
            if answer["status"] == "success":
                done = yield from self._report(answer, project)
                _say(verbose, f"The report is ready: {done.link}")
                return done
            if answer["status"] == "error":
                raise ValueError(f"The server could not make the report: {answer.get('error')}")
            _say(verbose, f"The report is {answer['status']}; the next look is in {rate} seconds.")
        raise TimeoutError(f"The report was not finished within {timeout} seconds.")

    def _ensure_model(self, wanted: _Model | None, keys: dict[_Model, str | None]) -> Flow[_Model | None]:
        """Choose a model whose key the workspace has, or gets now; None where no model is needed."""
        secrets = (yield Request("GET", "/workspaces/current/secrets")).json()
        stored = {secret.get("key") for secret in secrets or ()}
        candidates: tuple[_Model, ...] = ("openai", "anthropic") if wanted is None else (wanted,)
        for model in candidates:
            if _KEYS[model] in stored:
                return model
        for model in candidates:
            if keys[model]:
                secret = {"key": _KEYS[model], "value": keys[model]}
                yield Request("POST", "/workspaces/current/secrets", json=[secret])
                return model
        info = yield from server_info(self)
        if (info.instance_flags or {}).get("insights_without_model"):
            return None
        names = " or ".join(f"{model}_api_key" for model in candidates)
        raise ValueError(f"The workspace has no key for a model: give {names}.")

    def _batches(self, runs: Iterable[dict[str, Any]]) -> Iterator[bytes]:
        """Bodies of ``POST /runs/batch``; what the client hides is hidden in these runs too."""
        group: list[bytes] = []
        size = 0
        for run in runs:
            prepared = self._pipeline.prepare("post", run)
            if prepared is None:
                continue
            encoded = self._pipeline.serializer.dumps(prepared)
            if group and size + len(encoded) > _REQUEST_BYTES:
                yield _body(group)
                group, size = [], 0
            group.append(encoded)
            size += len(encoded)
        if group:
            yield _body(group)

    def _report(self, answer: Any, project_id: ID_TYPE) -> Flow[InsightsReport]:
        from smithkit.tracing.schemas import InsightsReport

        tenant = yield from required_tenant_id(self)
        if not isinstance(answer, dict):
            raise LangSmithResponseError("The server answered with something else than a report.")
        place = {
            "project_id": as_uuid(project_id, "project_id"),
            "host_url": host_url(self.config),
            "tenant_id": tenant,
        }
        return parse(InsightsReport, {**answer, **place})


class AsyncInsightsMethods(AsyncLookup, InsightsMethods):
    """Methods of `AsyncClient` for insights."""


def _checked(histories: Sequence[Sequence[_Message]]) -> Sequence[Sequence[_Message]]:
    given = [history for history in histories if history]
    if not given:
        raise ValueError("chat_histories holds no messages.")
    if len(given) > _MOST_HISTORIES:
        warnings.warn(
            f"A report takes {_MOST_HISTORIES} conversations; {len(given) - _MOST_HISTORIES} are left out.",
            LangSmithWarning,
            stacklevel=5,  # past the flow and what drives it
        )
    return given[:_MOST_HISTORIES]


def _runs(histories: Iterable[Sequence[_Message]], project_id: str) -> Iterator[dict[str, Any]]:
    """A finished root run for each conversation: what was said first went in, all of it came out."""
    for history in histories:
        now = dt.datetime.now(dt.UTC)
        run_id = uuid7()
        yield {
            "id": run_id,
            "trace_id": run_id,
            "dotted_order": dotted_segment(from_datetime(now), str(run_id)),
            "start_time": now,
            "end_time": now,
            "run_type": "chain",
            "session_id": project_id,
            "name": "trace",
            "inputs": {"messages": list(history[:1])},
            "outputs": {"messages": list(history)},
        }


def _body(runs: list[bytes]) -> bytes:
    return b'{"post":[%b]}' % b",".join(runs)


def _say(wanted: bool, text: str) -> None:  # noqa: FBT001 - whether it was asked for
    if wanted:
        print(text)  # noqa: T201 - asked for
