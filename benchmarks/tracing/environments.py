"""The contestants, each with a virtual environment of its own, so that no two have to agree on a version."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import uv

_ROOT = Path(__file__).resolve().parents[2]
_FOLDER = _ROOT / ".venv" / "contestants"  # beside the other environments, where git and tests do not look
_PACKAGES = ("core", "tracing")
_SMITHKIT = tuple(part for name in _PACKAGES for part in ("-e", str(_ROOT / "packages" / name)))
_OPENTELEMETRY = ("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http")


@dataclass(frozen=True)
class Contestant:
    """Somebody to measure.

    Attributes:
        name: What tables call it.
        peer: Its entry in `peers.PEERS`.
        distribution: Tells its version.
        requirements: What is installed for it.
    """

    name: str
    peer: str
    distribution: str
    requirements: tuple[str, ...]

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self._folder / "bin" / "python")

    @property
    def _folder(self) -> Path:
        return _FOLDER / "-".join(
            (self.distribution, *(part for part in self.requirements[:1] if "==" in part))
        )

    def install(self) -> str:
        """Make or freshen its environment; returns the installed version."""
        tool = uv.find_uv_bin()
        if not Path(self.python).exists():
            _run(tool, "venv", "--quiet", "--python", sys.executable, str(self._folder))
        into = ("--quiet", "--compile-bytecode", "--python", self.python)
        _run(tool, "pip", "install", "--upgrade", *into, *self.requirements)
        code = f"import importlib.metadata as m; print(m.version({self.distribution!r}))"
        return subprocess.check_output([self.python, "-c", code], text=True).strip()


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


BASE = "smithkit"
CONTESTANTS = (
    Contestant(BASE, "smithkit", "smithkit-tracing", _SMITHKIT),
    Contestant("langsmith, newest", "langsmith", "langsmith", ("langsmith",)),
    Contestant("langsmith 0.7.3", "langsmith", "langsmith", ("langsmith==0.7.3",)),
    Contestant("langfuse", "langfuse", "langfuse", ("langfuse",)),
    Contestant("logfire", "logfire", "logfire", ("logfire",)),
    Contestant("OpenTelemetry SDK", "opentelemetry", "opentelemetry-sdk", _OPENTELEMETRY),
    Contestant("limit: orjson, zstd, a socket", "bare", "smithkit-tracing", _SMITHKIT),
)
