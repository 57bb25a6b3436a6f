"""A dataset on an embedded backend of its own."""

from __future__ import annotations

import pytest

from smithkit import Client

WORDS = ("ada", "bob", "cyd", "dee")


@pytest.fixture
def client(tmp_path):
    with Client(f"sqlite:///{tmp_path}/evaluation.db") as client:
        yield client


@pytest.fixture
def dataset(client):
    made = client.create_dataset("names")
    client.create_examples(
        dataset_id=made.id,
        examples=[{"inputs": {"name": word}, "outputs": {"answer": word.upper()}} for word in WORDS],
    )
    return made
