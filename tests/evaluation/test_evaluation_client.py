"""Comparisons of experiments on both clients."""

from __future__ import annotations

from uuid import UUID

import pytest

from smithkit.errors import LangSmithNotFoundError, LangSmithUserError

OLD = "5e000000-0000-4000-8000-000000000001"
NEW = "5e000000-0000-4000-8000-000000000002"
DATASET = "d5000000-0000-4000-8000-000000000001"
COMPARISON = {
    "id": "ee000000-0000-4000-8000-000000000005",
    "name": "cmp",
    "tenant_id": "7e000000-0000-4000-8000-000000000001",
    "created_at": "2024-05-06T07:08:09+00:00",
    "modified_at": "2024-05-06T07:08:09+00:00",
    "reference_dataset_id": DATASET,
    "extra": {"metadata": {"team": "qa"}},
}


def test_the_dataset_is_that_of_the_first_experiment(both):
    both.api.answer("GET", f"/sessions/{OLD}", {"id": OLD, "reference_dataset_id": DATASET})
    both.api.answer("POST", "/datasets/comparative", COMPARISON)

    comparison = both("create_comparative_experiment", "cmp", [OLD, UUID(NEW)])

    body = both.last().json()
    assert comparison.metadata == {"team": "qa"}
    assert body["experiment_ids"] == [OLD, NEW]
    assert body["reference_dataset_id"] == DATASET
    assert body["extra"] == {}


def test_a_given_dataset_is_not_looked_up(both):
    both.api.answer("POST", "/datasets/comparative", {**COMPARISON, "extra": None, "colour": "green"})

    comparison = both(
        "create_comparative_experiment",
        "cmp",
        [OLD],
        reference_dataset=DATASET,
        metadata={"team": "qa"},
        id=COMPARISON["id"],
    )

    body = both.last().json()
    assert both.sent() == [("POST", "/datasets/comparative")]
    assert body["id"] == COMPARISON["id"]
    assert body["extra"] == {"metadata": {"team": "qa"}}
    assert comparison.metadata == {}
    assert comparison.colour == "green"


@pytest.mark.parametrize(
    ("experiments", "arguments", "error"),
    [
        ([], {}, ValueError),
        (["x"], {}, LangSmithUserError),
        ([OLD], {"reference_dataset": "x"}, LangSmithUserError),
        ([OLD], {"id": "x"}, LangSmithUserError),
    ],
)
def test_wrong_arguments_are_refused_before_any_request(both, experiments, arguments, error):
    with pytest.raises(error):
        both("create_comparative_experiment", "cmp", experiments, **arguments)
    assert both.api.requests == []


def test_a_project_without_a_dataset_is_no_experiment(both):
    both.api.answer("GET", f"/sessions/{OLD}", {"id": OLD, "reference_dataset_id": None})

    with pytest.raises(ValueError, match="no dataset"):
        both("create_comparative_experiment", "cmp", [OLD])


def test_an_experiment_that_is_not_there_is_not_found(both):
    with pytest.raises(LangSmithNotFoundError):
        both("create_comparative_experiment", "cmp", [OLD])
