"""Prompts are formatted as the installed LangChain formats them."""

from __future__ import annotations

import copy
import importlib.util
import json
import sys
from pathlib import Path

import pytest

from smithkit.prompts import Prompt
from smithkit.prompts._templates._messages import as_message

_spec = importlib.util.spec_from_file_location("prompt_manifests", Path(__file__).with_name("manifests.py"))
m = sys.modules.setdefault("prompt_manifests", importlib.util.module_from_spec(_spec))
_spec.loader.exec_module(m)

CALLS = [{"name": "search", "args": {"q": "x"}, "id": "1", "type": "tool_call"}]
HISTORY = [("human", "one"), ("ai", "two"), {"role": "user", "content": "three"}, "four"]
GOLDEN = {
    "text": (m.text("Hello {name}, {{literally}}."), {"name": "Ada"}),
    "text without variables": (m.text("Hello."), {}),
    "text with formats": (m.text("{a:>6}|{b!r}|{c:,.2f}|{d}"), {"a": "x", "b": "y", "c": 1234.5, "d": None}),
    "text with spaces": (m.text("{a b}"), {"a b": 1}),
    "text with partials": (m.text("{a} {b}", partial_variables={"b": "B"}), {"a": 1}),
    "text whose partial is given": (m.text("{a} {b}", partial_variables={"b": "B"}), {"a": 1, "b": 2}),
    "mustache": (m.text("{{a}} {{{a}}} {{&a}}", "mustache"), {"a": "<\"'&>"}),
    "mustache sections": (
        m.text("{{#items}}{{name}}, {{/items}}{{^none}}none{{/none}}", "mustache"),
        {"items": [{"name": "a"}, {"name": "b"}], "none": []},
    ),
    "mustache lines": (m.text("a\n{{#l}}\n- {{.}}\n{{/l}}\nz\n{{! no }}\nq", "mustache"), {"l": ["x", "y"]}),
    "mustache indented": (m.text("  {{#l}}  \n  - {{.}}\n  {{/l}}\nz", "mustache"), {"l": [1, 2]}),
    "mustache dots": (m.text("{{a.b.c}}|{{a.x}}", "mustache"), {"a": {"b": {"c": 1}}}),
    "mustache scalars": (
        m.text("{{a}} {{b}} {{c}} {{d}} {{e}}", "mustache"),
        {"a": 0, "b": False, "c": [], "d": 1.5, "e": None},
    ),
    "mustache object": (m.text("{{#a}}{{v}}{{w}}{{/a}}", "mustache"), {"a": {"v": 1}, "w": 2}),
    "chat": (
        m.chat(m.said("System", "You are {mood}."), m.said("Human", "{q}")),
        {"mood": "kind", "q": "{x}"},
    ),
    "chat of mustache": (m.chat(m.said("Human", "{{#l}}{{a}};{{/l}}", "mustache")), {"l": [{"a": 1}]}),
    "chat with answers": (m.chat(m.said("Human", "{q}"), m.said("AI", "Sure, {q}.")), {"q": "Q"}),
    "fixed messages": (
        m.chat(
            m.message("System", "Keep {braces}."),
            m.said("Human", "{q}"),
            m.message("AI", "", tool_calls=CALLS),
            m.message("Tool", "found", tool_call_id="1"),
        ),
        {"q": "Q"},
    ),
    "other roles": (
        m.chat(
            m.node("langchain.prompts.chat.ChatMessagePromptTemplate", prompt=m.text("{q}"), role="critic")
        ),
        {"q": "Q"},
    ),
    "placeholder": (m.chat(m.placeholder("history"), m.said("Human", "{q}")), {"history": HISTORY, "q": "Q"}),
    "placeholder of the last": (m.chat(m.placeholder("history", n_messages=2)), {"history": HISTORY}),
    "optional placeholder": (m.chat(m.said("Human", "{q}"), m.placeholder("h", optional=True)), {"q": "Q"}),
    "placeholder with partial": (
        m.chat(m.placeholder("h"), partial_variables={"h": [m.message("Human", "before")]}),
        {},
    ),
    "blocks": (m.chat(m.said("Human", [m.text("Look: {q}"), m.text("")])), {"q": "Q"}),
    "image": (
        m.chat(
            m.said(
                "Human",
                [
                    m.text("What is it?"),
                    m.node(
                        "langchain.prompts.image.ImagePromptTemplate",
                        input_variables=["u"],
                        template={"url": "{u}", "detail": "low"},
                        template_format="f-string",
                    ),
                ],
            )
        ),
        {"u": "https://host.example/cat.png"},
    ),
    "audio": (
        m.chat(
            m.said(
                "Human",
                [
                    m.node(
                        "langchain_core.prompts.dict.DictPromptTemplate",
                        template={
                            "type": "input_audio",
                            "input_audio": {"data": "{d}", "format": "wav", "n": 1},
                        },
                        template_format="f-string",
                    )
                ],
            )
        ),
        {"d": "AAAA"},
    ),
    "few shots": (m.shots(), {"mood": "please", "q": "5"}),
    "few shots with a separator": (m.shots(example_separator="\n--\n", prefix=""), {"q": "5"}),
    "few shots of a chat": (m.chat(m.chat_shots(), m.said("Human", "{q}")), {"q": "5"}),
    "structured output": (m.structured(m.said("Human", "{q}")), {"q": "Q"}),
}


def rendered_by_langchain(manifest, values):
    return made_by_langchain(copy.deepcopy(manifest)).invoke(values)


def made_by_langchain(manifest):
    """LangChain loads all but few shots, which are made of their parts here."""
    from langchain_core.load import load
    from langchain_core.prompts import (
        ChatPromptTemplate,
        FewShotChatMessagePromptTemplate,
        FewShotPromptTemplate,
    )

    kwargs, name = manifest["kwargs"], manifest["id"][-1]
    if name.startswith("FewShot"):
        kwargs["example_prompt"] = made_by_langchain(kwargs["example_prompt"])
        return {"FewShotPromptTemplate": FewShotPromptTemplate}.get(name, FewShotChatMessagePromptTemplate)(
            **kwargs
        )
    if name == "ChatPromptTemplate" and any("FewShot" in one["id"][-1] for one in kwargs["messages"]):
        return ChatPromptTemplate.from_messages([made_by_langchain(one) for one in kwargs["messages"]])
    return load.__wrapped__(manifest, allowed_objects="core", secrets_from_env=False)


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
@pytest.mark.parametrize("name", GOLDEN)
def test_a_prompt_is_formatted_as_langchain_formats_it(name):
    manifest, values = GOLDEN[name]
    expected = rendered_by_langchain(manifest, values)

    prompt = Prompt.from_manifest(manifest)

    assert prompt.messages(values) == [as_message(message) for message in expected.to_messages()]
    if name not in (
        "blocks",
        "image",
        "audio",
        "fixed messages",
    ):  # LangChain writes blocks and calls as Python
        assert prompt.format(**values) == expected.to_string()


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
@pytest.mark.parametrize("name", GOLDEN)
def test_a_prompt_that_is_written_and_read_again_is_the_same(name):
    manifest, values = GOLDEN[name]
    prompt = Prompt.from_manifest(manifest)
    fresh = type(prompt)(
        *([prompt.parts] if hasattr(prompt, "parts") else [prompt.template]),
        partial_variables=prompt.partial_variables,
        output_schema=prompt.output_schema,
    )

    written = json.loads(json.dumps(fresh.to_manifest()))

    assert Prompt.from_manifest(written).messages(values) == prompt.messages(values)
    assert [
        as_message(one) for one in rendered_by_langchain(written, values).to_messages()
    ] == prompt.messages(values)
    assert prompt.to_manifest() == manifest


@pytest.mark.parametrize(
    "name", [name for name in GOLDEN if not name.startswith(("few", "placeholder with"))]
)
def test_the_same_variables_are_asked_for_as_by_langchain(name):
    manifest, _ = GOLDEN[name]
    theirs = made_by_langchain(copy.deepcopy(manifest))

    assert set(Prompt.from_manifest(manifest).input_variables) == set(theirs.input_variables)
