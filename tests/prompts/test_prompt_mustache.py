"""Mustache templates give the text that langchain-core gives; what they may not do is refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smithkit.prompts import TemplateError, TextPrompt

mustache = pytest.importorskip("langchain_core.utils.mustache")
PEOPLE = [{"name": "Ada", "tools": ["pen", "card"]}, {"name": "Bob", "tools": []}]
VALUES = {
    "people": PEOPLE,
    "none": [],
    "yes": True,
    "no": False,
    "word": "a & <b>",
    "number": 0,
    "deep": {"inner": {"name": "core"}},
    "empty": "",
}


@pytest.mark.parametrize(
    "template",
    [
        "{{#people}}{{name}};{{/people}}",
        "{{#people}}{{name}}: {{#tools}}{{.}} {{/tools}}{{^tools}}nothing{{/tools}}\n{{/people}}",
        "{{#people}}\n- {{name}} of {{word}}\n{{/people}}\nend",
        "  {{#yes}}\n  shown\n  {{/yes}}\n",
        "{{#no}}hidden{{/no}}{{^no}}shown{{/no}}",
        "{{^none}}nobody{{/none}}{{#none}}somebody{{/none}}",
        "{{^missing}}not there{{/missing}}",
        "{{^yes}}hidden{{/yes}}",
        "{{#deep}}{{#inner}}{{name}}{{/inner}}{{/deep}} {{deep.inner.name}} {{deep.nothing.name}}",
        "{{word}} {{{word}}} {{&word}}",
        "{{! a remark }}text\n{{! alone on its line }}\nmore",
        "{{#yes}}{{#people}}{{#yes}}{{name}}{{/yes}}{{/people}}{{/yes}}",
        "{{#empty}}hidden{{/empty}}{{^empty}}empty{{/empty}}",
    ],
)
def test_sections_give_what_langchain_gives(template):
    assert TextPrompt(template, "mustache").format(**{**VALUES, "missing": ""}) == mustache.render(
        template, VALUES
    )


@given(
    st.recursive(
        st.sampled_from(["text ", "{{word}}", "{{missing}}", "{{{word}}}", "{{deep.inner.name}}"]),
        lambda inner: st.tuples(
            st.sampled_from(["#", "^"]),
            st.sampled_from(["people", "none", "yes", "no", "deep"]),
            st.lists(inner),
        ).map(lambda made: f"{{{{{made[0]}{made[1]}}}}}{''.join(made[2])}{{{{/{made[1]}}}}}"),
        max_leaves=12,
    )
)
def test_nested_sections_give_what_langchain_gives(template):
    assert TextPrompt(template, "mustache").format(**{**VALUES, "missing": ""}) == mustache.render(
        template, VALUES
    )


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{=<% %>=}}<% word %>", "changes the delimiters"),
        ("{{= | | =}}|word|", "changes the delimiters"),
        ("{{> other}}", "includes another one"),
        ("{{#yes}}{{>../../etc/passwd}}{{/yes}}", "includes another one"),
        ("{{#yes}}open", "'yes'.*not closed"),
        ("{{#yes}}{{/no}}", "'no'"),
        ("{{/yes}}", "'yes'"),
        ("{{word", "}} is missing"),
        ("{{}}", "names nothing"),
        ("{{#a}}" * 33 + "{{/a}}" * 33, "nests more than"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(template, reason):
    with pytest.raises(TemplateError, match=reason):
        TextPrompt(template, "mustache")
