"""Figures that are kept with every write, against the runs that they are about."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import product
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from smithkit.server import open_store
from smithkit.server.domain.run_figures import RunFigures, percentile, rounded
from smithkit.server.services.changes import make_change
from smithkit.server.services.filters import read_filter
from smithkit.server.store import RunBatch, RunSelection, SessionSelection, counted_figures, figures
from smithkit.server.store.access import speak_for
from smithkit.server.store.engine import reader_engine
from smithkit.server.store.kept_figures import count_runs, differing_run_figures
from smithkit.server.store.read_runs import conditions
from smithkit.server.store.tables import runs, sessions, workspaces

HOUR = 3600
RUNS = [str(UUID(int=n, version=4)) for n in range(1, 9)]
ALL = RunSelection()

seconds = st.integers(0, 4 * HOUR)
message = st.fixed_dictionaries(
    {"id": st.sampled_from(RUNS)},
    optional={
        "start_time": seconds.map(lambda n: n * 1000),
        "end_time": seconds.map(lambda n: n * 1000),
        "session_name": st.sampled_from(["one", "two"]),
        "parent_run_id": st.sampled_from(RUNS),
        "error": st.sampled_from(["bad", ""]),
        "extra": st.sampled_from(["u", "null", None]).map(lambda user: {"metadata": {"user": user}}),
        "events": seconds.map(lambda n: [{"name": "new_token", "time": n * 1000}]),
        "outputs": st.fixed_dictionaries(
            {},
            optional={
                "input_tokens": st.integers(0, 10**12),
                "output_tokens": st.integers(0, 50),
                "total_cost": st.sampled_from([0, "0.00001", 99_999.5]),
            },
        ).map(lambda usage: {"usage_metadata": usage}),
    },
)
write = st.tuples(
    st.sampled_from(["post", "patch"]), st.lists(message, min_size=1, max_size=6), st.integers(0, 1)
)
step = st.one_of(write, write, write, st.sampled_from(["one", "two"]))


@contextmanager
def opened(path):
    store = open_store(str(path))
    try:
        yield store
    finally:
        store.close()


@contextmanager
def reading(path):
    engine = reader_engine(path)
    try:
        with engine.begin() as connection:
            yield speak_for(connection, connection.execute(select(workspaces.c.id)).scalar_one())
    finally:
        engine.dispose()


async def take(stores, action):
    """Write messages, or remove the project of a name."""
    if isinstance(action, str):
        for row in await stores[0].find_sessions(SessionSelection(name=action)):
            await stores[0].delete_session(row["id"])
        return
    operation, bodies, which = action
    await stores[which].write(RunBatch([make_change(operation, None, body, "run") for body in bodies]))


def assert_near(kept, counted):
    """What is kept of many runs says the same as counting them; percentiles to one in a hundred."""
    near = {"latency_p50", "latency_p99", "first_token_p50", "first_token_p99", "median_tokens"}
    near |= {"tokens_p99", "cost_p50", "cost_p99"}
    assert {name: value for name, value in kept.items() if name not in near} == {
        name: value for name, value in counted.items() if name not in near
    }
    for name in near & kept.keys():
        assert (kept[name] is None) == (counted[name] is None)
        if kept[name] is not None:
            assert kept[name] == pytest.approx(counted[name], rel=0.01), name


@settings(max_examples=25, deadline=None)
@given(st.lists(step, max_size=8), st.tuples(seconds, seconds), st.sampled_from([None, True, False]))
def test_kept_figures_are_those_of_the_runs(tmp_path_factory, steps, span, is_root):
    path = tmp_path_factory.mktemp("kept") / "runs.db"
    with opened(path) as one, opened(path) as two:

        async def run():
            for action in steps:
                await take((one, two), action)

        asyncio.run(run())
    with reading(path) as connection:
        assert differing_run_figures(connection) == 0
        ids = list(connection.execute(select(sessions.c.id)).scalars())
        start, end = (moment * 1_000_000 for moment in sorted(span))
        selections = [
            RunSelection(is_root=is_root),
            RunSelection(sessions=ids[:1], is_root=is_root, started_from=start),
            RunSelection(sessions=ids, is_root=is_root, started_from=start, started_to=end),
            RunSelection(is_root=is_root, started_to=end),
        ]
        for selection in selections:
            counted = figures.select_run_figures(connection, selection)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(figures, "_FEW", -1)
                kept = figures.select_run_figures(connection, selection)
            assert_near(kept, counted)
        counted = figures.select_session_figures(connection, ids)
        for session_id in ids:
            every = replace(ALL, sessions=[session_id])
            of_all = figures.select_run_figures(connection, every)
            of_roots = figures.select_run_figures(connection, replace(every, is_root=True))
            for name in ("total_tokens", "total_cost", "first_run_start_time", "last_run_start_time"):
                assert counted[session_id][name] == of_all[name]
            for name in ("run_count", "error_rate", "latency_p50", "latency_p99", "first_token_p50"):
                assert counted[session_id][name] == of_roots[name]


FILTERS = [
    None,
    'eq(status, "error")',
    "gt(latency, 0.5)",
    'search("bad")',
    'or(search("bad"), eq(is_root, true))',
    'eq(metadata.user, "u")',
    'eq(metadata.user, "null")',
    'and(eq(metadata_key, "user"), eq(metadata_value, "u"), eq(is_root, true))',
]


@settings(max_examples=25, deadline=None)
@given(st.lists(write, max_size=8), st.tuples(seconds, seconds), st.booleans())
def test_columns_in_parts_say_what_rows_say(tmp_path_factory, steps, span, settled):
    path = tmp_path_factory.mktemp("counted") / "runs.db"
    start, end = (moment * 1_000_000 for moment in sorted(span))

    async def run(stores):
        for action in steps:
            await take(stores, action)

    with opened(path) as one, opened(path) as two:
        asyncio.run(run((one, two)))
        while settled and asyncio.run(one.count_unindexed()):
            time.sleep(0.01)
    with reading(path) as connection, pytest.MonkeyPatch.context() as patch:
        patch.setattr(counted_figures, "_MOST", 2)
        ids = list(connection.execute(select(sessions.c.id)).scalars())
        for text, own in product(FILTERS, (None, ids[:1], ids)):
            node = text and read_filter("filter", text)
            for bounds in ({}, {"started_from": start, "started_to": end}, {"is_root": True}):
                selection = RunSelection(sessions=own, filter=node, **bounds)
                counted = counted_figures.count_in_columns(connection, selection)
                expected = count_runs(connection, conditions(connection, selection))
                assert counted == expected, text
                assert (counted.first, counted.last) == (expected.first, expected.last)


def test_runs_that_wait_for_the_index_are_counted_in_parts_too(tmp_path, monkeypatch):
    path = tmp_path / "runs.db"
    bodies = [
        {"id": str(UUID(int=n + 1, version=4)), "start_time": 1000 * n, "error": "bad"} for n in range(30)
    ]
    with opened(path) as store:
        asyncio.run(store.write(RunBatch([make_change("post", None, body, "run") for body in bodies])))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO text_queue (run_id) SELECT id FROM runs")
    sizes = []
    count_columns = RunFigures.count_columns

    def counted(own, columns):
        sizes.append(len(columns[0]))
        count_columns(own, columns)

    monkeypatch.setattr(RunFigures, "count_columns", counted)
    monkeypatch.setattr(counted_figures, "_MOST", 7)
    with reading(path) as connection:
        selection = RunSelection(filter=read_filter("filter", 'search("bad")'))
        assert counted_figures.count_in_columns(connection, selection).errors == 30
    assert sum(sizes) == 30
    assert max(sizes) <= 7


def test_writers_that_write_at_once_lose_no_count(tmp_path):
    path = tmp_path / "runs.db"

    def fill(store, own):
        async def run():
            for n in range(20):
                await store.write(RunBatch([make_change("post", None, body(own * 1000 + n), "run")]))

        asyncio.run(run())

    def body(n):
        return {"id": str(UUID(int=n + 1, version=4)), "start_time": 1000 * n, "end_time": 1000 * n + 7}

    with opened(path) as one, opened(path) as two:
        threads = [
            threading.Thread(target=fill, args=(store, n)) for n, store in enumerate((one, two, one, two))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with reading(path) as connection:
        assert differing_run_figures(connection) == 0
        assert figures.select_run_figures(connection, ALL)["run_count"] == 80


def test_an_older_database_gets_its_figures_when_it_is_migrated(tmp_path):
    path = tmp_path / "runs.db"
    with opened(path) as store:
        body = {"id": RUNS[0], "start_time": 0, "end_time": 5000}
        asyncio.run(store.write(RunBatch([make_change("post", None, body, "run")])))
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE run_figures")
    connection.execute("ALTER TABLE prompt_repos DROP COLUMN repo_type")
    connection.execute("ALTER TABLE leases RENAME TO text_lease")
    connection.execute("DELETE FROM text_lease WHERE id = 2")
    connection.execute("UPDATE alembic_version SET version_num = '0014'")
    connection.commit()
    connection.close()
    with opened(path), reading(path) as found:
        assert differing_run_figures(found) == 0
        assert len(found.execute(select(runs.c.id)).all()) == 1


@given(st.lists(st.integers(-(2**62), 2**62), min_size=1), st.integers(1, 100))
def test_a_percentile_of_rounded_values_is_off_by_less_than_a_hundredth(values, percent):
    exact, kept = RunFigures(), RunFigures()
    rows = [(False, value, *[None] * 7) for value in values]
    exact.count(rows)
    kept.count(rows)
    kept.round()
    true, found = (percentile(one.spread["latency"], percent) for one in (exact, kept))
    assert found == pytest.approx(true, rel=0.008)
    assert rounded(found) == found


@given(st.lists(st.integers(0, 2**60)), st.lists(st.integers(0, 2**60)))
def test_figures_that_are_added_can_be_taken_away(one, other):
    def of(values):
        figures = RunFigures()
        figures.count([(True, value, None, value, None, None, value, None, None) for value in values])
        return figures

    both = of(one)
    both.add(of(other))
    assert both == of(one + other)
    assert RunFigures.load(both.dump()) == both
    both.add(of(other), -1)
    assert both == of(one)
    both.add(of(one), -1)
    assert not both


def test_very_many_values_are_rounded_and_none_is_lost():
    figures = RunFigures()
    figures.count([(False, n * 1000, *[None] * 7) for n in range(30_000)])
    spread = figures.spread["latency"]
    assert (sum(spread.values()), len(spread) < 2000) == (30_000, True)
    assert percentile(spread, 50) == pytest.approx(15_000_000, rel=0.01)
