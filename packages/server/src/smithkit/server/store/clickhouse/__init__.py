"""Runs and feedback on ClickHouse; everything else in a SQL database beside it."""

from __future__ import annotations

from smithkit.server.store.clickhouse.store import ClickhouseStore

__all__ = ["ClickhouseStore"]
