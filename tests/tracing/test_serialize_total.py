"""The encoder: total, and exact for what JSON knows."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import json
import pathlib
import re
import subprocess
import sys
import threading
import types
import uuid
from collections import deque, namedtuple
from unittest import mock

import attrs
import orjson
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smithkit.tracing import _rewrite
from smithkit.tracing._serialize import MOST_BYTES, Serializer, dumps
from smithkit.tracing.pipeline._decoded import decoded
from smithkit.tracing.pipeline._snapshot import run_op

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


# ---------------------------------------------------------------- everything that programs hold


@attrs.define
class Attrs:
    x: int = 1
    y: object = None


class ToDictOfItself:
    def to_dict(self):
        return {"again": ToDictOfItself(), "and": ToDictOfItself()}


def raising(error):
    def method(self, *args, **kwargs):
        raise error("no")

    return method


class Odd(BaseException):
    pass


HOSTILE_METHODS = (
    "__str__", "__repr__", "model_dump", "to_dict", "dict", "__iter__", "__len__", "__getattr__", "__getattribute__",
    "__class__", "__hash__", "__eq__", "__bool__", "__dataclass_fields__", "_asdict", "__getitem__", "keys", "pattern",
)  # fmt: skip
errors = st.sampled_from(
    [ValueError, RecursionError, MemoryError, AttributeError, TypeError, Odd, GeneratorExit]
)
bases = st.sampled_from([object, dict, list, tuple, str, bytes, float, set, Exception, deque, dt.date])


@st.composite
def hostile_objects(draw):
    """Objects of types whose methods and properties fail."""
    error = draw(errors)
    names = draw(st.sets(st.sampled_from(HOSTILE_METHODS), max_size=4))
    body = {name: raising(error) if draw(st.booleans()) else property(raising(error)) for name in names}
    base = draw(bases)
    kind = type("Foreign", (base,), body)
    arguments = (2024, 1, 1) if base is dt.date else ()
    return base.__new__(kind, *arguments)


values = st.recursive(
    anything | hostile_objects(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters()), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=60)
@given(values)
def test_whatever_fails_the_rest_is_encoded(value):
    encoded = dumps({"before": 1, "value": value, "after": "a\ud800"})
    for read in (json.loads, orjson.loads):
        assert {"before": 1, "after": "a"}.items() <= read(encoded).items()


@pytest.mark.parametrize("failing", ["__getattribute__", "__dataclass_fields__", "x"])
@pytest.mark.parametrize("base", [object, tuple, dt.date, Exception])
def test_a_dataclass_whose_attributes_fail_costs_no_more_than_itself(base, failing):
    body = {"__dataclass_fields__": {}, "__annotations__": {"x": int}, failing: property(raising(ValueError))}
    value = base.__new__(type("Foreign", (base,), body), *((2024, 1, 1) if base is dt.date else ()))
    for whole in (value, [value], {"value": value}):
        assert json.loads(dumps({"before": 1, "value": whole, "after": 2})).keys() == {
            "before",
            "value",
            "after",
        }


@settings(deadline=None)
@given(st.dictionaries(texts, native, max_size=4), st.dictionaries(texts, native, max_size=4), st.booleans())
def test_what_the_program_changes_later_is_not_seen(inputs, outputs, rewritten):
    """Whether orjson takes the values as they are, or they are rewritten."""
    if rewritten:
        inputs["set"], outputs["model"] = {1}, [Attrs(y=[1])]
    place = {
        "id": str(uuid.UUID(int=1)),
        "trace_id": str(uuid.UUID(int=1)),
        "dotted_order": f"{'x' * 22}{uuid.UUID(int=1)}",
    }
    data = {"inputs": inputs, "outputs": outputs, "events": [inputs], "extra": {"metadata": outputs}}
    before = json.loads(dumps(data))
    op = run_op("post", {**place, **data}, dumps, None, with_runtime=False)
    scramble(data)
    run = decoded(op)
    assert {name: run[name] for name in before} == before


def scramble(value):
    if isinstance(value, dict):
        for inner in value.values():
            scramble(inner)
        value.clear()
    elif isinstance(value, list):
        for inner in value:
            scramble(inner)
        value.clear()


class Plain(pydantic.BaseModel):
    x: int = 1
    none: None = None
    key: pydantic.SecretStr = pydantic.SecretStr("hidden")


class WithLock(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
    x: int = 1
    lock: object = None


class OldModel:
    def dict(self):
        return {"old": {1}}


class Lazy:
    """A proxy whose target is not there."""

    @property
    def __class__(self) -> type:
        raise RuntimeError("no target")

    def __getattr__(self, name) -> object:
        raise RuntimeError("no target")


@dataclasses.dataclass
class WithProperty:
    good: int = 1
    other: object = None

    def __getattribute__(self, name) -> object:
        if name == "good":
            raise ValueError(name)
        return super().__getattribute__(name)


class Number(enum.IntEnum):
    ONE = 1


class Holding(enum.Enum):
    IT = frozenset({1})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Plain(), {"x": 1, "key": "**********"}),
        (OldModel(), {"old": [1]}),
        (Attrs(y={2}), {"x": 1, "y": [2]}),
        (Number.ONE, 1),
        (Holding.IT, [1]),
        (float("inf"), None),
        ({"big": 2**64, "small": -(2**63) - 1}, {"big": str(2**64), "small": str(-(2**63) - 1)}),
        (10**400_000, "<integer of 1328772 bits>"),
        (decimal.Decimal("sNaN"), "sNaN"),
        ({(1, 2): 3, b"k": 4, 2.5: 5}, {"[1,2]": 3, "aw==": 4, "2.5": 5}),
        (Lazy(), "<Lazy: RuntimeError while it was encoded>"),
        ([Lazy(), 1], ["<Lazy: RuntimeError while it was encoded>", 1]),
        (bytearray(b"abc"), "YWJj"),
        (memoryview(b"abc"), "YWJj"),
        (collections.OrderedDict(a={1}), {"a": [1]}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        (range(3), [0, 1, 2]),
    ],
    ids=lambda value: "",
)
def test_more_rules(value, expected):
    if isinstance(expected, dict) and "[1,2]" in expected:
        assert set(json.loads(dumps(value)).values()) == set(expected.values())
    else:
        assert json.loads(dumps(value)) == expected


def test_a_model_with_a_field_that_is_no_json_keeps_the_others():
    encoded = json.loads(dumps(WithLock(lock=threading.Lock())))
    assert encoded["x"] == 1
    assert "lock" in encoded["lock"]


def test_a_field_that_cannot_be_read_says_so_and_keeps_the_others():
    assert json.loads(dumps(WithProperty(other={1}))) == {
        "good": "<ValueError while it was read>",
        "other": [1],
    }


def test_handles_and_generators_are_named_and_not_used(tmp_path):
    def numbers():
        yield 1

    generator = numbers()
    with (tmp_path / "file").open("w+") as file:
        file.write("text")
        encoded = json.loads(
            dumps([file, threading.Lock(), generator, mock.MagicMock(), mock.Mock(spec=dict), iter([1])])
        )
        assert file.tell() == 4
    assert all(isinstance(text, str) for text in encoded)
    assert next(generator) == 1


def test_arrays_of_numpy_are_lists_whatever_their_layout():
    import numpy as np

    assert json.loads(dumps({"a": np.arange(6).reshape(2, 3).T, "s": {1}})) == {
        "a": [[0, 3], [1, 4], [2, 5]],
        "s": [1],
    }
    assert json.loads(dumps(np.array([1, "a"], dtype=object))) == [1, "a"]
    assert json.loads(dumps([np.float64(1.5), np.int8(1), {1}])) == [1.5, 1, [1]]


def test_depth_of_100_000():
    for wrap in (lambda inner: [inner], lambda inner: {"k": inner}):
        deep = "end"
        for _ in range(100_000):
            deep = wrap(deep)
        encoded = dumps(deep)
        assert b"nested too deeply" in encoded
        orjson.loads(encoded)
        while isinstance(deep, list | dict) and deep:  # one by one: the interpreter itself may not cope
            deep = deep.pop() if isinstance(deep, list) else deep.pop("k")


def test_an_object_graph_without_end_is_cut(monkeypatch):
    monkeypatch.setattr(_rewrite, "_MOST_NODES", 1000)
    encoded = dumps(ToDictOfItself())
    assert b"truncated" in encoded
    assert len(encoded) < 100_000


class Endless(collections.abc.Sequence):
    def __len__(self) -> int:
        return 10**12

    def __getitem__(self, index) -> int:
        return index


TEN_MILLION = 10**7


@pytest.mark.slow
@pytest.mark.parametrize(
    "make",
    [
        lambda: list(range(TEN_MILLION)),
        lambda: set(range(TEN_MILLION)),
        lambda: dict.fromkeys(range(TEN_MILLION)),
        lambda: [object()] * TEN_MILLION,
        lambda: deque([b"x"]) * TEN_MILLION,
        lambda: {"a": "x" * 10 * TEN_MILLION},
        lambda: "\0" * TEN_MILLION,
        lambda: b"x" * 10 * TEN_MILLION,
        lambda: range(10**12),
        Endless,
    ],
    ids=["list", "set", "dict", "objects", "deque", "text", "escapes", "bytes", "range", "endless"],
)
def test_huge_values_are_cut_and_say_so(make):
    encoded = dumps({"value": make(), "after": {1}})
    assert len(encoded) < 1.1 * MOST_BYTES
    assert b"truncated" in encoded
    assert json.loads(encoded)


def test_values_below_the_limits_are_whole():
    value = {"list": list(range(100_000)), "text": "x" * 1_000_000, "odd": {1}}
    assert json.loads(dumps(value)) == {**value, "odd": [1]}


def test_slow_objects_are_given_up(monkeypatch):
    now = iter(range(10_000))
    monkeypatch.setattr(_rewrite.time, "monotonic", lambda: float(next(now)))
    encoded = json.loads(dumps([object() for _ in range(100)]))
    assert len(encoded) < 10
    assert "truncated" in encoded[-1]


FREES_WHAT_IS_ENCODED = """
from smithkit.tracing._serialize import dumps
class Mutating:
    def __str__(self):
        values[0] = None
        values.append([bytes(100) for _ in range(100_000)])
        table.clear()
        return "x"
table = {"a": Mutating(), "b": [1]}
values = [[Mutating(), "a" * 100, [1, 2, 3], table], 5]
print(dumps(values).decode())
"""


def test_objects_that_free_what_is_being_encoded_do_not_crash_the_interpreter():
    """orjson would go on in freed memory if it called back into Python."""
    done = subprocess.run(
        [sys.executable, "-c", FREES_WHAT_IS_ENCODED], capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(done.stdout)[0][1] == "a" * 100


def test_a_value_that_another_thread_changes_is_encoded():
    shared = {"items": [[{i}] for i in range(200)], "table": {str(i): {i} for i in range(200)}}
    stop = threading.Event()

    def change():
        while not stop.is_set():
            shared["items"].append([{1}])
            shared["table"][str(len(shared["table"]))] = {1}
            if len(shared["items"]) > 1000:
                del shared["items"][100:]
                shared["table"].clear()

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(20):
            json.loads(dumps(shared))
    finally:
        stop.set()
        thread.join()


def test_near_the_end_of_the_stack_something_valid_comes_out():
    def deeper():
        try:
            return deeper()
        except RecursionError:
            return dumps({"x": {1}, "y": [[Data()]]})

    json.loads(deeper())


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("method", ["__str__", "to_dict", "model_dump"])
def test_interrupts_pass_from_any_method(interrupt, method):
    kind = type("Interrupting", (), {method: raising(interrupt)})
    for value in (kind(), [{"x": kind()}], {kind(): 1} if method == "__str__" else [kind()]):
        with pytest.raises(interrupt):
            dumps(value)
