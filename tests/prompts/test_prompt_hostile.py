"""Manifests and templates of people who mean harm are refused, or do nothing."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smithkit.errors import LangSmithUserError
from smithkit.prompts import (
    ChatPrompt,
    ManifestError,
    MissingVariablesError,
    Prompt,
    PromptError,
    PromptValueError,
    TemplateError,
    TextPrompt,
)

_spec = importlib.util.spec_from_file_location("prompt_manifests", Path(__file__).with_name("manifests.py"))
m = sys.modules.setdefault("prompt_manifests", importlib.util.module_from_spec(_spec))
_spec.loader.exec_module(m)

LATEST = "/commits/-/greet/latest"
HOSTILE_TEMPLATES = [
    "{x.__class__}",
    "{x[0]}",
    "{x.__init__.__globals__[os].environ}",
    "{}",
    "{0}",
    "{x:{y}}",
    "{x:>9999999999}",
    "{x:.99999999999f}",
    "{x!z}",
    "{x",
    "x}",
    "{" * 1001,
]
HOSTILE_MUSTACHE = ["{{#a}}", "{{/a}}", "{{a", "{{}}", "{{=<% %>=}}", "{{#a}}{{/b}}", "{{#a}}" * 100]


def deep(depth):
    manifest = m.text("x")
    for _ in range(depth):
        manifest = m.node("langchain.schema.runnable.RunnableBinding", bound=manifest, kwargs={})
    return manifest


HOSTILE_MANIFESTS = [
    {},
    {"lc": 1},
    {"lc": 1, "type": "constructor", "id": []},
    {"lc": 1, "type": "constructor", "id": "os.system", "kwargs": {}},
    {
        "lc": 1,
        "type": "constructor",
        "id": ["langchain", "prompts", "prompt", "PromptTemplate"],
        "kwargs": [],
    },
    {"lc": 1, "type": "not_implemented", "id": ["langchain", "x"], "repr": "x"},
    {"lc": 1, "type": "secret", "id": ["HOME"]},
    m.node("os.system", command="true"),
    m.node("subprocess.Popen", args=["true"]),
    m.node("evil.prompts.prompt.PromptTemplate", template="x"),
    m.text("{{x}}", "jinja2"),
    m.text({"a": 1}),
    m.chat({"lc": 1, "type": "secret", "id": ["HOME"]}),
    m.chat(m.node("builtins.eval", source="1")),
    m.chat(m.said("Human", "{x.__class__}")),
    m.chat(m.node("langchain.chains.llm.LLMChain")),
    m.chat(
        m.said(
            "Human", [m.node("langchain.prompts.image.ImagePromptTemplate", template={"path": "/etc/passwd"})]
        )
    ),
    m.chat(partial_variables={"x": {"lc": 1, "type": "secret", "id": ["HOME"]}}),
    m.node("langchain.prompts.chat.ChatPromptTemplate", messages={"a": 1}),
    m.shots(examples=[{"a": 1}]),
    m.shots(example_prompt=m.node("os.system")),
    deep(100),
]

# LangChain loads these, and fails when they are formatted.
INERT = [HOSTILE_MANIFESTS[16], HOSTILE_MANIFESTS[18]]


@pytest.mark.parametrize("template", HOSTILE_TEMPLATES)
def test_a_template_that_asks_for_more_than_text_is_refused(template):
    with pytest.raises(TemplateError):
        TextPrompt(template)


@pytest.mark.parametrize("template", HOSTILE_MUSTACHE)
def test_mustache_that_can_not_be_read_is_refused(template):
    with pytest.raises(TemplateError):
        TextPrompt(template, "mustache")


@pytest.mark.parametrize("manifest", HOSTILE_MANIFESTS)
def test_a_hostile_manifest_is_refused(manifest):
    with pytest.raises(ManifestError):
        Prompt.from_manifest(manifest)


@pytest.mark.parametrize("manifest", [one for one in HOSTILE_MANIFESTS if one and one not in INERT])
def test_langchain_loads_no_hostile_manifest(both, manifest, monkeypatch):
    monkeypatch.setenv("HOME", "canary")
    both.api.answer("GET", LATEST, {"commit_hash": "abc", "manifest": manifest, "examples": []})

    with pytest.raises(ManifestError) as caught:
        both("pull_prompt", "greet", as_langchain=True)
    assert "canary" not in str(caught.value)


def test_mustache_reaches_into_mappings_alone_and_calls_nothing():
    class Value:
        secret = "canary"

        def __call__(self, *args) -> None:
            raise AssertionError("called")

        def __str__(self) -> str:
            return "value"

    template = TextPrompt("{{v.secret}}{{v.__class__}}{{l.0}}{{#v}}x{{/v}}", "mustache")

    assert template.format(v=Value(), l=["canary"]) == "x"


def test_sections_that_multiply_are_stopped():
    bomb = TextPrompt("{{#l}}" * 20 + "x" + "{{/l}}" * 20, "mustache")

    with pytest.raises(TemplateError, match="multiply"):
        bomb.format(l=list(range(10)))


def test_values_are_text_and_not_templates():
    assert TextPrompt("{a}").format(a="{b}{{c}}") == "{b}{{c}}"
    assert ChatPrompt([("user", "{a}")]).invoke({"a": "{{b}}"})[0].content == "{{b}}"


def test_all_missing_variables_are_named():
    prompt = ChatPrompt([("system", "{mood}"), ("user", "{q} {name}")])

    with pytest.raises(MissingVariablesError, match="mood, name") as caught:
        prompt.invoke({"q": "x"})
    assert caught.value.missing == ("mood", "name")
    assert isinstance(caught.value, KeyError)


def test_a_value_that_does_not_fit_is_a_typed_error():
    with pytest.raises(PromptValueError, match="'a'"):
        TextPrompt("{a:,.2f}").format(a="x")
    with pytest.raises(PromptValueError, match="list of messages"):
        ChatPrompt([("placeholder", "{h}")]).invoke({"h": "text"})


def test_a_manifest_that_wants_secrets_gets_none_by_itself(both, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "canary")
    secret = {"lc": 1, "type": "secret", "id": ["OPENAI_API_KEY"]}
    manifest = m.with_model(m.text("{q}"), openai_api_key=secret, model="gpt-x", temperature=0)
    both.api.answer("GET", LATEST, {"commit_hash": "abc", "manifest": manifest, "examples": []})

    with pytest.raises(ValueError, match="secrets"):
        both("pull_prompt", "greet", include_model=True)
    prompt = both("pull_prompt", "greet", include_model=True, as_langchain=False)
    assert prompt.model.parameters == {"temperature": 0}
    assert "canary" not in repr(prompt)


@pytest.mark.parametrize("setting", ["base_url", "openai_api_base", "openai_proxy", "default_headers"])
def test_a_foreign_model_may_not_say_where_keys_go(both, setting):
    manifest = m.with_model(m.text("{q}"), **{setting: "https://evil.example"})
    both.api.answer(
        "GET", "/commits/zed/greet/latest", {"commit_hash": "abc", "manifest": manifest, "examples": []}
    )
    workspace = {
        "id": "w",
        "display_name": "A",
        "created_at": "2024-05-06T07:08:09+00:00",
        "tenant_handle": "acme",
    }
    both.api.answer("GET", "/settings", workspace)

    with pytest.raises(LangSmithUserError, match=setting):
        both("pull_prompt", "zed/greet", include_model=True)


@given(st.text())
def test_every_text_is_a_template_or_refused(text):
    for kind in ("f-string", "mustache"):
        try:
            prompt = TextPrompt(text, kind)
            prompt.format(**dict.fromkeys(prompt.input_variables, "v"))
        except PromptError:
            pass


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
KWARGS = st.sampled_from(["messages", "template", "prompt", "template_format", "variable_name", "examples", "first",
                          "last", "bound", "kwargs", "partial_variables", "schema_", "content", "example_prompt",
                          "tool_calls", "n_messages", "role"])  # fmt: skip
NAMES = st.sampled_from(["PromptTemplate", "ChatPromptTemplate", "HumanMessagePromptTemplate", "MessagesPlaceholder",
                         "StructuredPrompt", "FewShotPromptTemplate", "RunnableSequence", "RunnableBinding",
                         "AIMessage", "FewShotChatMessagePromptTemplate", "ImagePromptTemplate"])  # fmt: skip


def spoiled(inner):
    kwargs = st.dictionaries(KWARGS, inner | st.lists(inner, max_size=2), max_size=4)
    return st.builds(lambda name, given: m.node(f"langchain.prompts.chat.{name}", **given), NAMES, kwargs)


@given(st.recursive(JSON, spoiled, max_leaves=12))
def test_every_manifest_is_a_prompt_or_refused(manifest):
    try:
        prompt = Prompt.from_manifest(manifest)
        prompt.messages(dict.fromkeys(prompt.input_variables, "v"))
    except PromptError:
        pass
