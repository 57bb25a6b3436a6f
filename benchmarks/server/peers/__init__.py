"""Who is measured side by side: a module each, with its server, how spans are sent to it, and what it is asked."""

__all__ = ["ASKED", "NOTES", "PEERS"]

PEERS = {
    "smithkit": ("peers.smithkit", "Smithkit"),
    "phoenix": ("peers.phoenix", "Phoenix"),
    "mlflow": ("peers.mlflow", "Mlflow"),
}
"""Module and class of each, to be imported where its packages are."""

ASKED = (
    "point read",
    "list, newest 100",
    "list, newest 100 with payloads",
    "list, run type and latency",
    "text: in each tenth run",
    "text: in one of 10,000",
    "figures of a project",
)
"""What all of them are asked, as far as they have it."""

_TRACES = "Traces of five spans: it lists and filters no spans."
NOTES = {
    ("phoenix", "acknowledged"): "Acknowledges before it writes.",
    ("mlflow", "point read"): "The whole trace of five spans: it reads no single one.",
    ("mlflow", "list, newest 100"): _TRACES,
    (
        "mlflow",
        "list, newest 100 with payloads",
    ): "Twenty traces of five spans, in two requests as its client makes them.",
    ("mlflow", "list, run type and latency"): _TRACES + " Latency is the trace's.",
    ("mlflow", "text: in each tenth run"): _TRACES,
    ("mlflow", "text: in one of 10,000"): _TRACES,
    ("mlflow", "figures of a project"): "Three requests; the latency is that of traces.",
}
"""What a figure of somebody's has to be read with."""
