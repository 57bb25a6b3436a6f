"""Measure smithkit's tracing pipeline alone, below `traceable`: the micro-benchmark beside the side-by-side one.

Prints what a small run (create and update) costs its caller, what it costs the process in all, and how
many runs a second leave it.
"""

from __future__ import annotations

import argparse
import statistics
import time
import uuid

from sink import Sink

from smithkit import Client


def runs(count):
    made = []
    for _ in range(count):
        key = str(uuid.uuid4())
        order = f"20240506T070809123456Z{key}"
        place = {"id": key, "trace_id": key, "dotted_order": order, "name": "run", "run_type": "chain"}
        post = {
            **place,
            "session_name": "bench",
            "start_time": "2024-05-06T07:08:09.123456+00:00",
            "inputs": {"question": "what is it?", "n": 1},
            "extra": {"metadata": {"ls_method": "traceable"}},
        }
        patch = {**place, "end_time": "2024-05-06T07:08:10.123456+00:00", "outputs": {"answer": "that"}}
        made.append((post, patch))
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20_000)
    count = parser.parse_args().runs
    with Sink() as sink:
        measure(Client(sink.url, api_key="k"), count)


def measure(client, count):
    for post, patch in runs(2000):
        client.submit_post(post)
        client.submit_patch(patch)
    client.flush()
    work = runs(count)
    clock = time.perf_counter_ns
    took = []
    wall, cpu, mine = time.perf_counter(), time.process_time(), time.thread_time()
    for post, patch in work:
        started = clock()
        client.submit_post(post)
        client.submit_patch(patch)
        took.append(clock() - started)
    mine = time.thread_time() - mine
    client.flush(120)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    stats = client.tracing_stats()
    print(f"caller   {statistics.median(took) / 1000:6.2f} µs a run, median")
    print(f"         {mine / count * 1e6:6.2f} µs CPU a run, mean")
    print(f"process  {cpu / count * 1e6:6.2f} µs CPU a run")
    print(f"drained  {count / wall:8.0f} runs/s")
    print(stats)


if __name__ == "__main__":
    main()
