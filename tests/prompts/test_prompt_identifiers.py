"""Names of prompts."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smithkit.prompts import PromptIdentifier, parse_identifier

PART = st.text(min_size=1).filter(
    lambda text: text.strip() and not {"/", ":"} & set(text) and text not in (".", "..")
)
COMMIT = st.text(min_size=1).filter(lambda text: text.strip() and "/" not in text and text not in (".", ".."))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("greet", ("-", "greet", "latest")),
        ("acme/greet", ("acme", "greet", "latest")),
        ("greet:abc", ("-", "greet", "abc")),
        ("acme/greet:abc", ("acme", "greet", "abc")),
        ("-/greet", ("-", "greet", "latest")),
        ("greet:prod:2", ("-", "greet", "prod:2")),
        ("greet:team/prod", ("-", "greet", "team/prod")),
    ],
)
def test_a_name_has_an_owner_a_name_and_a_commit(text, parts):
    assert parse_identifier(text) == PromptIdentifier(*parts)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "/", "/greet", "greet/", "a/b/c", "//", ":abc", "a/:abc", "greet:", " /greet", "a/ "),
        *("..", "../greet", "a/..", "greet:..", "./greet", "greet:abc/"),
    ],
)
def test_a_text_that_names_no_prompt_is_refused(text):
    with pytest.raises(ValueError, match="prompt identifier"):
        parse_identifier(text)


@given(owner=PART, name=PART, commit=COMMIT)
def test_the_parts_of_a_name_are_read_back(owner, name, commit):
    identifier = PromptIdentifier(owner, name, commit)

    assert parse_identifier(str(identifier)) == identifier
    assert parse_identifier(f"{name}:{commit}") == PromptIdentifier("-", name, commit)
    assert parse_identifier(f"{owner}/{name}") == PromptIdentifier(owner, name)


@given(st.text())
def test_every_text_is_three_whole_parts_or_refused(text):
    try:
        identifier = parse_identifier(text)
    except ValueError:
        return
    assert all(part.strip() for part in (identifier.owner, identifier.name, identifier.commit))
    assert parse_identifier(str(identifier)) == identifier


@given(owner=PART, name=PART, commit=COMMIT)
def test_a_path_has_the_parts_and_nothing_else(owner, name, commit):
    path = PromptIdentifier(owner, name, commit).commit_path

    parts = urlsplit(f"http://api.test/{path}")
    assert (parts.query, parts.fragment) == ("", "")
    assert [unquote(part) for part in parts.path.split("/")[1:]] == [owner, name, commit]
