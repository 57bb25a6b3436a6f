"""The filter language: what is read, what is refused, and that nothing hostile takes long."""

from __future__ import annotations

import json
import re
import string
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smithkit.server.domain.filters import (
    RUN_FIELDS,
    And,
    Comparison,
    FilterError,
    Group,
    Not,
    Operator,
    Or,
    Some,
    check_filter,
    parse_filter,
    write_filter,
)
from smithkit.server.domain.filters.patterns import is_like
from smithkit.server.domain.filters.words import Phrase, holds, search_terms, words_of

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
SCALARS = st.one_of(
    TEXTS,
    st.integers(-(2**53), 2**53),
    st.floats(-1e18, 1e18, allow_nan=False),
    st.booleans(),
    st.none(),
)
NAMES = st.sampled_from(["name", "latency", "metadata", "metadata.a-b", "feedback_key", "anything"])
PLAIN = st.sampled_from([one for one in Operator if one not in {"in", "search", "exists"}])
COMPARISONS = st.one_of(
    st.builds(Comparison, PLAIN, NAMES, SCALARS),
    st.builds(Comparison, st.just(Operator.IN), NAMES, st.lists(SCALARS, max_size=3).map(tuple)),
    st.builds(Comparison, st.just(Operator.SEARCH), st.just(""), TEXTS),
    st.builds(Comparison, st.just(Operator.SEARCH), NAMES, TEXTS),
    st.builds(Comparison, st.just(Operator.EXISTS), NAMES, TEXTS | st.just(True)),
)
TREES = st.recursive(
    COMPARISONS,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=1, max_size=3).map(tuple)),
    ),
    max_leaves=12,
)


@given(TREES)
def test_what_is_written_is_read_as_the_same_tree(tree):
    assert parse_filter(write_filter(tree)) == tree


@given(TEXTS)
def test_any_text_can_be_quoted_as_json_quotes_it(text):
    assert parse_filter(f"eq(name, {json.dumps(text)})") == Comparison(Operator.EQ, "name", text)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("eq(name,'a')", 'eq(name, "a")'),
        (' eq ( "name" , "a" ) ', 'eq(name, "a")'),
        ("eq(name, 'it\\'s')", 'eq(name, "it\'s")'),
        ("gt(latency, +1.50)", "gt(latency, 1.5)"),
        ("in(name, ['a',\"b\",])", 'in(name, ["a", "b"])'),
        ("and(eq(name, 'a'),)", 'and(eq(name, "a"))'),
        ("not(eq(name, 'a'), eq(name, 'b'))", 'not(or(eq(name, "a"), eq(name, "b")))'),
        ("""has(metadata, '{"a": "say \\"b\\""}')""", r'has(metadata, "{\"a\": \"say \\\"b\\\"\"}")'),
    ],
)
def test_spelling_is_free(text, same):
    assert write_filter(parse_filter(text)) == same


@pytest.mark.parametrize(
    ("text", "column", "why"),
    [
        ("", 1, "found the end"),
        ("eq(", 4, "a field"),
        ('eq(name, "a"', 13, "')'"),
        ('eq(name, "a") eq', 15, "the end"),
        ('eq(name, "a)', 10, "quoted text"),
        ("eq(name, [1])", 10, "a number"),
        ("equals(name, 1)", 1, "a comparison"),
        ('eq("no field", 1)', 4, "not the name of a field"),
        ('eq(nonsense, "a")', 4, "no field 'nonsense'"),
        ('and(eq(name, "a"), gt(is_root, true))', 23, "does not take gt"),
        ("gt(latency, 'soon')", 4, "duration"),
        ("gt(start_time, 'soon')", 4, "time"),
        ("eq(id, 'x')", 4, "UUID"),
        ("eq(status, 'x')", 4, "pending"),
        ("gt(total_tokens, null)", 4, "null"),
        ("has(metadata, 'x')", 5, "JSON"),
        ("has(metadata, '1')", 5, "JSON object"),
        ("gt(total_cost, 1e999)", 16, "too large"),
        ("eq(total_tokens, 123456789012345678901234567890)", 18, "too large"),
        ("search('?')", 8, "no word"),
        ("search(id, 'x')", 8, "does not take search"),
        ("like(name, 5)", 6, "quoted text"),
    ],
)
def test_what_is_wrong_is_said_with_its_column(text, column, why):
    with pytest.raises(FilterError) as caught:
        check_filter(parse_filter(text), RUN_FIELDS)
    assert str(caught.value).startswith(f"column {column}: ")
    assert why in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "not(" * 10_000,
        "not(" * 5000 + 'eq(name,"a")' + ")" * 5000,
        "(" * 30_000,
        "and(" + ", ".join(['eq(name,"a")'] * 2000) + ")",
        'eq(name, "' + "\\" * 30_001,
        'eq(name, "' + "x" * 100_000 + '")',
        "eq(name, " + "9" * 30_000 + ")",
        "in(name, [" + "1," * 15_000,
        "eq(a" + ".a" * 15_000 + ", 1)",
        "has(metadata, '" + '{"a":' * 5000 + "1" + "}" * 5000 + "')",
    ],
)
def test_hostile_texts_are_refused(text):
    with pytest.raises(FilterError):
        check_filter(parse_filter(text), RUN_FIELDS)


@given(st.text(max_size=80) | st.text(string.ascii_letters + "()[],\"'\\ .1", max_size=80))
def test_every_text_is_read_or_refused(text):
    with suppress(FilterError):
        check_filter(parse_filter(text), RUN_FIELDS)


def bound(text):
    return check_filter(parse_filter(text), RUN_FIELDS)


def some(text):
    return Some(Group.METADATA, parse_filter(text))


KEY_A, VALUE_1 = 'eq(metadata_key, "a")', 'eq(metadata_value, "1")'
KEY_B, VALUE_2 = 'eq(metadata_key, "b")', 'eq(metadata_value, "2")'


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        (KEY_A, some(KEY_A)),
        (f"and({KEY_A}, {VALUE_1})", some(f"and({KEY_A}, {VALUE_1})")),
        (f"and({VALUE_1}, {KEY_A})", some(f"and({VALUE_1}, {KEY_A})")),
        (
            f"and({KEY_A}, {VALUE_1}, {KEY_B}, {VALUE_2})",
            And((some(f"and({KEY_A}, {VALUE_1})"), some(f"and({KEY_B}, {VALUE_2})"))),
        ),
        (
            f"and(and({KEY_A}, {VALUE_1}), and({KEY_B}, {VALUE_2}))",
            And((some(f"and({KEY_A}, {VALUE_1})"), some(f"and({KEY_B}, {VALUE_2})"))),
        ),
        (
            f"and({KEY_A}, or({VALUE_1}, {VALUE_2}))",
            some(f"and({KEY_A}, or({VALUE_1}, {VALUE_2}))"),
        ),
        (f"or({KEY_A}, {VALUE_1})", Or((some(KEY_A), some(VALUE_1)))),
        (f"not({KEY_A})", Not(some(KEY_A))),
    ],
)
def test_conditions_side_by_side_speak_of_one_pair(text, tree):
    assert bound(text) == tree


@given(st.text("aAbB%_\\é\n", max_size=8), st.text("aAbB%_\\é\n", max_size=8))
def test_like_is_what_sqlite_says(text, pattern):
    import sqlite3

    connection = sqlite3.connect(":memory:")
    try:
        (expected,) = connection.execute("SELECT ? LIKE ? ESCAPE '\\'", (text, pattern)).fetchone()
    finally:
        connection.close()
    assert is_like(text, pattern) == bool(expected)


def test_like_takes_no_exponential_time():
    assert not is_like("a" * 100_000, "%a" * 1000 + "b")


@given(st.text())
def test_words_do_not_change_when_they_are_cut_again(text):
    words = words_of(text)
    assert words_of(" ".join(words)) == words
    assert not any(re.search(r"\s", word) for word in words)


@given(st.text(st.characters(max_codepoint=127)))
def test_texts_of_ascii_alone_are_cut_like_all_others(text):
    assert words_of(f"{text} 東") == [*words_of(text), "東"]
    assert all(len(word) <= 64 for word in words_of(text * 50))


@given(st.lists(st.sampled_from("abc"), max_size=8), st.lists(st.sampled_from("abc"), min_size=1, max_size=3))
def test_a_phrase_is_found_where_its_words_follow_each_other(words, phrase):
    assert holds(words, Phrase(tuple(phrase))) == (" ".join(phrase) in " ".join(words))


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Fox", [Phrase(("fox",))]),
        ("quick fox", [Phrase(("quick",)), Phrase(("fox",))]),
        ('"quick fox" do*', [Phrase(("quick", "fox")), Phrase(("do",), prefix=True)]),
        ("gpt-4o", [Phrase(("gpt", "4o"))]),
        ('"unclosed text', [Phrase(("unclosed", "text"))]),
        ('AND NOT " OR * NEAR(a b)', [Phrase(("and",)), Phrase(("not",)), Phrase(("or", "near", "a", "b"))]),
        ("??", []),
    ],
)
def test_searches_are_words_phrases_and_beginnings(text, terms):
    assert list(search_terms(text)) == terms
