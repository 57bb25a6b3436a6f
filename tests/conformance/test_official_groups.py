"""Every group of methods of the reference client, run by two of its releases against `smithkit serve`."""

from __future__ import annotations

import sys

import pytest

PROGRAM = r"""
import asyncio, io, json, sys, time, uuid, warnings
from datetime import datetime, timedelta, timezone

from langsmith import AsyncClient, Client, evaluate, traceable
import langsmith

client = Client()
results = {}
made = {}


def group(name):
    def run(function):
        results[name] = {}
        for step, call in function().items():
            try:
                told = call()
                results[name][step] = None if told is not False else "answered otherwise than expected"
            except Exception as error:
                results[name][step] = f"{type(error).__name__}: {str(error)[:300]}"
        return function
    return run


def keep(name, value):
    made[name] = value
    return value


def gone(call):
    try:
        call()
    except Exception as error:
        return type(error).__name__ == "LangSmithNotFoundError"
    return False


def wait(call, seconds=20):
    end = time.monotonic() + seconds
    while True:
        try:
            found = call()
            if found:
                return found
        except Exception:
            if time.monotonic() > end:
                raise
        if time.monotonic() > end:
            return False
        time.sleep(0.05)


def now():
    return datetime.now(timezone.utc)


def new_run(name="run", **fields):
    run_id = uuid.uuid4()
    client.create_run(
        name, {"text": "hello"}, "chain", id=run_id, project_name="groups", start_time=now(), end_time=now(),
        outputs={"text": "bye"}, **fields,
    )
    client.flush()
    wait(lambda: client.read_run(run_id))
    return run_id


def traced(run_id):
    with langsmith.tracing_context(enabled=True):
        traceable(client=client, project_name="groups")(lambda x: x)(1, langsmith_extra={"run_id": run_id})
    client.flush()


@group("projects")
def _():
    return {
        "create_project": lambda: keep("project", client.create_project("groups", description="d", metadata={"a": 1})).name == "groups",
        "create_project upsert": lambda: client.create_project("groups", upsert=True).id == made["project"].id,
        "read_project": lambda: client.read_project(project_name="groups").id == made["project"].id,
        "has_project": lambda: client.has_project("groups") and not client.has_project("nowhere"),
        "list_projects": lambda: [one.name for one in client.list_projects(name_contains="grou")] == ["groups"],
        "update_project": lambda: client.update_project(made["project"].id, description="e").description == "e",
        "delete_project": lambda: (client.create_project("temporary"), client.delete_project(project_name="temporary"), not client.has_project("temporary"))[-1],
    }


@group("runs")
def _():
    return {
        "create_run": lambda: keep("run", new_run(tags=["t"], extra={"metadata": {"thread_id": "T"}})) is not None,
        "read_run": lambda: client.read_run(made["run"]).outputs == {"text": "bye"},
        "read_run load_child_runs": lambda: client.read_run(made["run"], load_child_runs=True).id == made["run"],
        "update_run": lambda: (client.update_run(made["run"], outputs={"text": "later"}), client.flush(), wait(lambda: client.read_run(made["run"]).outputs == {"text": "later"}))[-1],
        "list_runs": lambda: [run.id for run in client.list_runs(project_name="groups")] == [made["run"]],
        "list_runs filter": lambda: [run.id for run in client.list_runs(project_name="groups", filter='has(tags, "t")')] == [made["run"]],
        "list_runs by id": lambda: [run.id for run in client.list_runs(id=[made["run"]])] == [made["run"]],
        "list_runs root": lambda: len(list(client.list_runs(project_name="groups", is_root=True, error=False, limit=1))) == 1,
        "batch_ingest_runs": lambda: (client.batch_ingest_runs(create=[dict(id=str(keep("batched", uuid.uuid4())), name="b", run_type="llm", inputs={}, start_time=now().isoformat(), session_name="groups", trace_id=str(made["batched"]), dotted_order=now().strftime("%Y%m%dT%H%M%S%fZ") + str(made["batched"]))]), wait(lambda: client.read_run(made["batched"])))[-1] is not False,
        "multipart_ingest": lambda: (client.multipart_ingest(create=[dict(id=str(keep("parted", uuid.uuid4())), name="m", run_type="llm", inputs={}, start_time=now().isoformat(), session_name="groups", trace_id=str(made["parted"]), dotted_order=now().strftime("%Y%m%dT%H%M%S%fZ") + str(made["parted"]))]), wait(lambda: client.read_run(made["parted"])))[-1] is not False,
        "get_run_url": lambda: str(made["run"]) in client.get_run_url(run=client.read_run(made["run"])),
        "traceable": lambda: (traced(keep("traced", uuid.uuid4())), wait(lambda: client.read_run(made["traced"])))[-1] is not False,
    }


@group("stats")
def _():
    return {
        "get_run_stats": lambda: client.get_run_stats(project_names=["groups"])["run_count"] >= 3,
        "read_project include_stats": lambda: client.read_project(project_name="groups", include_stats=True).run_count >= 3,
    }


@group("threads")
def _():
    steps = {}
    if hasattr(client, "list_threads"):
        steps["list_threads"] = lambda: len(list(client.list_threads(project_name="groups"))) == 1
    if hasattr(client, "read_thread"):
        steps["read_thread"] = lambda: len(list(client.read_thread(thread_id="T", project_name="groups"))) == 1
    return steps


# All that a call of version 2 gives, page after page; its resources are asynchronous on every client.
def of(call):
    async def gather():
        found = call(client)
        if hasattr(found, "__aiter__"):
            return [one async for one in found]
        return await found if hasattr(found, "__await__") else found

    return asyncio.run(gather())


def refused(call, name):
    try:
        call()
    except Exception as error:
        return type(error).__name__ == name
    return False


def turn(at, thread, error=None):
    root, child = uuid.uuid4(), uuid.uuid4()
    start = now() - timedelta(minutes=10) + timedelta(minutes=at)
    later = start + timedelta(seconds=1)
    order = start.strftime("%Y%m%dT%H%M%S%fZ") + str(root)
    usage = {"usage_metadata": {"input_tokens": 2, "output_tokens": 3, "total_tokens": 5, "total_cost": 0.5}}
    client.create_run("turn", {"text": f"in {at}"}, "chain", id=root, trace_id=root, dotted_order=order, project_name="talks", start_time=start, end_time=start + timedelta(seconds=2), outputs={"text": f"out {at}"}, error=error, extra={"metadata": {"thread_id": thread}})
    client.create_run("call", {}, "llm", id=child, trace_id=root, parent_run_id=root, dotted_order=order + later.strftime(".%Y%m%dT%H%M%S%fZ") + str(child), project_name="talks", start_time=later, end_time=later, outputs=usage)
    client.flush()
    wait(lambda: client.read_run(child))
    return str(root), str(child)


FIELDS = ["ID", "NAME", "RUN_TYPE", "STATUS", "START_TIME", "END_TIME", "LATENCY_SECONDS", "FIRST_TOKEN_TIME", "ERROR", "ERROR_PREVIEW", "EXTRA", "METADATA", "EVENTS", "INPUTS", "INPUTS_PREVIEW", "OUTPUTS", "OUTPUTS_PREVIEW", "MANIFEST", "PARENT_RUN_IDS", "PROJECT_ID", "TRACE_ID", "THREAD_ID", "DOTTED_ORDER", "IS_ROOT", "REFERENCE_EXAMPLE_ID", "REFERENCE_DATASET_ID", "TOTAL_TOKENS", "PROMPT_TOKENS", "COMPLETION_TOKENS", "TOTAL_COST", "PROMPT_COST", "COMPLETION_COST", "PROMPT_TOKEN_DETAILS", "COMPLETION_TOKEN_DETAILS", "PROMPT_COST_DETAILS", "COMPLETION_COST_DETAILS", "PRICE_MODEL_ID", "TAGS", "APP_PATH", "ATTACHMENTS", "THREAD_EVALUATION_TIME", "IS_IN_DATASET", "LAST_QUEUED_AT", "SHARE_URL", "FEEDBACK_STATS", "LS_USER_ID"]


@group("runs of version 2")
def _():
    if not hasattr(client, "runs"):
        return {}
    keep("turns", [turn(0, "a/1"), turn(1, "a/1", error="boom"), turn(2, "b")])
    keep("talks", str(client.read_project(project_name="talks").id))
    (first, call), (second, _), (third, _) = made["turns"]
    project, hour = made["talks"], now() - timedelta(hours=1)
    return {
        "query": lambda: {one.id for one in of(lambda c: c.runs.query(project_ids=[project]))} == {run for pair in made["turns"] for run in pair},
        "query pages": lambda: len({one.id for one in of(lambda c: c.runs.query(project_ids=[project], page_size=2, min_start_time=hour))}) == 6,
        "query roots": lambda: [one.id for one in of(lambda c: c.runs.query(project_ids=[project], is_root=True))] == [third, second, first],
        "query filter": lambda: [one.name for one in of(lambda c: c.runs.query(project_ids=[project], filter='eq(status, "error")', selects=["NAME"]))] == ["turn"],
        "query run_type": lambda: [one.total_cost for one in of(lambda c: c.runs.query(project_ids=[project], run_type="LLM", selects=["TOTAL_COST"]))] == [0.5] * 3,
        "query has_error": lambda: [one.error for one in of(lambda c: c.runs.query(project_ids=[project], has_error=True, selects=["ERROR"]))] == ["boom"],
        "query trace": lambda: len(of(lambda c: c.runs.query(project_ids=[project], trace_id=first))) == 2,
        "query subtree usage": lambda: [one.total_tokens for one in of(lambda c: c.runs.query(project_ids=[project], ids=[first], include_subtree_usage=True, selects=["TOTAL_TOKENS"]))] == [5],
        "retrieve": lambda: of(lambda c: c.runs.retrieve(first, project_id=project, selects=["ID", "NAME", "INPUTS"], start_time=hour)).inputs == {"text": "in 0"},
        "retrieve all fields": lambda: of(lambda c: c.runs.retrieve(first, project_id=project, selects=FIELDS)).metadata["thread_id"] == "a/1",
        "retrieve by id alone": lambda: of(lambda c: c.runs.retrieve(first, project_id=project)).name is None,
        "retrieve of another project": lambda: refused(lambda: of(lambda c: c.runs.retrieve(first, project_id=str(uuid.uuid4()))), "NotFoundError"),
        "get_url": lambda: first in of(lambda c: c.runs.get_url(first, project_id=project, trace_id=first)).url,
        "refused filter": lambda: refused(lambda: of(lambda c: c.runs.query(project_ids=[project], filter="eq(")), "UnprocessableEntityError"),
        "share.create": lambda: keep("token", of(lambda c: c.runs.share.create(first, session_id=project, trace_id=first)).share_token) is not None,
        "public.runs.query": lambda: [one.id for one in of(lambda c: c.public.runs.query(made["token"], selects=["ID", "NAME"])).items] == [first, call],
        "public.runs.retrieve": lambda: of(lambda c: c.public.runs.retrieve(call, share_token=made["token"], selects=["NAME"], start_time=hour)).name == "call",
        "share.delete": lambda: of(lambda c: c.runs.share.delete(first, session_id=project)) is None,
        "public.runs.query after it": lambda: refused(lambda: of(lambda c: c.public.runs.query(made["token"])), "NotFoundError"),
    }


@group("traces and threads")
def _():
    if not hasattr(client, "traces"):
        return {}
    (first, call), (second, _), (third, _) = made["turns"]
    project, hour = made["talks"], now() - timedelta(hours=1)
    return {
        "traces.query": lambda: [one.root_run.id for one in of(lambda c: c.traces.query(project_id=project, min_start_time=hour, page_size=2))] == [third, second, first],
        "traces.query aggregates": lambda: {one.trace_aggregates.total_tokens for one in of(lambda c: c.traces.query(project_id=project, selects=["NAME"]))} == {5},
        "traces.query trace_filter": lambda: [one.root_run.id for one in of(lambda c: c.traces.query(project_id=project, trace_filter='eq(status, "error")'))] == [second],
        "traces.query trace_ids": lambda: [one.root_run.id for one in of(lambda c: c.traces.query(project_id=project, trace_ids=[first]))] == [first],
        "traces.list_runs": lambda: [one.name for one in of(lambda c: c.traces.list_runs(first, project_id=project, selects=["NAME"])).items] == ["turn", "call"],
        "traces.list_runs filter": lambda: [one.id for one in of(lambda c: c.traces.list_runs(first, project_id=project, filter='eq(run_type, "llm")')).items] == [call],
        "threads.query": lambda: [(one.thread_id, one.count) for one in of(lambda c: c.threads.query(project_id=project, min_start_time=hour))] == [("b", 1), ("a/1", 2)],
        "threads.query pages": lambda: [one.thread_id for one in of(lambda c: c.threads.query(project_id=project, page_size=1))] == ["b", "a/1"],
        "threads.query figures": lambda: [(one.last_error, one.num_errored_turns, one.total_tokens, one.first_inputs, one.last_outputs) for one in of(lambda c: c.threads.query(project_id=project, filter='eq(thread_id, "a/1")'))] == [("boom", 1, 10, "in 0", "out 1")],
        "threads.stats": lambda: (lambda stats: (stats.turns, stats.total_tokens, stats.total_cost, stats.latency_p50_seconds))(of(lambda c: c.threads.stats("a/1", session_id=project, selects=["TURNS", "TOTAL_TOKENS", "TOTAL_COST", "LATENCY_P50", "PROMPT_TOKEN_DETAILS"]))) == (2, 10, 1.0, 2.0),
        "threads.aggregate_stats": lambda: (lambda stats: (stats.thread_count, stats.trace_count, stats.total_tokens))(of(lambda c: c.threads.aggregate_stats(project_id=project, select=["THREAD_COUNT", "TRACE_COUNT", "TOTAL_TOKENS"]))) == (2, 3, 15),
        "threads.list_traces": lambda: [(one.trace_id, one.turn_number) for one in of(lambda c: c.threads.list_traces("a/1", project_id=project, selects=["TURN_NUMBER"], page_size=1))] == [(first, 1), (second, 2)],
        "threads.list_traces fields": lambda: [(one.name, one.inputs_preview, one.total_cost) for one in of(lambda c: c.threads.list_traces("b", project_id=project, selects=["NAME", "INPUTS_PREVIEW", "TOTAL_COST"]))] == [("turn", "in 2", 0.5)],
        "execution_order": lambda: {str(run.id) for run in client.list_runs(project_name="talks", execution_order=1)} == {first, second, third},
        "list_runs limit": lambda: len(list(client.list_runs(project_name="talks", limit=5))) == 5,
    }


@group("sharing")
def _():
    return {
        "share_run": lambda: keep("shared", client.share_run(made["run"])).endswith("/r"),
        "run_is_shared": lambda: client.run_is_shared(made["run"]),
        "read_run_shared_link": lambda: client.read_run_shared_link(made["run"]) == made["shared"],
        "read_shared_run": lambda: client.read_shared_run(made["shared"].split("/")[-2]).id == made["run"],
        "list_shared_runs": lambda: len(list(client.list_shared_runs(made["shared"].split("/")[-2]))) == 1,
        "unshare_run": lambda: (client.unshare_run(made["run"]), not client.run_is_shared(made["run"]))[-1],
    }


def chats():
    dataset = client.create_dataset("chat", data_type=langsmith.schemas.DataType.chat)
    message = {"type": "human", "data": {"content": "hi"}}
    client.create_chat_example([message], {"type": "ai", "data": {"content": "ho"}}, dataset_id=dataset.id)
    return dataset.id


SCHEMA = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}


@group("datasets")
def _():
    return {
        "create_dataset": lambda: keep("dataset", client.create_dataset("set", description="d", inputs_schema=SCHEMA, metadata={"k": 1})).name == "set",
        "read_dataset": lambda: client.read_dataset(dataset_name="set").id == made["dataset"].id,
        "has_dataset": lambda: client.has_dataset(dataset_name="set") and not client.has_dataset(dataset_name="other"),
        "list_datasets": lambda: [one.id for one in client.list_datasets(dataset_name_contains="se", metadata={"k": 1})] == [made["dataset"].id],
        "share_dataset": lambda: keep("set_link", client.share_dataset(made["dataset"].id))["share_token"] is not None,
        "read_dataset_shared_schema": lambda: client.read_dataset_shared_schema(made["dataset"].id)["share_token"] == made["set_link"]["share_token"],
        "read_shared_dataset": lambda: client.read_shared_dataset(made["set_link"]["share_token"]).id == made["dataset"].id,
        "list_shared_examples": lambda: list(client.list_shared_examples(made["set_link"]["share_token"])) == [],
        "list_shared_projects": lambda: list(client.list_shared_projects(dataset_share_token=made["set_link"]["share_token"])) == [],
        "unshare_dataset": lambda: client.unshare_dataset(made["dataset"].id) is None,
        "upload_csv": lambda: client.upload_csv(("r.csv", io.BytesIO(b"q,a\nx,y\n")), ["q"], ["a"], name="csv").name == "csv",
        "read_dataset_openai_finetuning": lambda: len(client.read_dataset_openai_finetuning(chats())) == 1,
        "delete_dataset": lambda: (client.delete_dataset(dataset_name="csv"), not client.has_dataset(dataset_name="csv"))[-1],
    }


@group("examples")
def _():
    return {
        "create_example": lambda: keep("example", client.create_example({"q": "a"}, dataset_id=made["dataset"].id, outputs={"a": 1}, metadata={"m": 1})).inputs == {"q": "a"},
        "create_examples": lambda: client.create_examples(dataset_id=made["dataset"].id, examples=[{"inputs": {"q": "b"}, "outputs": {"a": 2}}, {"inputs": {"q": "c"}, "split": "test"}])["count"] == 2,
        "read_example": lambda: client.read_example(made["example"].id).outputs == {"a": 1},
        "list_examples": lambda: [one.inputs["q"] for one in client.list_examples(dataset_id=made["dataset"].id)] == ["a", "b", "c"],
        "list_examples filters": lambda: len(list(client.list_examples(dataset_id=made["dataset"].id, metadata={"m": 1}, filter='exists(metadata, "m")'))) == 1,
        "update_example": lambda: (client.update_example(made["example"].id, outputs={"a": 3}), client.read_example(made["example"].id).outputs == {"a": 3})[-1],
        "update_examples": lambda: (client.update_examples(dataset_id=made["dataset"].id, updates=[{"id": made["example"].id, "outputs": {"a": 4}}]), client.read_example(made["example"].id).outputs == {"a": 4})[-1],
        "create_example_from_run": lambda: client.create_example_from_run(client.read_run(made["run"]), client.create_dataset("of runs").id).inputs == {"text": "hello"},
        "delete_example": lambda: (client.delete_example(client.create_example({"q": "z"}, dataset_id=made["dataset"].id).id), True)[-1],
        "delete_examples": lambda: (client.delete_examples([client.create_example({"q": "z"}, dataset_id=made["dataset"].id).id]), len(list(client.list_examples(dataset_id=made["dataset"].id))) == 3)[-1],
    }


@group("versions")
def _():
    return {
        "read_dataset_version": lambda: keep("as_of", client.read_dataset_version(dataset_id=made["dataset"].id, tag="latest").as_of) is not None,
        "list_dataset_versions": lambda: len(list(client.list_dataset_versions(dataset_id=made["dataset"].id))) > 2,
        "update_dataset_tag": lambda: client.update_dataset_tag(dataset_id=made["dataset"].id, as_of=made["as_of"], tag="prod") is None,
        "list_examples as_of": lambda: len(list(client.list_examples(dataset_id=made["dataset"].id, as_of="prod"))) == 3,
        "diff_dataset_versions": lambda: client.diff_dataset_versions(dataset_id=made["dataset"].id, from_version="prod", to_version="latest").examples_added == [],
    }


@group("splits")
def _():
    return {
        "list_dataset_splits": lambda: sorted(client.list_dataset_splits(dataset_id=made["dataset"].id)) == ["base", "test"],
        "update_dataset_splits": lambda: (client.update_dataset_splits(dataset_id=made["dataset"].id, split_name="new", example_ids=[made["example"].id]), len(list(client.list_examples(dataset_id=made["dataset"].id, splits=["new"]))) == 1)[-1],
    }


@group("attachments")
def _():
    return {
        "upload": lambda: keep("file", client.create_example({"q": "f"}, dataset_id=made["dataset"].id, attachments={"a.txt": ("text/plain", b"data")})) is not None,
        "read": lambda: client.read_example(made["file"].id).attachments["a.txt"]["reader"].read() == b"data",
        "list": lambda: next(client.list_examples(example_ids=[made["file"].id], dataset_id=made["dataset"].id, include_attachments=True)).attachments["a.txt"]["reader"].read() == b"data",
        "rename": lambda: (client.update_example(made["file"].id, dataset_id=made["dataset"].id, attachments_operations={"rename": {"a.txt": "b.txt"}, "retain": []}), list(client.read_example(made["file"].id).attachments) == ["b.txt"])[-1],
        "of runs": lambda: client.read_run(new_run(attachments={"x": ("text/plain", b"run data")})).attachments is not None,
    }


@group("search")
def _():
    if not hasattr(client, "index_dataset"):
        return {}
    return {
        "index_dataset": lambda: client.index_dataset(dataset_id=made["dataset"].id) is None,
        "sync_indexed_dataset": lambda: client.sync_indexed_dataset(dataset_id=made["dataset"].id) is None,
        "similar_examples": lambda: len(client.similar_examples({"q": "a"}, limit=2, dataset_id=made["dataset"].id)) >= 1,
    }


def prompt():
    from langchain_core.prompts import ChatPromptTemplate

    return ChatPromptTemplate.from_messages([("system", "s"), ("human", "{q}")])


@group("prompts")
def _():
    return {
        "push_prompt": lambda: "greet" in client.push_prompt("greet", object=prompt(), description="d", tags=["t"]),
        "pull_prompt": lambda: client.pull_prompt("greet").input_variables == ["q"],
        "get_prompt": lambda: client.get_prompt("greet").description == "d",
        "list_prompts": lambda: client.list_prompts(query="gre").total == 1,
        "update_prompt": lambda: (client.update_prompt("greet", description="e"), client.get_prompt("greet").description == "e")[-1],
        "like_prompt": lambda: client.like_prompt("greet")["likes"] == 1,
        "unlike_prompt": lambda: client.unlike_prompt("greet")["likes"] == 0,
        "create_prompt": lambda: client.create_prompt("empty").repo_handle == "empty",
        "delete_prompt": lambda: (client.delete_prompt("empty"), client.get_prompt("empty") is None)[-1],
    }


@group("commits")
def _():
    return {
        "create_commit": lambda: "greet" in client.create_commit("greet", object=__import__("langchain_core.prompts", fromlist=["x"]).PromptTemplate.from_template("{z}")),
        "list_prompt_commits": lambda: len(list(client.list_prompt_commits("greet"))) == 2,
        "pull_prompt_commit": lambda: len(client.pull_prompt_commit("greet").commit_hash) == 64,
        "pull by prefix": lambda: client.pull_prompt_commit(f"greet:{client.pull_prompt_commit('greet').commit_hash[:8]}") is not None,
    }


def conflicts(call):
    try:
        call()
    except Exception as error:
        return type(error).__name__ == "LangSmithConflictError"
    return False


@group("agents and skills")
def _():
    if not hasattr(client, "push_agent"):
        return {}
    from langsmith.schemas import FileEntry, SkillEntry

    def hash_of(url):
        return url.split("?")[0].rsplit("/", 1)[-1]

    return {
        "push_skill": lambda: "look" in client.push_skill("look", files={"SKILL.md": FileEntry(content="look")}, description="d"),
        "skill_exists": lambda: client.skill_exists("look") and not client.skill_exists("nowhere"),
        "push_agent": lambda: keep("first", hash_of(client.push_agent("-/helper", files={"AGENTS.md": FileEntry(content="be kind"), "skills/look": SkillEntry(repo_handle="look")}, tags=["t"]))) != "",
        "pull_agent": lambda: client.pull_agent("helper").files["AGENTS.md"].content == "be kind",
        "pull_agent link": lambda: client.pull_agent("helper").files["skills/look"].repo_handle == "look",
        "push_agent again": lambda: keep("second", hash_of(client.push_agent("helper", files={"AGENTS.md": None, "b.md": FileEntry(content="b")}, parent_commit=made["first"]))) != made["first"],
        "pull_agent latest": lambda: sorted(client.pull_agent("helper").files) == ["b.md", "skills/look"],
        "pull_agent by hash": lambda: "AGENTS.md" in client.pull_agent("helper:" + made["first"]).files,
        "pull_agent version": lambda: "AGENTS.md" in client.pull_agent("helper", version=made["first"]).files,
        "pull_agent owner": lambda: client.pull_agent("personal/helper").commit_hash.startswith(made["second"]),
        "push_agent stale parent": lambda: conflicts(lambda: client.push_agent("helper", files={"c": FileEntry(content="c")}, parent_commit=made["first"])),
        "push_agent of what was pulled": lambda: hash_of(client.push_agent("helper", files=client.pull_agent("helper").files)) == made["second"],
        "push_agent metadata": lambda: (client.push_agent("helper", files={}, description="e"), client.list_agents().repos[0].description == "e")[-1],
        "push_agent public": lambda: (client.push_agent("helper", files={}, is_public=True), client.list_agents(is_public=True).total == 1)[-1],
        "list_agents": lambda: [one.repo_handle for one in client.list_agents(query="help").repos] == ["helper"],
        "list_skills": lambda: [one.repo_handle for one in client.list_skills().repos] == ["look"],
        "list_prompts without them": lambda: {one.repo_handle for one in client.list_prompts().repos} == {"greet"},
        "pull_skill of an agent": lambda: gone(lambda: client.pull_skill("helper")),
        "agent_exists": lambda: client.agent_exists("helper"),
        "delete_agent": lambda: (client.delete_agent("helper"), not client.agent_exists("helper"))[-1],
        "delete_skill": lambda: (client.delete_skill("personal/look"), gone(lambda: client.pull_skill("look")))[-1],
    }


@group("feedback")
def _():
    return {
        "create_feedback": lambda: keep("feedback", client.create_feedback(made["run"], "score", score=0.5, comment="c")).key == "score",
        "read_feedback": lambda: wait(lambda: client.read_feedback(made["feedback"].id).score == 0.5),
        "list_feedback": lambda: [one.id for one in client.list_feedback(run_ids=[made["run"]], feedback_key=["score"])] == [made["feedback"].id],
        "update_feedback": lambda: (client.update_feedback(made["feedback"].id, score=1), client.read_feedback(made["feedback"].id).score == 1)[-1],
        "delete_feedback": lambda: (client.delete_feedback(made["feedback"].id), gone(lambda: client.read_feedback(made["feedback"].id)))[-1],
    }


@group("tokens")
def _():
    return {
        "create_presigned_feedback_token": lambda: keep("token", client.create_presigned_feedback_token(made["run"], "stars")).url is not None,
        "create_presigned_feedback_tokens": lambda: len(client.create_presigned_feedback_tokens(made["run"], ["a", "b"])) == 2,
        "list_presigned_feedback_tokens": lambda: len(list(client.list_presigned_feedback_tokens(made["run"]))) == 3,
        "create_feedback_from_token": lambda: (client.create_feedback_from_token(made["token"].id, score=1), len(list(client.list_feedback(run_ids=[made["run"]], feedback_key=["stars"]))) == 1)[-1],
    }


@group("configs")
def _():
    if not hasattr(client, "create_feedback_config"):
        return {}
    config = {"type": "continuous", "min": 0, "max": 1}
    return {
        "create_feedback_config": lambda: client.create_feedback_config("quality", feedback_config=config).feedback_key == "quality",
        "list_feedback_configs": lambda: len(list(client.list_feedback_configs(feedback_key=["quality"]))) == 1,
        "update_feedback_config": lambda: client.update_feedback_config("quality", is_lower_score_better=True).is_lower_score_better,
        "delete_feedback_config": lambda: client.delete_feedback_config("quality") is None,
    }


@group("formulas")
def _():
    if not hasattr(client, "create_feedback_formula"):
        return {}
    parts = [{"part_type": "weighted_key", "weight": 1.0, "key": "a"}]
    return {
        "create_feedback_formula": lambda: keep("formula", client.create_feedback_formula(feedback_key="f", aggregation_type="sum", formula_parts=parts, dataset_id=made["dataset"].id)) is not None,
        "list_feedback_formulas": lambda: len(list(client.list_feedback_formulas(dataset_id=made["dataset"].id))) == 1,
        "get_feedback_formula_by_id": lambda: client.get_feedback_formula_by_id(made["formula"].id).feedback_key == "f",
        "update_feedback_formula": lambda: client.update_feedback_formula(made["formula"].id, feedback_key="g", aggregation_type="avg", formula_parts=parts).feedback_key == "g",
        "delete_feedback_formula": lambda: client.delete_feedback_formula(made["formula"].id) is None,
    }


@group("annotation queues")
def _():
    return {
        "create_annotation_queue": lambda: keep("queue", client.create_annotation_queue(name="queue", description="d")).name == "queue",
        "list_annotation_queues": lambda: [one.id for one in client.list_annotation_queues(name="queue")] == [made["queue"].id],
        "read_annotation_queue": lambda: client.read_annotation_queue(made["queue"].id).name == "queue",
        "update_annotation_queue": lambda: client.update_annotation_queue(made["queue"].id, name="line") is None,
        "add_runs_to_annotation_queue": lambda: client.add_runs_to_annotation_queue(made["queue"].id, run_ids=[made["run"]]) is None,
        "get_run_from_annotation_queue": lambda: client.get_run_from_annotation_queue(made["queue"].id, index=0).id == made["run"],
        "delete_run_from_annotation_queue": lambda: client.delete_run_from_annotation_queue(made["queue"].id, run_id=made["run"]) is None,
        "delete_annotation_queue": lambda: (client.delete_annotation_queue(made["queue"].id), gone(lambda: client.read_annotation_queue(made["queue"].id)))[-1],
    }


def right(outputs, reference_outputs):
    return {"key": "right", "score": 1}


async def aevaluated():
    async def target(inputs):
        return inputs

    return [row async for row in await langsmith.aevaluate(target, data="set", evaluators=[right], client=client)]


@group("evaluation")
def _():
    return {
        "evaluate": lambda: len(list(keep("results", evaluate(lambda inputs: inputs, data="set", evaluators=[right], client=client, experiment_prefix="x")))) == 4,
        "aevaluate": lambda: len(asyncio.run(aevaluated())) == 4,
        "experiment": lambda: client.read_project(project_name=made["results"].experiment_name).reference_dataset_id == made["dataset"].id,
        "feedback": lambda: wait(lambda: client.read_project(project_name=made["results"].experiment_name, include_stats=True).feedback_stats["right"]["n"] == 4),
        "get_test_results": lambda: len(client.get_test_results(project_name=made["results"].experiment_name)) == 4,
        "get_experiment_results": lambda: len(list(client.get_experiment_results(name=made["results"].experiment_name)["examples_with_runs"])) == 4,
        "evaluate_existing": lambda: langsmith.evaluation.evaluate_existing(made["results"].experiment_name, evaluators=[right], client=client) is not None,
    }


@group("experiment runs of version 2")
def _():
    if not hasattr(client, "datasets"):
        return {}
    data = client.create_dataset("answered")
    client.create_examples(dataset_id=data.id, examples=[{"inputs": {"q": str(n)}} for n in range(3)])
    ran = [evaluate(lambda inputs: inputs, data="answered", evaluators=[right], client=client) for _ in range(2)]
    ids = [str(client.read_project(project_name=one.experiment_name).id) for one in ran]
    rows = [str(one.id) for one in client.list_examples(dataset_id=data.id)]
    query = lambda **asked: of(lambda c: c.datasets.experiment_runs.query(str(data.id), **asked))
    client.flush()
    wait(lambda: sum(len(row.runs) for row in query(experiment_ids=ids)) == 6)
    return {
        "pages": lambda: [row.id for row in query(experiment_ids=ids, page_size=2)] == rows,
        "runs": lambda: [{run.project_id for run in row.runs} for row in query(experiment_ids=ids, selects=["PROJECT_ID"])] == [{*ids}] * 3,
        "outputs": lambda: [row.runs[0].outputs for row in query(experiment_ids=ids[:1], selects=["OUTPUTS"])] == [row.inputs for row in query(experiment_ids=ids[:1])],
        "feedback": lambda: wait(lambda: query(experiment_ids=ids[:1], selects=["FEEDBACK_STATS"])[0].runs[0].feedback_stats["right"].avg == 1),
        "example_ids": lambda: [row.id for row in query(experiment_ids=ids, example_ids=rows[1:2])] == rows[1:2],
        "filters": lambda: query(experiment_ids=ids, filters={ids[0]: ['and(eq(feedback_key, "right"), lt(feedback_score, 1))']}) == [],
        "runs.query of the dataset": lambda: len(of(lambda c: c.runs.query(reference_dataset_id=str(data.id), is_root=True))) == 6,
    }


@group("insights")
def _():
    if not hasattr(client, "generate_insights"):
        return {}
    chats = [[{"role": "user", "content": f"question {n} about cats"}] for n in range(6)]
    return {"generate_insights": lambda: client.generate_insights(chat_histories=chats, name="cats", openai_api_key="k") is not None}


@group("settings")
def _():
    return {"workspace settings": lambda: client._get_settings() is not None, "info": lambda: client.info.version is not None}


@group("secrets")
def _():
    return {"workspace secrets": lambda: client.request_with_retries("GET", "/workspaces/current/secrets").json() is not None}


async def asked():
    other = AsyncClient()
    names = [one.name async for one in other.list_projects()] if hasattr(other, "list_projects") else ["groups"]
    run = await other.read_run(made["run"])
    dataset = await other.read_dataset(dataset_name="set")
    examples = [one async for one in other.list_examples(dataset_id=dataset.id)]
    return run.id == made["run"] and "groups" in names and len(examples) == 4


@group("async client")
def _():
    return {"reads": lambda: asyncio.run(asked())}


print(json.dumps(results))
"""


def table(release, results):
    """The figures of a release: group, passed and tried, and what failed."""
    lines = [f"{release}:"]
    for group, steps in results.items():
        failed = {step: told for step, told in steps.items() if told is not None}
        lines.append(f"  {group:<18} {len(steps) - len(failed)}/{len(steps)}")
        lines += [f"    {step}: {told}" for step, told in failed.items()]
    return "\n".join(lines)


# What a release needs and this server does not have, with the reason.
_NO_FORMULAS = "the release itself has given them up"
KNOWN: dict[str, dict[str, str]] = {
    "0.7.3": {},
    "newest": {
        f"formulas: {step}": _NO_FORMULAS
        for step in (
            "create_feedback_formula",
            "list_feedback_formulas",
            "get_feedback_formula_by_id",
            "update_feedback_formula",
            "delete_feedback_formula",
        )
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("release", ["0.7.3", "newest"])
def test_every_group_of_methods_works(release, official_python, newest_python, run_program, capsys):
    python = official_python if release == "0.7.3" else newest_python
    results = run_program(python, "langsmith", PROGRAM)
    with capsys.disabled():
        sys.stdout.write(f"\n{table(release, results)}\n")
    failed = {f"{group}: {step}" for group, steps in results.items() for step, told in steps.items() if told}
    assert failed == set(KNOWN[release])
