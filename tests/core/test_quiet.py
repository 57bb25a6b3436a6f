"""One word a minute about each cause, with a count."""

from __future__ import annotations

from smithkit import _quiet
from smithkit._quiet import Quiet


def test_a_cause_is_spoken_of_at_once_and_then_once_a_period_with_a_count(monkeypatch):
    now = 100.0
    monkeypatch.setattr(_quiet.time, "monotonic", lambda: now)
    quiet = Quiet(60)

    assert quiet.due("down", 2) == 2
    assert quiet.due("down", 3) is None
    assert quiet.due("full") == 1
    now = 159.9
    assert quiet.due("down") is None
    now = 160.0
    assert quiet.due("down") == 5


def test_the_causes_that_are_remembered_are_bounded():
    quiet = Quiet()
    for number in range(10_000):
        quiet.due(number)

    assert len(quiet._causes) <= 256
