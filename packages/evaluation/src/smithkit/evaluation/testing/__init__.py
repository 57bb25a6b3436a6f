"""Tests as experiments: `@pytest.mark.langsmith`, what tests log, and expectations.

A test that carries the mark is a run, its arguments are an example of a dataset (the *test suite*), and all
tests of a suite in one session are an experiment on it. See docs/pytest.md. The names are in
`smithkit.testing` too, and `expect`, `test` and `unit` in `smithkit` itself.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from smithkit.evaluation.testing._decorator import test, unit
    from smithkit.evaluation.testing._expect import Expect, Matcher, expect
    from smithkit.evaluation.testing._log import (
        log_feedback,
        log_inputs,
        log_outputs,
        log_reference_outputs,
        trace_feedback,
    )
else:
    from smithkit._lazy import lazy_names

    __getattr__, __dir__ = lazy_names(
        globals(),
        {
            "_decorator": ("test", "unit"),
            "_expect": ("Expect", "Matcher", "expect"),
            "_log": (
                "log_feedback",
                "log_inputs",
                "log_outputs",
                "log_reference_outputs",
                "trace_feedback",
            ),
        },
    )

__all__ = [
    "Expect",
    "Matcher",
    "expect",
    "log_feedback",
    "log_inputs",
    "log_outputs",
    "log_reference_outputs",
    "test",
    "trace_feedback",
    "unit",
]
