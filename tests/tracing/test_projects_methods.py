"""Methods for projects, on both clients."""

from __future__ import annotations

import uuid

import pytest

from smithkit.errors import LangSmithError, LangSmithNotFoundError, LangSmithResponseError
from smithkit.tracing.schemas import TracerSession, TracerSessionResult


def row(name="demo", **fields):
    return {
        "id": str(uuid.uuid4()),
        "tenant_id": str(uuid.uuid4()),
        "reference_dataset_id": None,
        "name": name,
        "start_time": "2024-05-06T07:08:09",
        **fields,
    }


def test_create_sends_metadata_in_extra(both):
    both.api.answer("POST", "/sessions", row())
    made = both("create_project", "demo", metadata={"a": 1}, project_extra={"b": 2}, upsert=True)
    assert isinstance(made, TracerSession)
    assert both.last().json()["extra"] == {"b": 2, "metadata": {"a": 1}}
    assert both.last().query["upsert"] == ["True"]


def test_read_by_name(both):
    both.api.answer("GET", "/sessions", [row()])
    read = both("read_project", project_name="demo")
    assert read.name == "demo"
    assert read.start_time.tzinfo is not None
    assert isinstance(read, TracerSessionResult) == (both.kind == "Client")
    assert (read.url is None) == (both.kind == "AsyncClient")


def test_read_needs_a_name_or_id(both):
    with pytest.raises(ValueError, match="project_name"):
        both("read_project")


def test_missing_names(both):
    both.api.answer("GET", "/sessions", [])
    with pytest.raises(LangSmithNotFoundError, match="demo"):
        both("read_project", project_name="demo")
    with pytest.raises(LangSmithNotFoundError):
        both("delete_project", project_name="demo")
    assert both("has_project", "demo") is False


def test_has_project_tells_failure_from_absence(both):
    both.api.answer("GET", "/sessions", {}, status=403)
    with pytest.raises(LangSmithError):
        both("has_project", "demo")


def test_an_answer_that_is_no_project(both):
    both.api.answer("GET", "/sessions", [{"name": "demo"}])
    with pytest.raises(LangSmithResponseError, match="tenant_id"):
        both("read_project", project_name="demo")


def test_update_and_delete(both):
    found = row()
    both.api.answer("PATCH", f"/sessions/{found['id']}", found)
    both.api.answer("GET", "/sessions", [found])
    both.api.answer("DELETE", f"/sessions/{found['id']}", {})
    both("update_project", found["id"], metadata={"m": 1})
    assert both.last().json() == {
        "name": None,
        "description": None,
        "end_time": None,
        "extra": {"metadata": {"m": 1}},
    }
    both("delete_project", project_name="demo")
    assert both.sent()[-1] == ("DELETE", f"/sessions/{found['id']}")


def test_list_is_lazy_and_limited(both):
    both.api.answer("GET", "/sessions", [row(str(number)) for number in range(3)])
    assert [project.name for project in both("list_projects", limit=2, metadata={"a": 1})] == ["0", "1"]
    assert len(both.sent()) == 1


def test_list_by_dataset(both):
    with pytest.raises(ValueError, match="not both"):
        both("list_projects", reference_dataset_id=uuid.uuid4(), reference_dataset_name="d")
    both.api.answer("GET", "/datasets", [])
    with pytest.raises(LangSmithNotFoundError, match="dataset"):
        both("list_projects", reference_dataset_name="d")
