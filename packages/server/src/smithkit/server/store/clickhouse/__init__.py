"""Runs and feedback on ClickHouse; everything else in a SQL database beside it (`store.ClickhouseStore`)."""
