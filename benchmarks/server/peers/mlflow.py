"""`mlflow server`: spans through its OpenTelemetry endpoint, questions to its REST interface, which its client asks too."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from serving import Server, Way
from spans import TRACE, span

from . import otlp

if TYPE_CHECKING:
    from asking import Asker, Reading

__all__ = ["Mlflow"]

_EXPERIMENT = "0"  # the default one
_API = "/api/3.0/mlflow/traces"
_COUNT, _SUM, _PERCENTILE = "COUNT", "SUM", "PERCENTILE"


class Mlflow(Server):
    """MLflow's tracking server on SQLite, as it comes."""

    ready = "/health"
    way: Way

    def command(self, port: int) -> list[str]:
        serve = [str(Path(sys.executable).with_name("mlflow")), "server", "--port", str(port)]
        return [*serve, "--backend-store-uri", f"sqlite:///{self.database}"]

    def environment(self, port: int) -> dict[str, str]:  # noqa: ARG002 - an argument of the command
        path = str(Path(sys.executable).parent)
        return {"PATH": f"{path}:/usr/bin:/bin", "MLFLOW_DISABLE_TELEMETRY": "true"}

    def count(self) -> int:
        _, found = self.ask("POST", f"{_API}/metrics", _metric("SPANS", "span_count", _COUNT))
        return int(_value(found))

    def questions(self, size: int) -> dict[str, Reading]:
        chance = random.Random(3)

        def listed(condition: str) -> Reading:
            return lambda ask: len(_search(ask, 100, condition))

        def point(ask: Asker) -> int:
            trace = otlp.trace_id(span(chance.randrange(size))).hex()
            return int(len(_spans(ask("GET", f"{_API}/get?trace_id=tr-{trace}")["trace"])) == TRACE)

        def whole(ask: Asker) -> int:
            ids = [one["trace_id"] for one in _search(ask, 100 // TRACE)]
            found = ask("GET", f"{_API}/batchGet?" + urlencode([("trace_ids", one) for one in ids]))
            return sum(len(_spans(one)) for one in found["traces"])

        def figures(ask: Asker) -> int:
            for metric, kind in (("latency", _PERCENTILE), ("total_tokens", _SUM)):
                assert _value(ask("POST", f"{_API}/metrics", _metric("TRACES", metric, kind))), metric
            return int(_value(ask("POST", f"{_API}/metrics", _metric("SPANS", "span_count", _COUNT))))

        return {
            "point read": point,
            "list, newest 100": listed(""),
            "list, newest 100 with payloads": whole,
            "list, run type and latency": listed("span.type = 'LLM' AND trace.execution_time_ms > 29000"),
            "text: in each tenth run": listed("span.content LIKE '%common %'"),
            "text: in one of 10,000": listed("span.content LIKE '% rare %'"),
            "figures of a project": figures,
        }


def _search(ask: Asker, limit: int, condition: str = "") -> list[dict[str, Any]]:
    where = [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": _EXPERIMENT}}]
    asked = {"locations": where, "max_results": limit, "order_by": ["timestamp_ms DESC"]}
    found: list[dict[str, Any]] = ask("POST", f"{_API}/search", {**asked, "filter": condition}).get(
        "traces", []
    )
    return found


def _spans(trace: dict[str, Any]) -> list[Any]:
    found: list[Any] = trace["spans"]
    return found


def _metric(view: str, name: str, kind: str) -> dict[str, Any]:
    how = {"aggregation_type": kind} | ({"percentile_value": 50.0} if kind == _PERCENTILE else {})
    return {"experiment_ids": [_EXPERIMENT], "view_type": view, "metric_name": name, "aggregations": [how]}


def _value(found: dict[str, Any]) -> float:
    points = found.get("data_points", [])
    return float(next(iter(points[0]["values"].values()))) if points else 0.0


def _body(batch: list[dict[str, Any]], project: str) -> bytes:  # noqa: ARG001 - a header tells it
    return otlp.body(batch, {}, _attributes)


def _attributes(one: dict[str, Any]) -> otlp.Attributes:
    inputs, outputs = one["tokens"]
    usage = {"input_tokens": inputs, "output_tokens": outputs, "total_tokens": inputs + outputs}
    return {
        "mlflow.spanType": one["kind"].upper(),
        "mlflow.spanInputs": {"messages": [{"role": "user", "content": one["question"]}]},
        "mlflow.spanOutputs": {"messages": [{"role": "assistant", "content": one["answer"]}]},
        "mlflow.chat.tokenUsage": usage,
        "user": one["user"],
        "revision_id": "v1.4.2",
        "tags": [one["tag"]],
    }


Mlflow.way = Way(otlp.PATH, {**otlp.HEADERS, "x-mlflow-experiment-id": _EXPERIMENT}, _body)
