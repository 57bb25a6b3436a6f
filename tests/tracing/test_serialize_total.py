"""The encoder: total, and exact for what JSON knows."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import json
import pathlib
import re
import subprocess
import sys
import uuid
from collections import deque, namedtuple
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smithkit.tracing._serialize import Serializer, dumps

numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]))
native = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=30,
)
anything = st.recursive(
    st.none()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.decimals()
    | st.timedeltas()
    | st.datetimes()
    | st.uuids()
    | st.complex_numbers()
    | st.builds(object),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(
            st.none() | st.integers() | st.text(st.characters()) | st.binary(), inner, max_size=4
        )
        | st.builds(Exception, inner)
    ),
    max_leaves=20,
)


@given(native)
def test_native_values_come_back_as_they_are(value):
    assert json.loads(dumps(value)) == value


@given(anything)
def test_anything_becomes_json(value):
    json.loads(dumps(value))


Point = namedtuple("Point", "x y")  # noqa: PYI024


@dataclasses.dataclass
class Data:
    x: int = 1


class Colour(enum.Enum):
    RED = "red"


class Model:
    def model_dump(self, **kwargs):
        assert kwargs == {"exclude_none": True, "mode": "json"}
        return {"m": 1}


class ToDict:
    def to_dict(self):
        return {"d": 1}


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Point(1, 2), {"x": 1, "y": 2}),
        ({3}, [3]),
        (deque([1]), [1]),
        ((1, 2), [1, 2]),
        (Data(), {"x": 1}),
        (Colour.RED, "red"),
        (Model(), {"m": 1}),
        (ToDict(), {"d": 1}),
        (ValueError("v"), {"error": "ValueError", "message": "v"}),
        (dt.timedelta(seconds=90), 90.0),
        (decimal.Decimal("1.5"), 1.5),
        (decimal.Decimal(2), 2),
        (decimal.Decimal("1E+999999"), "1E+999999"),
        (b"abc", "YWJj"),
        (pathlib.PurePosixPath("/a"), "/a"),
        (re.compile("a+"), "a+"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (dt.datetime(2024, 1, 1, tzinfo=dt.UTC), "2024-01-01T00:00:00+00:00"),
        (float("nan"), None),
        (2**70, str(2**70)),
        ("a\ud800b", "ab"),
        ({1: "a", None: "b"}, {"1": "a", "null": "b"}),
        (int, "builtins.int"),
        ({"k": "x\udfff", "n": [2**65, Data(), {1}]}, {"k": "x", "n": [str(2**65), {"x": 1}, [1]]}),
    ],
)
def test_rules(value, expected):
    assert json.loads(dumps(value)) == expected


def test_hostile_values_never_raise():
    loop = []
    loop.append(loop)
    deep = []
    for _ in range(5000):
        deep = [deep]
    table = {}
    table["self"] = table
    for value in (
        loop,
        deep,
        table,
        Hostile(),
        {Hostile(): 1},
        10**5000,
        mock.MagicMock(),
        [Hostile(), loop],
    ):
        json.loads(dumps(value))
    assert json.loads(dumps({"ok": 1, "bad": Hostile()}))["ok"] == 1


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: {"x": [value, 2**70]}])
def test_interrupts_pass(interrupt, wrap):
    class Interrupting:
        def __str__(self) -> str:
            raise interrupt

    with pytest.raises(interrupt):
        dumps(wrap(Interrupting()))


def test_a_hook_comes_first_and_may_fail():
    def hook(value):
        if isinstance(value, Data):
            return "data"
        raise RuntimeError

    told = []
    encoded = Serializer(hook, told.append).dumps([Data(), {1}, uuid.UUID(int=1), {"a": 1}])

    assert json.loads(encoded) == [
        "data",
        "<set: RuntimeError while it was encoded>",
        "00000000-0000-0000-0000-000000000001",
        {"a": 1},
    ]
    assert [type(error) for error in told] == [RuntimeError]


def test_numpy():
    import numpy as np

    assert json.loads(dumps(np.arange(3))) == [0, 1, 2]


def test_unknown_types_do_not_import_numpy():
    code = "import sys; from smithkit.tracing._serialize import dumps; dumps({1, 2}); print('numpy' in sys.modules)"

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert printed.strip() == "False"
