"""Payloads as they are stored."""

from __future__ import annotations

import json

import zstandard
from hypothesis import given
from hypothesis import strategies as st

from smithkit.server.store.bulk_insert import BulkInsert
from smithkit.server.store.packing import pack, unpack
from smithkit.server.store.tables import run_shares

FRAME = "0128b52ffd2080ed0000387b227031227d7d060066a40cc6b4035862a05b510488140804c1e20a"
values = st.recursive(
    st.none() | st.text() | st.integers(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=60,
)


@given(values, st.integers(1, 40))
def test_what_is_packed_comes_back_word_for_word(value, times):
    data = json.dumps([value] * times).encode()
    assert unpack(pack(data)) == data
    assert len(pack(data)) <= len(data)


def test_what_older_releases_packed_can_be_read():
    data = json.dumps({"text": "word " * 500}).encode()
    assert unpack(zstandard.compress(data)) == data


def test_what_clients_write_around_texts_takes_no_room():
    """The dictionary is part of what is stored: this frame was made with its first edition."""
    runtime = {"sdk": "langsmith-py", "sdk_version": "0.4.0", "library": "langsmith", "runtime": "python"}
    data = json.dumps({"runtime": runtime, "metadata": {"revision_id": "1"}}, separators=(",", ":")).encode()
    assert len(pack(data)) < len(data) / 2
    assert unpack(bytes.fromhex(FRAME)) == data


def test_many_rows_are_inserted_with_few_statements(tmp_path):
    from uuid import uuid4

    from sqlalchemy import create_engine, event, select

    engine = create_engine(f"sqlite:///{tmp_path / 'rows.db'}")
    statements = []
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    rows = [{"token": uuid4(), "run_id": uuid4(), "created_at": n} for n in range(150)]
    with engine.begin() as connection:
        run_shares.create(connection)
        statements.clear()
        BulkInsert(run_shares).execute(connection, rows)
        assert len(statements) < 15
        stored = connection.execute(select(run_shares).order_by(run_shares.c.created_at)).mappings()
        assert [dict(row) for row in stored] == rows
    engine.dispose()
