"""Manifests as LangChain writes them."""

from __future__ import annotations


def node(path, **kwargs):
    return {"lc": 1, "type": "constructor", "id": path.split("."), "kwargs": kwargs}


def text(template, template_format="f-string", **more):
    return node(
        "langchain.prompts.prompt.PromptTemplate",
        input_variables=[],
        template=template,
        template_format=template_format,
        **more,
    )


def said(kind, template, template_format="f-string", **more):
    prompt = template if isinstance(template, list) else text(template, template_format)
    return node(f"langchain.prompts.chat.{kind}MessagePromptTemplate", prompt=prompt, **more)


def chat(*messages, **more):
    return node(
        "langchain.prompts.chat.ChatPromptTemplate", input_variables=[], messages=list(messages), **more
    )


def placeholder(name, **more):
    return node("langchain.prompts.chat.MessagesPlaceholder", variable_name=name, **more)


def message(kind, content, **more):
    return node(f"langchain.schema.messages.{kind}Message", content=content, **more)


SCHEMA = {
    "title": "Answer",
    "description": "An answer.",
    "type": "object",
    "properties": {"text": {"type": "string"}},
    "required": ["text"],
}
TOOL = {
    "type": "function",
    "function": {
        "name": "search",
        "description": "Search.",
        "parameters": {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]},
    },
}


def structured(*messages):
    return node(
        "langchain_core.prompts.structured.StructuredPrompt",
        input_variables=[],
        messages=list(messages),
        schema_=SCHEMA,
    )


def with_model(prompt, kind="langchain.chat_models.openai.ChatOpenAI", bound=None, **settings):
    model = node(kind, **settings)
    if bound is not None:
        model = node("langchain.schema.runnable.RunnableBinding", bound=model, kwargs=bound)
    return node("langchain.schema.runnable.RunnableSequence", first=prompt, last=model)


def shots(**more):
    return node(
        "langchain_core.prompts.few_shot.FewShotPromptTemplate",
        **{
            "input_variables": [],
            "examples": [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}],
            "example_prompt": text("{a} -> {b}"),
            "prefix": "Add one, {mood}.",
            "suffix": "{q} ->",
            **more,
        },
    )


def chat_shots():
    return node(
        "langchain_core.prompts.few_shot.FewShotChatMessagePromptTemplate",
        input_variables=[],
        examples=[{"a": "1", "b": "2"}, {"a": "3", "b": "4"}],
        example_prompt=chat(said("Human", "{a}"), said("AI", "{b}")),
    )
