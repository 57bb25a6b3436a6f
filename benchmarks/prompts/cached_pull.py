"""Cached pulls side by side: smithkit beside the official client, each in a virtual environment of its own.

Microseconds of one pull that the cache answers, in 1 thread, in 8 threads, and awaited; the two clients take turns,
and of all rounds the median of medians and of 99th percentiles is printed, with their ratio. Then smithkit alone:
what it costs to look into the commit too, and the first pull of a process from disk while the server is down.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import uv

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).resolve().parents[2]
_FOLDER = _ROOT / "build" / "bench"
_PEERS = {
    "smithkit": [
        part
        for name, extra in (("core", "[async]"), ("prompts", ""))
        for part in ("-e", f"{_ROOT / 'packages' / name}{extra}")
    ],
    "langsmith": ["langsmith"],
}
_METHODS = ("pull_prompt_commit", "pull_prompt")
_WAYS = ("1 thread", "8 threads", "async")
_MEASURE = """
import asyncio, json, sys, threading, time
package, method, way, calls, port = *sys.argv[1:4], *map(int, sys.argv[4:6])
module, url, clock, times = __import__(package), f"http://127.0.0.1:{port}", time.perf_counter_ns, []
def work(pull, start):
    start.wait()
    own = []
    for _ in range(calls):
        begun = clock()
        pull("greet")
        own.append(clock() - begun)
    times.extend(own)
async def awork():
    client = module.AsyncClient(url, api_key="key")
    pull = getattr(client, method)
    await pull("greet")
    for _ in range(calls):
        begun = clock()
        await pull("greet")
        times.append(clock() - begun)
    await client.aclose()
if way == "async":
    asyncio.run(awork())
else:
    client = module.Client(url, api_key="key", auto_batch_tracing=False, info={})
    pull = getattr(client, method.removesuffix(" and read"))
    if method.endswith("read"):
        pull = lambda name, pull=pull: pull(name).manifest
    pull("greet")
    threads = int(way.split()[0])
    start = threading.Barrier(threads)
    workers = [threading.Thread(target=work, args=(pull, start)) for _ in range(threads)]
    for worker in workers: worker.start()
    for worker in workers: worker.join()
times.sort()
print(json.dumps([times[len(times) // 2] / 1000, times[len(times) * 99 // 100] / 1000]))
"""
_COLD = """
import sys, time
from smithkit import Client, PromptCache
port, method = sys.argv[1:3]
if "pydantic" in sys.argv:
    import pydantic
    class Other(pydantic.BaseModel):
        number: int
client = Client(f"http://127.0.0.1:{port}", api_key="key", plugins=[PromptCache(disk="prompts")])
options = {"as_langchain": False} if method == "pull_prompt" else {}
begun = time.perf_counter_ns()
getattr(client, method)("greet", **options)
print((time.perf_counter_ns() - begun) / 1e6)
"""
_SERVER = """
import json, http.server
node = lambda path, **kwargs: {"lc": 1, "type": "constructor", "id": path.split("."), "kwargs": kwargs}
text = lambda template: node("langchain.prompts.prompt.PromptTemplate", input_variables=["q"], template=template, template_format="f-string")
said = lambda kind, template: node(f"langchain.prompts.chat.{kind}MessagePromptTemplate", prompt=text(template))
manifest = node("langchain.prompts.chat.ChatPromptTemplate", input_variables=["q"], messages=[said("System", "Be kind. " * 50), said("Human", "{q}")])
body = json.dumps({"commit_hash": "c0ffee", "manifest": manifest, "examples": []}).encode()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=5000, help="a thread, of each method and way")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--processes", type=int, default=20, help="that start while the server is down")
    given = parser.parse_args()
    pythons = {name: _environment(name, needs) for name, needs in _PEERS.items()}
    with _server() as port:
        _compare(pythons, port, given.calls, given.rounds)
    _cold(pythons["smithkit"], given.processes)


@contextlib.contextmanager
def _server() -> Iterator[str]:
    server = subprocess.Popen([sys.executable, "-c", _SERVER], stdout=subprocess.PIPE, text=True)
    try:
        yield server.stdout.readline().strip()
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


def _environment(name: str, needs: list[str]) -> str:
    folder = _FOLDER / f"prompts-{name}"
    if not folder.exists():
        subprocess.run([uv.find_uv_bin(), "venv", "-q", "--python", sys.executable, str(folder)], check=True)
    python = str(folder / "bin" / "python")
    more = ["langchain-core>=1,<2", "--compile-bytecode"]
    subprocess.run([uv.find_uv_bin(), "pip", "install", "-q", "--python", python, *needs, *more], check=True)
    return python


def _compare(pythons: dict[str, str], port: str, calls: int, rounds: int) -> None:
    found = collections.defaultdict(list)
    for _ in range(rounds):
        for method in _METHODS:
            for way in _WAYS:
                for name, python in pythons.items():
                    few = str(calls if method == "pull_prompt_commit" else calls // 5)
                    found[method, way, name].append(_run(python, name, method, way, few, port))
        read = "pull_prompt_commit and read"
        found[read, "1 thread", "smithkit"].append(
            _run(pythons["smithkit"], "smithkit", read, "1 thread", str(calls), port)
        )
    print("microseconds: median, p99              smithkit              langsmith         ratio")
    for method in (*_METHODS, read):
        for way in _WAYS if method != read else _WAYS[:1]:
            own, other = (_medians(found[method, way, name]) for name in pythons)
            line = f"{method:27} {way:9} {own[0]:9.1f} {own[1]:9.1f}"
            if other:
                ratios = [one / two for one, two in zip(own, other, strict=True)]
                line += f"  {other[0]:9.1f} {other[1]:9.1f}    {ratios[0]:4.2f} {ratios[1]:4.2f}"
            print(line)


def _run(python: str, *measured: str) -> list[float]:
    command = [python, "-c", _MEASURE, *measured]
    answer = subprocess.check_output(command, text=True, cwd=tempfile.gettempdir())
    found: list[float] = json.loads(answer.splitlines()[-1])
    return found


def _medians(rounds: list[list[float]]) -> list[float]:
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


def _cold(python: str, processes: int) -> None:
    """The first pull of a process: one asks, the others find it on disk while the server is down."""
    for method, *loaded in (("pull_prompt",), ("pull_prompt_commit", "pydantic"), ("pull_prompt_commit",)):
        with tempfile.TemporaryDirectory() as folder:
            with _server() as port:
                run = [python, "-c", _COLD, port, method, *loaded]
                subprocess.check_output(run, cwd=folder)
            times = [
                float(subprocess.check_output(run, cwd=folder, text=True).splitlines()[-1])
                for _ in range(processes)
            ]
        note = " (pydantic loaded before)" if loaded else ""
        print(
            f"{method}, first of a process, from disk, server down{note}: "
            f"median {statistics.median(times):.2f} ms, worst {max(times):.2f} ms"
        )


if __name__ == "__main__":
    main()
