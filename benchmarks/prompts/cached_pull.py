"""Cached pulls side by side: smithkit beside the official client, each in a virtual environment of its own.

Microseconds of one `pull_prompt_commit` and one `pull_prompt` that the cache answers, with 1 and 8 threads, and
smithkit's first pull of a process from the disk layer.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import uv

_ROOT = Path(__file__).resolve().parents[2]
_FOLDER = _ROOT / "build" / "bench"
_PEERS = {
    "smithkit": [part for name in ("core", "prompts") for part in ("-e", str(_ROOT / "packages" / name))],
    "langsmith": ["langsmith"],
}
_MEASURE = """
import json, sys, threading, time
package, threads, calls, port = sys.argv[1], *map(int, sys.argv[2:5])
client = __import__(package).Client(f"http://127.0.0.1:{port}", api_key="key", auto_batch_tracing=False, info={})
found = {}
for method in ("pull_prompt_commit", "pull_prompt"):
    pull, times = getattr(client, method), []
    pull("greet")
    start = threading.Barrier(threads)
    def work():
        start.wait()
        own = []
        for _ in range(calls):
            begun = time.perf_counter_ns()
            pull("greet")
            own.append(time.perf_counter_ns() - begun)
        times.extend(own)
    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers: worker.start()
    for worker in workers: worker.join()
    times.sort()
    found[method] = [times[len(times) // 2] / 1000, times[len(times) * 99 // 100] / 1000]
print(json.dumps(found))
"""
_COLD = """
import sys, time
from smithkit import Client, PromptCache
client = Client(f"http://127.0.0.1:{sys.argv[1]}", api_key="key", plugins=[PromptCache(disk="prompts")])
begun = time.process_time_ns()
client.pull_prompt("greet", as_langchain=False)
print((time.process_time_ns() - begun) / 1e6)
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
    parser.add_argument("--calls", type=int, default=2000)
    given = parser.parse_args()
    pythons = {name: _environment(name, needs) for name, needs in _PEERS.items()}
    server = subprocess.Popen([sys.executable, "-c", _SERVER], stdout=subprocess.PIPE, text=True)
    try:
        port = server.stdout.readline().strip()
        for threads in (1, 8):
            for name, python in pythons.items():
                _measure(name, python, threads, given.calls, port)
        _cold(pythons["smithkit"], port, server)
    finally:
        server.kill()
        server.wait()


def _environment(name: str, needs: list[str]) -> str:
    folder = _FOLDER / f"prompts-{name}"
    if not folder.exists():
        subprocess.run([uv.find_uv_bin(), "venv", "-q", "--python", sys.executable, str(folder)], check=True)
    python = str(folder / "bin" / "python")
    more = ["langchain-core>=1,<2", "--compile-bytecode"]
    subprocess.run([uv.find_uv_bin(), "pip", "install", "-q", "--python", python, *needs, *more], check=True)
    return python


def _measure(name: str, python: str, threads: int, calls: int, port: str) -> None:
    command = [python, "-c", _MEASURE, name, str(threads), str(calls), port]
    found = json.loads(subprocess.check_output(command, text=True, cwd=tempfile.gettempdir()))
    for method, (median, late) in found.items():
        print(f"{name:10} {method:20} {threads} threads  median {median:9.1f} us  p99 {late:9.1f} us")


def _cold(python: str, port: str, server: subprocess.Popen[str]) -> None:
    """The first pull of a process: the first one asks, the others find it on disk while the server is down."""
    with tempfile.TemporaryDirectory() as folder:
        run = [python, "-c", _COLD, port]
        subprocess.check_output(run, cwd=folder)
        server.kill()
        times = [float(subprocess.check_output(run, cwd=folder, text=True)) for _ in range(7)]
    print(
        f"smithkit   from disk, server down: CPU median {statistics.median(times):.2f} ms, worst {max(times):.2f} ms"
    )


if __name__ == "__main__":
    main()
