"""Datasets on both clients."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from smithkit.errors import (
    LangSmithConflictError,
    LangSmithNotFoundError,
    LangSmithResponseError,
    LangSmithUserError,
)

ID = "d5000000-0000-4000-8000-000000000001"
TENANT = "7e000000-0000-4000-8000-000000000001"


def row(number=1, **fields):
    return {
        "id": f"d5000000-0000-4000-8000-{number:012}",
        "name": f"set-{number}",
        "created_at": "2024-05-06T07:08:09+00:00",
        **fields,
    }


def test_a_dataset_is_read_by_its_id(both):
    both.api.answer("GET", f"/datasets/{ID}", row())

    dataset = both("read_dataset", dataset_id=ID)

    assert dataset.id == UUID(ID)
    assert dataset.name == "set-1"
    assert both.sent() == [("GET", f"/datasets/{ID}")]


def test_a_dataset_is_read_by_its_name(both):
    both.api.answer("GET", "/datasets", [row()])

    assert both("read_dataset", dataset_name="set-1").name == "set-1"
    assert both.api.requests[0].query["name"] == ["set-1"]


def test_a_name_that_nobody_has_is_not_found(both):
    both.api.answer("GET", "/datasets", [])

    with pytest.raises(LangSmithNotFoundError, match="'nobody'"):
        both("read_dataset", dataset_name="nobody")
    with pytest.raises(LangSmithNotFoundError):
        both("delete_dataset", dataset_name="nobody")
    assert both("has_dataset", dataset_name="nobody") is False


def test_a_dataset_exists_or_does_not(both):
    both.api.answer("GET", f"/datasets/{ID}", row())

    assert both("has_dataset", dataset_id=ID) is True
    assert both("has_dataset", dataset_id="d5000000-0000-4000-8000-000000000009") is False


@pytest.mark.parametrize("method", ["read_dataset", "has_dataset", "delete_dataset"])
@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, ValueError),
        ({"dataset_id": ID, "dataset_name": "set-1"}, ValueError),
        ({"dataset_id": "../sessions"}, LangSmithUserError),
        ({"dataset_name": " "}, LangSmithUserError),
    ],
)
def test_wrong_arguments_are_refused_before_any_request(both, method, arguments, error):
    with pytest.raises(error):
        both(method, **arguments)
    assert both.api.requests == []


def test_deleting_by_name_looks_the_id_up(both):
    both.api.answer("GET", "/datasets", [row()])
    both.api.answer("DELETE", f"/datasets/{ID}", {})

    assert both("delete_dataset", dataset_name="set-1") is None
    assert both.sent() == [("GET", "/datasets"), ("DELETE", f"/datasets/{ID}")]


def test_schemas_and_metadata_reach_the_server_under_its_names(both):
    both.api.answer("POST", "/datasets", row())

    both(
        "create_dataset",
        "set-1",
        inputs_schema={"type": "object"},
        outputs_schema={"type": "array"},
        transformations=[{"path": ["inputs"], "transformation_type": "remove_extra_fields"}],
        metadata={"team": "qa"},
    )

    body = both.api.requests[0].json()
    assert body["inputs_schema_definition"] == {"type": "object"}
    assert body["outputs_schema_definition"] == {"type": "array"}
    assert body["transformations"][0]["path"] == ["inputs"]
    assert body["extra"]["metadata"]["team"] == "qa"


def test_a_created_dataset_has_the_servers_schemas_and_keeps_the_metadata_sent(api):
    api.answer("POST", "/datasets", row(inputs_schema_definition={"type": "object"}, metadata=None))

    dataset = api.client().create_dataset("set-1", metadata={"team": "qa"})

    assert dataset.inputs_schema == {"type": "object"}
    assert dataset.metadata["team"] == "qa"
    assert dataset.metadata["runtime"]["runtime"] == "python"


def test_a_name_that_is_taken_is_a_conflict(both):
    both.api.answer("POST", "/datasets", {"detail": "taken"}, status=409)

    with pytest.raises(LangSmithConflictError, match="taken"):
        both("create_dataset", "set-1")


def test_nothing_is_listed_before_the_first_dataset_is_asked_for(api):
    datasets = api.client().list_datasets()

    assert api.requests == []
    api.answer("GET", "/datasets", [])
    assert list(datasets) == []


def test_pages_are_fetched_when_they_are_needed(both):
    both.api.answer("GET", "/datasets", [row(number) for number in range(1, 101)])
    both.api.answer("GET", "/datasets", [row(101)])

    assert len(both("list_datasets", take=100)) == 100
    assert len(both.sent()) == 1


def test_the_list_goes_on_until_a_short_page(both):
    both.api.answer("GET", "/datasets", [row(number) for number in range(1, 101)])
    both.api.answer("GET", "/datasets", [row(101)])

    assert [dataset.name for dataset in both("list_datasets")][-1] == "set-101"
    assert [request.query["offset"] for request in both.api.requests if request.path == "/datasets"] == [
        ["0"],
        ["100"],
    ]


@pytest.mark.parametrize(("limit", "requests"), [(0, 0), (1, 1), (100, 1), (150, 2), (200, 2)])
def test_a_limit_stops_the_fetching(both, limit, requests):
    both.api.answer("GET", "/datasets", [row(number) for number in range(1, max(1, min(limit, 100)) + 1)])

    assert len(both("list_datasets", limit=limit)) == limit
    assert len(both.sent()) == requests


def test_a_list_is_narrowed_by_query_parameters(both):
    from smithkit.datasets.schemas import DataType

    both.api.answer("GET", "/datasets", [])

    both(
        "list_datasets",
        dataset_ids=[ID, UUID(TENANT)],
        data_type=DataType.kv,
        dataset_name_contains="set",
        metadata={"team": "qa"},
        limit=5,
    )

    query = both.last().query
    assert query["id"] == [ID, TENANT]
    assert query["data_type"] == ["kv"]
    assert query["name_contains"] == ["set"]
    assert json.loads(query["metadata"][0]) == {"team": "qa"}
    assert query["limit"] == ["5"]


@pytest.mark.parametrize("arguments", [{"limit": -1}, {"dataset_ids": ["x"]}])
def test_a_wrong_list_is_refused_before_any_request(both, arguments):
    with pytest.raises(LangSmithUserError):
        both("list_datasets", **arguments)
    assert both.api.requests == []


def test_fields_of_a_newer_server_are_kept(both):
    both.api.answer("GET", f"/datasets/{ID}", row(colour="green"))

    assert both("read_dataset", dataset_id=ID).colour == "green"


@pytest.mark.parametrize("answer", [{"name": "no id"}, ["no object"], None])
def test_an_answer_that_is_no_dataset_is_a_typed_error(both, answer):
    both.api.answer("GET", f"/datasets/{ID}", answer)

    with pytest.raises(LangSmithResponseError, match="Dataset"):
        both("read_dataset", dataset_id=ID)


def test_an_answer_that_is_no_list_is_a_typed_error(both):
    both.api.answer("GET", "/datasets", {"datasets": []})

    with pytest.raises(LangSmithResponseError, match="list"):
        both("list_datasets")


def test_a_dataset_links_to_its_page(api):
    api.answer("GET", f"/datasets/{ID}", row())
    api.answer("GET", "/sessions", [{"tenant_id": TENANT}])
    client = api.client(web_url="https://web.test")

    first, second = client.read_dataset(dataset_id=ID), client.read_dataset(dataset_id=ID)

    assert first.url == second.url == f"https://web.test/o/{TENANT}/datasets/{ID}"
    assert [request.path for request in api.requests].count("/sessions") == 1


@pytest.mark.parametrize("answer", [[], [{}], [{"tenant_id": "no id"}], {"detail": "no"}])
def test_a_failed_look_up_of_the_workspace_is_made_again(api, answer):
    api.answer("GET", f"/datasets/{ID}", row())
    api.answer("GET", "/sessions", answer)
    api.answer("GET", "/sessions", [{"tenant_id": TENANT}])
    client = api.client(web_url="https://web.test")

    assert client.read_dataset(dataset_id=ID).url == f"https://web.test/datasets/{ID}"
    assert client.read_dataset(dataset_id=ID).url == f"https://web.test/o/{TENANT}/datasets/{ID}"


def test_another_key_means_another_workspace(api):
    api.answer("GET", f"/datasets/{ID}", row())
    api.answer("GET", "/sessions", [{"tenant_id": TENANT}])
    api.answer("GET", "/sessions", [{"tenant_id": ID}])
    client = api.client(web_url="https://web.test")

    client.read_dataset(dataset_id=ID)
    client.api_key = "another"

    assert f"/o/{ID}/" in client.read_dataset(dataset_id=ID).url


def test_a_shared_dataset_links_to_its_public_page():
    from smithkit.datasets.schemas import Dataset

    dataset = Dataset(**row(), _host_url="https://web.test", _public_path="/public/token/d")

    assert dataset.url == "https://web.test/public/token/d"
    assert Dataset(**row()).url is None


def test_a_dataset_cannot_be_changed():
    from pydantic import ValidationError

    from smithkit.datasets.schemas import Dataset

    with pytest.raises(ValidationError):
        Dataset(**row()).name = "other"
