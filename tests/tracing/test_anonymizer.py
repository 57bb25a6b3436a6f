"""Anonymizers: rules, functions, paths, depth."""

from __future__ import annotations

import copy
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smithkit.errors import LangSmithUserError
from smithkit.tracing._anonymizer_paths import matcher
from smithkit.tracing.anonymizer import (
    CallableNodeProcessor,
    RuleNodeProcessor,
    create_anonymizer,
    is_secret_name,
    secrets_anonymizer,
)

RULE = [{"pattern": "x", "replace": "y"}]


def test_rules_are_applied_in_their_order_to_every_text_but_keys():
    anonymize = create_anonymizer(
        [{"pattern": r"\d{3}-\d{2}-\d{4}", "replace": "<ssn>"}, {"pattern": re.compile(r"[a-z]+@x\.com")}]
    )
    data = {"t": "id 123-45-6789 mail bob@x.com", "n": 5, "l": ["bob@x.com", {"bob@x.com": "ok", "z": None}]}
    given_back = anonymize(data)
    assert given_back is data
    assert data == {
        "t": "id <ssn> mail [redacted]",
        "n": 5,
        "l": ["[redacted]", {"bob@x.com": "ok", "z": None}],
    }


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("axb", "ayb"),
        (["x", ["x"]], ["y", ["y"]]),
        ({"t": ("x", 1)}, {"t": ["y", 1]}),
        (5, 5),
        (None, None),
        ({}, {}),
    ],
)
def test_any_structure_is_taken(data, expected):
    assert create_anonymizer(RULE)(data) == expected


def test_a_rule_may_refer_to_groups_and_call_a_function():
    assert create_anonymizer([{"pattern": "(a)(b)", "replace": r"\2\1"}])("ab") == "ba"
    assert create_anonymizer([{"pattern": "a", "replace": lambda match: match[0].upper()}])("ab") == "Ab"


def test_a_function_gets_the_path_if_it_takes_two_arguments():
    with_path = create_anonymizer(lambda text, path: "/".join(map(str, path)) if "hide" in text else text)
    assert with_path({"a": ["hide me", "keep"]}) == {"a": ["a/0", "keep"]}
    assert create_anonymizer(lambda text: text.upper())({"a": ["b"]}) == {"a": ["B"]}
    assert create_anonymizer(lambda text, path=None: repr(path))("top") == "[]"
    assert create_anonymizer(lambda text, other=1: f"{text}{other}")("a") == "a1"
    assert create_anonymizer(str.title)("ab") == "Ab"


def test_an_object_masks_all_texts_at_once_and_may_leave_some():
    class Masker:
        def mask_nodes(self, nodes):
            self.nodes = copy.deepcopy(nodes)
            return [{"value": "m", "path": node["path"]} for node in nodes[:1]] + [
                {"value": "?", "path": ["no"]}
            ]

    masker = Masker()
    assert create_anonymizer(masker)({"a": "b", "c": ["d"]}) == {"a": "m", "c": ["d"]}
    assert masker.nodes == [{"value": "b", "path": ["a"]}, {"value": "d", "path": ["c", 0]}]


def test_processors_can_be_used_alone():
    assert RuleNodeProcessor(RULE).mask_nodes([{"value": "x", "path": ["a"]}]) == [
        {"value": "y", "path": ["a"]}
    ]
    assert CallableNodeProcessor(len).mask_nodes([{"value": "x", "path": []}]) == [{"value": 1, "path": []}]


# ---------------------------------------------------------------- how deep, and where


def nested(depth):
    data = "x"
    for _ in range(depth):
        data = {"k": data}
    return data


def innermost(data):
    while isinstance(data, dict):
        data = data["k"]
    return data


@pytest.mark.parametrize("depth", [0, 1, 10, 11, 100, 5000])
def test_every_depth_is_looked_at(depth):
    assert innermost(create_anonymizer(RULE)(nested(depth))) == "y"


def test_below_a_given_depth_values_are_kept_or_hidden():
    data = {"k": "x", "in": {"k": "x"}, "l": ["x", 1]}
    kept = create_anonymizer(RULE, max_depth=1)(copy.deepcopy(data))
    assert kept == {"k": "y", "in": {"k": "x"}, "l": ["x", 1]}
    hidden = create_anonymizer(RULE, max_depth=1, deeper="hide")(copy.deepcopy(data))
    assert hidden == {"k": "y", "in": {"k": "[too deep]"}, "l": ["[too deep]", "[too deep]"]}
    with pytest.raises(LangSmithUserError, match="deeper"):
        create_anonymizer(RULE, deeper="drop")


def messages():
    return {"messages": [{"content": "x", "id": "x"}, {"content": [{"text": "x"}], "id": "x"}], "user": "x"}


def test_only_named_paths_are_looked_at():
    assert create_anonymizer(RULE, only=["messages.*.content"])(messages()) == {
        "messages": [{"content": "y", "id": "x"}, {"content": [{"text": "y"}], "id": "x"}],
        "user": "x",
    }


def test_named_paths_are_left_alone():
    assert create_anonymizer(RULE, skip=["**.id", ["user"]])(messages()) == {
        "messages": [{"content": "y", "id": "x"}, {"content": [{"text": "y"}], "id": "x"}],
        "user": "x",
    }


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("a", ["a"], True),
        ("a", ["a", "b", 0], True),
        ("a.b", ["a"], False),
        ("*.b", ["a", "b"], True),
        ("*", [], False),
        ("**", [], True),
        ("**.b", ["b"], True),
        ("**.b", ["a", 1, "b", "c"], True),
        ("a.**.b.**.c", ["a", "b", "b", "x", "c"], True),
        ("a.**.b", ["a", "c"], False),
        (["a.b", "0"], ["a.b", 0], True),
    ],
)
def test_paths(pattern, path, matches):
    assert matcher([pattern])(path) is matches


@given(st.lists(st.sampled_from("ab"), max_size=6))
def test_many_stars_are_one(path):
    assert matcher(["**." * 30 + "c"])(path) is False
    assert matcher(["**." * 30 + "a"])(path) is ("a" in path)


@pytest.mark.parametrize(
    "make",
    [
        lambda: create_anonymizer(5),
        lambda: create_anonymizer([{"replace": "x"}]),
        lambda: create_anonymizer([{"pattern": "("}]),
        lambda: create_anonymizer([{"pattern": 5}]),
        lambda: create_anonymizer(RULE, only="messages"),
    ],
)
def test_wrong_arguments_are_refused_at_once(make):
    with pytest.raises(LangSmithUserError):
        make()


# ---------------------------------------------------------------- the preset


@pytest.mark.parametrize(
    "name",
    """api_key API_KEY apiKey X-Api-Key openaiApiKey OPENAI_API_KEY password db_password authorization
    Proxy-Authorization set-cookie Cookie client_secret aws_secret_access_key AWS_ACCESS_KEY_ID access_token refreshToken
    private_key session_token credentials secret passwd passphrase connection_string cvv""".split(),
)
@pytest.mark.parametrize("value", ["abc", 12345, ["a"], {"a": {"b": 1}}])
def test_values_of_secret_names_are_hidden_whatever_they_are(name, value):
    assert secrets_anonymizer()({"deep": [{name: value}]}) == {"deep": [{name: "[secret]"}]}


@pytest.mark.parametrize(
    "name",
    """key keys max_tokens total_tokens input_tokens token_count keyword primary_key monkey author authored
    secretary password_hint_shown tokenizer user_id public_key_url session cookie_policy""".split(),
)
def test_other_names_are_not(name):
    assert not is_secret_name(name, "value of it")


def test_what_says_that_there_is_no_secret_stays():
    data = {"api_key": None, "password": "", "secret": False, "token": "Hello", "hf_token": "a" * 20}
    assert secrets_anonymizer()(data) == {**data, "hf_token": "[secret]"}


def test_rules_of_ones_own_come_first_and_personal_data_is_optional():
    anonymize = secrets_anonymizer([{"pattern": "C-[0-9]+", "replace": "[customer]"}], personal=False)
    assert anonymize("C-12 wrote from a@b.com") == "[customer] wrote from a@b.com"
    assert anonymize.everywhere
