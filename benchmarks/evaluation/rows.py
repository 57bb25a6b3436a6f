"""One contestant, in a process of its own: evaluates a function that does nothing, and prints a line of JSON."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import time
import uuid
import warnings
from pathlib import Path

_WARM_UP_ROWS = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", choices=PEERS)
    parser.add_argument("url")
    parser.add_argument("rows", type=int)
    parser.add_argument("concurrency", type=int)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    with silence():
        evaluate = PEERS[given.peer](given.url)
        evaluate(_WARM_UP_ROWS, given.concurrency)()
        measured = evaluate(given.rows, given.concurrency)
        started, process = time.perf_counter(), time.process_time()
        judged = measured()
        seconds, cpu = time.perf_counter() - started, time.process_time() - process
    figures = {
        "wall": seconds / given.rows * 1e3,
        "cpu": cpu / given.rows * 1e3,
        "judged": judged / given.rows,
    }
    print(json.dumps(figures), flush=True)
    os._exit(0)  # nothing that a client does at the end of its process belongs to the figures


@contextlib.contextmanager
def silence():
    """Whatever is printed meanwhile is not the figures."""
    with (
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        yield


def _langsmith(package: str):
    """A client of the LangSmith API; both take the same arguments."""

    def peer(url: str):
        module = __import__(package)
        client = module.Client(api_url=url, api_key="benchmark")

        def prepared(rows: int, concurrency: int):
            dataset = client.create_dataset(f"bench {uuid.uuid4().hex[:8]}")
            client.create_examples(
                dataset_id=dataset.id,
                examples=[{"inputs": {"n": n}, "outputs": {"n": n}} for n in range(rows)],
            )

            def measured() -> int:
                results = client.evaluate(
                    answer, data=dataset.name, evaluators=[right], max_concurrency=concurrency
                )
                client.flush()
                return sum(row["evaluation_results"]["results"][0].score is True for row in results)

            return measured

        return prepared

    return peer


def _mlflow(_: str):
    import tempfile

    folder = tempfile.mkdtemp()
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder}/mlflow.db"
    import mlflow
    from mlflow.genai.scorers import scorer

    mlflow.set_experiment("bench")

    @scorer
    def judged(outputs, expectations):
        return outputs["n"] == expectations["n"]

    def prepared(rows: int, concurrency: int):
        os.environ["MLFLOW_GENAI_EVAL_MAX_WORKERS"] = str(concurrency or 1)
        data = [{"inputs": {"n": n}, "expectations": {"n": n}} for n in range(rows)]

        def measured() -> int:
            found = mlflow.genai.evaluate(data=data, predict_fn=lambda n: {"n": n}, scorers=[judged])
            return int(found.result_df["judged/value"].eq(True).sum())  # noqa: FBT003

        return measured

    return prepared


def answer(inputs: dict) -> dict:
    return {"n": inputs["n"]}


def right(outputs: dict, reference_outputs: dict) -> bool:
    return outputs["n"] == reference_outputs["n"]


PEERS = {"smithkit": _langsmith("smithkit"), "langsmith": _langsmith("langsmith"), "mlflow": _mlflow}


if __name__ == "__main__":
    main()
