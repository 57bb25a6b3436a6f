"""What this process runs on, as it stands in the metadata of runs and datasets."""

from __future__ import annotations

import functools
import os
from typing import Any

__all__ = ["runtime_environment"]

_COMMIT_VARIABLES = (
    "VERCEL_GIT_COMMIT_SHA",
    "NEXT_PUBLIC_VERCEL_GIT_COMMIT_SHA",
    "COMMIT_REF",
    "RENDER_GIT_COMMIT",
    "CI_COMMIT_SHA",
    "CIRCLE_SHA1",
    "CF_PAGES_COMMIT_SHA",
    "REACT_APP_GIT_SHA",
    "SOURCE_VERSION",
    "GITHUB_SHA",
    "TRAVIS_COMMIT",
    "GIT_COMMIT",
    "BUILD_VCS_NUMBER",
    "bamboo_planRepository_revision",
    "Build.SourceVersion",
    "BITBUCKET_COMMIT",
    "DRONE_COMMIT_SHA",
    "SEMAPHORE_GIT_SHA",
    "BUILDKITE_COMMIT",
)
"""Environment variables in which build services tell the commit."""


def runtime_environment() -> dict[str, Any]:
    """Describe the SDK, the interpreter and the machine; looked up once a process.

    Returns:
        A new dict: sdk, sdk_version, library, platform, runtime, py_implementation, runtime_version,
        the versions of LangChain where it is installed, and the commit variables of the build service.

    Example:
        >>> runtime_environment()["runtime"]
        'python'
    """
    return dict(_described())


@functools.cache
def _described() -> dict[str, Any]:
    import platform

    from smithkit._version import __version__

    described = {
        "sdk": "smithkit-py",
        "sdk_version": __version__,
        "library": "smithkit",
        "platform": platform.platform(),
        "runtime": "python",
        "py_implementation": platform.python_implementation(),
        "runtime_version": platform.python_version(),
        "langchain_version": _version_of("langchain"),
        "langchain_core_version": _version_of("langchain-core"),
    }
    described |= {name: os.environ.get(name) for name in _COMMIT_VARIABLES}
    return {name: value for name, value in described.items() if value}


def _version_of(distribution: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
