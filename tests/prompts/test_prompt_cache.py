"""The cache of pulled prompts: memory, disk, refreshing, herds, and what happens when the server is down."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import threading
import time
import weakref

import pytest

from smithkit import AsyncPromptCache, PromptCache, hooks
from smithkit.errors import LangSmithAPIError, LangSmithNotFoundError, LangSmithUserError
from smithkit.prompts import DiskCache
from smithkit.prompts.cache._commits import StoredCommit
from smithkit.prompts.cache._keys import Key
from smithkit.prompts.cache._store import BaseCache
from smithkit.prompts.schemas import PromptCommit

HASH = "01aabbccddeeff00112233"
CONTENT = {"commit_hash": HASH, "manifest": {"lc": 1, "n": [1]}, "examples": []}
LATEST = "/commits/-/greet/latest"


def commit(name="greet", commit_hash=HASH):
    return PromptCommit(owner="-", repo=name, commit_hash=commit_hash, manifest={"n": name}, examples=[])


def until(condition):
    ends = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < ends
        threading.Event().wait(0.005)


def fresh(kind):
    return PromptCache() if kind == "Client" else AsyncPromptCache()


def pulls(api, path=LATEST):
    return [request.path for request in api.requests].count(path)


def test_a_commit_is_asked_for_once_however_it_is_spelled(both):
    both.api.answer("GET", LATEST, CONTENT)

    for name in ("greet", "-/greet", "greet:latest", "-/greet:latest"):
        assert both("pull_prompt_commit", name).commit_hash == HASH

    assert pulls(both.api) == 1


def test_a_commit_with_its_model_is_another_one(both):
    both.api.answer("GET", LATEST, CONTENT)

    both("pull_prompt_commit", "greet")
    both("pull_prompt_commit", "greet", include_model=True)

    assert pulls(both.api) == 2


def test_a_caller_who_changes_a_commit_changes_nothing_in_the_cache(both):
    both.api.answer("GET", LATEST, CONTENT)

    both("pull_prompt_commit", "greet").manifest["n"].append(2)

    assert both("pull_prompt_commit", "greet").manifest == CONTENT["manifest"]


def test_clients_with_other_credentials_see_nothing_of_each_other(both):
    both.api.answer("GET", LATEST, CONTENT)

    both("pull_prompt_commit", "greet")
    both.client.api_key = "another"
    both("pull_prompt_commit", "greet")

    assert pulls(both.api) == 2


def test_a_client_without_a_cache_asks_each_time(api):
    api.answer("GET", LATEST, CONTENT)
    client = api.client(disable_prompt_cache=True)

    client.pull_prompt_commit("greet")
    client.pull_prompt_commit("greet")

    assert pulls(api) == 2


def test_an_error_is_not_kept(both):
    both.api.answer("GET", LATEST, {"detail": "no"}, status=404)
    both.api.answer("GET", LATEST, CONTENT)

    with pytest.raises(LangSmithNotFoundError, match="no commit or tag 'latest'"):
        both("pull_prompt_commit", "greet")
    assert both("pull_prompt_commit", "greet").commit_hash == HASH


def test_what_callers_put_in_is_seen_by_every_client(api):
    cache = PromptCache()
    cache.set("greet", commit(), lambda: None)

    assert api.client(plugins=[cache]).pull_prompt_commit("-/greet:latest").manifest == {"n": "greet"}
    assert api.requests == []


def test_what_is_invalidated_is_asked_for_again(api, tmp_path):
    api.answer("GET", LATEST, CONTENT)
    cache = PromptCache(disk=tmp_path / "prompts")
    client = api.client(plugins=[cache])

    client.pull_prompt_commit("greet")
    cache.invalidate("greet")
    client.pull_prompt_commit("greet")

    assert pulls(api) == 2


def test_a_stale_entry_is_given_and_fetched_anew_by_one_thread():
    cache = PromptCache(ttl_seconds=0, refresh_interval_seconds=0.01)
    fetched = threading.Event()

    def refresh():
        fetched.set()
        return commit(commit_hash="new")

    cache.set("greet", commit(commit_hash="old"), refresh)
    thread = cache._worker
    assert thread.daemon
    assert fetched.wait(30)
    until(lambda: cache.get("greet", refresh).commit_hash == "new")
    cache.set("other", commit(), refresh)

    assert cache._worker is thread
    assert cache.metrics.refreshes >= 1
    cache.shutdown()
    thread.join(30)
    assert not thread.is_alive()


def test_a_refresh_that_fails_keeps_the_old_value():
    cache = PromptCache(ttl_seconds=0, refresh_interval_seconds=0.01)
    cache.set("greet", commit(), lambda: 1 / 0)

    until(lambda: cache.metrics.refresh_errors)

    assert cache.get("greet", lambda: 1 / 0) == commit()
    cache.shutdown()


def test_a_refresh_does_not_bring_back_what_was_forgotten():
    cache = PromptCache(ttl_seconds=0, refresh_interval_seconds=0.01)
    refreshing, forgotten = threading.Event(), threading.Event()

    def refresh():
        refreshing.set()
        assert forgotten.wait(30)
        return commit()

    cache.set("greet", commit(), refresh)
    assert refreshing.wait(30)
    cache.clear()
    forgotten.set()

    until(lambda: cache.metrics.refreshes)
    assert cache.get("greet", refresh) is None
    cache.shutdown()


def test_a_commit_named_by_its_whole_hash_never_goes_stale():
    cache = PromptCache(ttl_seconds=0, refresh_interval_seconds=60)
    cache.set(f"greet:{HASH}", commit(), lambda: None)
    cache.set("greet:01aabbcc", commit(), lambda: None)

    assert [key.name for key, _, _ in cache._stale()] == ["-/greet:01aabbcc"]
    cache.shutdown()


def test_a_cache_that_is_gone_ends_its_thread():
    cache = PromptCache(refresh_interval_seconds=600)
    cache.set("greet", commit(), lambda: None)
    thread, gone = cache._worker, weakref.ref(cache)

    del cache
    gc.collect()

    assert gone() is None
    thread.join(30)
    assert not thread.is_alive()


def test_the_cache_does_not_keep_a_client_alive(api):
    api.answer("GET", LATEST, CONTENT)
    client = api.client()
    client.pull_prompt_commit("greet")
    gone = weakref.ref(client)

    del client
    gc.collect()

    assert gone() is None


def test_a_closed_client_ends_the_thread_of_its_own_cache(api):
    cache = PromptCache()
    with pytest.warns(DeprecationWarning, match="cache"):
        client = api.client(cache=cache)
    cache.set("greet", commit(), lambda: None)

    client.close()

    assert cache._worker is None


def test_a_task_refreshes_the_asynchronous_cache():
    async def main():
        cache = AsyncPromptCache(ttl_seconds=0, refresh_interval_seconds=0.01)
        fetched = asyncio.Event()

        async def refresh():
            fetched.set()
            return commit(commit_hash="new")

        await cache.aset("greet", commit(commit_hash="old"), refresh)
        await asyncio.wait_for(fetched.wait(), 30)
        while cache.get("greet", refresh).commit_hash != "new":  # noqa: ASYNC110 - nobody would set an event
            await asyncio.sleep(0)
        task = cache._worker
        await cache.stop()
        return task.cancelled()

    assert asyncio.run(main())


def test_an_asynchronous_cache_serves_one_event_loop_after_the_other():
    cache = AsyncPromptCache(ttl_seconds=60)

    async def main():
        await cache.aset("greet", commit(), None)
        return cache._worker

    first, second = asyncio.run(main()), asyncio.run(main())

    assert first is not second
    assert first.cancelled()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_fork_has_the_entries_and_a_refresher_of_its_own():
    cache = PromptCache(ttl_seconds=0, refresh_interval_seconds=0.01)
    cache.set("greet", commit(), commit)
    child = os.fork()
    if child == 0:
        try:
            done = cache.get("greet", lambda: commit(commit_hash="child")) is not None
            ends = time.monotonic() + 30
            while cache.get("greet", lambda: commit(commit_hash="child")).commit_hash != "child":
                done = done and time.monotonic() < ends
                threading.Event().wait(0.01)
        finally:
            os._exit(0 if done else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    cache.shutdown()


@pytest.mark.parametrize("options", [{"max_size": -1}, {"ttl_seconds": -1}, {"refresh_interval_seconds": 0}])
@pytest.mark.parametrize("kind", ["Client", "AsyncClient"])
def test_limits_out_of_range_are_refused(kind, options):
    with pytest.raises(LangSmithUserError, match="max_size"):
        type(fresh(kind))(**options)


def test_a_smaller_cache_forgets_the_least_recently_used():
    cache = PromptCache(ttl_seconds=None)
    for name in ("a", "b", "c"):
        cache.set(name, commit(name), lambda: None)
    cache.get("a", lambda: None)

    cache.configure(max_size=2, ttl_seconds=None)

    assert [cache.get(name, lambda: None) is not None for name in ("a", "b", "c")] == [True, False, True]


def test_a_client_with_the_others_cache_is_refused(api):
    with pytest.raises(LangSmithUserError, match="PromptCache"):
        api.client(plugins=[AsyncPromptCache()]).pull_prompt_commit("greet")
    with (
        pytest.warns(DeprecationWarning, match="cache"),
        pytest.raises(LangSmithUserError, match="PromptCache"),
    ):
        api.client(cache="yes")


def test_a_plugin_gives_the_cache(both):
    class Shelf:
        def __init__(self) -> None:
            self.kept = {}

        @hooks.hookimpl
        def create_prompt_cache(self, config):
            return self

        def get(self, key, refresh_func):
            return self.kept.get(key)

        def set(self, key, value, refresh_func):
            self.kept[key] = value

    shelf = Shelf()
    both.api.answer("GET", LATEST, CONTENT)
    both.client = (both.api.client if both.kind == "Client" else both.api.async_client)(plugins=[shelf])

    assert both("pull_prompt_commit", "greet") == both("pull_prompt_commit", "greet")
    assert pulls(both.api) == 1
    assert [key.partition(":")[2] for key in shelf.kept] == ["-/greet:latest"]
    assert "test" not in next(iter(shelf.kept)).partition(":")[0]


def test_a_herd_of_threads_makes_one_request(api):
    api.answer("GET", LATEST, CONTENT)
    arrived, go = threading.Barrier(8), threading.Event()
    seen = []

    class Slow:
        @hooks.hookimpl
        def before_request(self, request):
            assert go.wait(30)

    client = api.client(plugins=[Slow(), PromptCache()])

    def pull():
        arrived.wait(30)
        seen.append(client.pull_prompt_commit("greet").commit_hash)

    threads = [threading.Thread(target=pull) for _ in range(8)]
    for thread in threads:
        thread.start()
    until(lambda: not arrived.n_waiting)
    go.set()
    for thread in threads:
        thread.join(30)

    assert seen == [HASH] * 8
    assert pulls(api) == 1


def test_a_herd_of_tasks_makes_one_request_and_survives_the_first(api):
    api.answer("GET", LATEST, CONTENT)

    async def main():
        client = api.async_client(plugins=[AsyncPromptCache()])
        entered, go = asyncio.Event(), asyncio.Event()
        send = client.send

        async def slow(request):
            entered.set()
            await go.wait()
            return await send(request)

        client.send = slow
        tasks = [asyncio.create_task(client.pull_prompt_commit("greet")) for _ in range(8)]
        await entered.wait()
        tasks[0].cancel()
        tasks[5].cancel()
        await asyncio.wait(tasks[:1])
        go.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    found = asyncio.run(main())

    assert sum(isinstance(one, PromptCommit) for one in found) == 6
    assert pulls(api) == 1


def test_a_failure_is_shared_by_the_herd_and_forgotten(both):
    both.api.answer("GET", LATEST, {"detail": "no"}, status=404)
    for _ in range(2):
        with pytest.raises(LangSmithNotFoundError):
            both("pull_prompt_commit", "greet")
    assert both.client.state["prompts"].flights._flying == {}


@pytest.mark.parametrize("method", ["pull_prompt_commit", "pull_prompt"])
def test_a_fallback_is_given_when_the_server_fails(both, method):
    both.api.answer("GET", LATEST, {"detail": "down"}, status=500)

    assert both(method, "greet", fallback="mine") == "mine"
    assert both(method, "greet", fallback=lambda: "made") == "made"
    with pytest.raises(LangSmithAPIError):
        both(method, "greet")


def test_a_prompt_that_is_not_there_is_an_error_despite_a_fallback(both):
    with pytest.raises(LangSmithNotFoundError):
        both("pull_prompt", "greet", fallback="mine")


def down(api, folder, **disk):
    api.answer("GET", LATEST, {"detail": "down"}, status=500)
    return api.client(plugins=[PromptCache(disk=DiskCache(folder, **disk))])


def kept(api, folder):
    """A folder in which another process has left a commit."""
    api.answer("GET", LATEST, CONTENT)
    api.client(plugins=[PromptCache(disk=folder)]).pull_prompt_commit("greet")
    api._answers.clear()
    api.requests.clear()
    return next(folder.glob("*/*.json"))


@pytest.mark.parametrize(("max_age", "requests"), [(86400, 0), (0, 1)])
def test_a_process_that_starts_while_the_server_is_down_has_its_prompts(api, tmp_path, max_age, requests):
    kept(api, tmp_path / "p")

    client = down(api, tmp_path / "p", max_age_seconds=max_age)

    assert client.pull_prompt_commit("greet").manifest == CONTENT["manifest"]
    assert (pulls(api) > 0) == (requests > 0)


def test_what_is_on_disk_is_private(api, tmp_path):
    file = kept(api, tmp_path / "p")

    assert [path.stat().st_mode & 0o777 for path in (file, file.parent, tmp_path / "p")] == [
        0o600,
        0o700,
        0o700,
    ]
    assert "test" not in file.parent.name


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'{"version": 1}', b"null"],
)
def test_a_file_that_is_no_commit_is_not_there(api, tmp_path, content):
    kept(api, tmp_path / "p").write_bytes(content)

    with pytest.raises(LangSmithAPIError):
        down(api, tmp_path / "p").pull_prompt_commit("greet")


def change(**fields):
    def apply(path):
        path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))

    return apply


def link(path):
    target = path.rename(path.with_suffix(".real"))
    path.symlink_to(target)


def pipe(path):
    path.unlink()
    os.mkfifo(path, 0o600)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="POSIX")
@pytest.mark.parametrize(
    "spoil",
    [
        change(key="-/other:latest"),
        change(version=2),
        change(fetched_at="now"),
        change(commit={"owner": 1}),
        change(commit=None),
        lambda path: path.chmod(0o644),
        lambda path: path.parent.chmod(0o755),
        link,
        pipe,
    ],
)
def test_a_file_that_cannot_be_trusted_is_not_there(api, tmp_path, spoil):
    spoil(kept(api, tmp_path / "p"))

    with pytest.raises(LangSmithAPIError):
        down(api, tmp_path / "p").pull_prompt_commit("greet")


def test_a_disk_that_cannot_be_written_does_not_matter(api, tmp_path):
    (tmp_path / "file").write_text("")
    api.answer("GET", LATEST, CONTENT)

    client = api.client(plugins=[PromptCache(disk=tmp_path / "file" / "p")])

    assert client.pull_prompt_commit("greet").commit_hash == HASH


def test_the_environment_names_the_folder(api, tmp_path, monkeypatch):
    monkeypatch.setenv("LANGSMITH_PROMPT_CACHE", str(tmp_path / "p"))
    api.answer("GET", LATEST, CONTENT)

    api.client(plugins=[PromptCache()]).pull_prompt_commit("greet")

    assert len(list((tmp_path / "p").glob("*/*.json"))) == 1


@pytest.mark.slow
def test_a_prompt_from_disk_needs_no_request_and_nothing_that_is_not_loaded_yet(tmp_path):
    program = """
import sys
from smithkit import Client, PromptCache
from smithkit.prompts.cache._keys import Key, scope_of
from smithkit.prompts import DiskCache, TextPrompt
from smithkit.prompts.cache._commits import StoredCommit
disk = DiskCache("prompts")
url = "http://127.0.0.1:9"
manifest = TextPrompt("Hello {name}").to_manifest()
disk.write(Key("-/greet:latest", scope_of(url, None, "key")), StoredCommit("-", "greet", "abc", manifest, []))
client = Client(url, api_key="key", plugins=[PromptCache(disk=disk)])
before = set(sys.modules)
print(client.pull_prompt("greet", as_langchain=False).format(name="Ada"))
print(sorted(set(sys.modules) - before), "pydantic" in sys.modules)
"""
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert result.stdout.splitlines() == ["Hello Ada", "[] False"]


def test_an_old_commit_on_disk_does_not_wait_for_retries(api, tmp_path):
    kept(api, tmp_path / "p")
    api.answer("GET", LATEST, {"detail": "down"}, status=503)
    client = api.client(plugins=[PromptCache(disk=DiskCache(tmp_path / "p", max_age_seconds=0))])

    assert client.pull_prompt_commit("greet").commit_hash == HASH
    assert pulls(api) == 1


def test_a_dead_server_is_asked_behind_the_answer(api, tmp_path):
    file = kept(api, tmp_path / "p")
    change(fetched_at=time.time() - 3600)(file)
    api.answer("GET", LATEST, {**CONTENT, "commit_hash": "newer"})
    cache = PromptCache(disk=tmp_path / "p")
    client = api.client(plugins=[cache])

    assert client.pull_prompt_commit("greet").commit_hash == HASH
    until(lambda: client.pull_prompt_commit("greet").commit_hash == "newer")
    cache.shutdown()


def names(folder):
    return {json.loads(path.read_text())["key"] for path in folder.glob("*/*.json")}


def keep(disk, *prompts):
    for age, name in enumerate(reversed(prompts)):
        disk.write(Key(f"-/{name}:latest", "0" * 32), StoredCommit("-", name, HASH, {"n": "x" * 500}, []))
        path = max(disk.folder.glob("*/*.json"), key=lambda one: one.stat().st_mtime_ns)
        os.utime(path, (time.time() - age * 60, time.time() - age * 60))


@pytest.mark.parametrize("limit", [{"max_entries": 2}, {"max_bytes": 1500}])
def test_what_was_fetched_longest_ago_goes_when_the_disk_holds_too_much(tmp_path, limit):
    keep(DiskCache(tmp_path / "p"), "oldest", "old", "new")

    DiskCache(tmp_path / "p", **limit).write(
        Key("-/newest:latest", "f" * 32), StoredCommit("-", "newest", HASH, {"n": "x" * 500}, [])
    )

    assert names(tmp_path / "p") == {"-/new:latest", "-/newest:latest"}


def test_files_that_are_not_the_caches_own_are_left_alone(tmp_path):
    folder = tmp_path / "p"
    foreign = [
        folder / "notes.json",
        folder / "project" / f"{'a' * 40}.json",
        folder / ("0" * 32) / "notes.json",
        folder / ("0" * 32) / f"{'a' * 40}.txt",
    ]
    disk = DiskCache(folder, max_entries=0)
    disk.write(Key("-/greet:latest", "0" * 32), StoredCommit("-", "greet", HASH, {}, []))
    elsewhere = tmp_path / "elsewhere"
    for file in (*foreign, elsewhere / f"{'a' * 40}.json"):
        file.parent.mkdir(exist_ok=True)
        file.write_text("mine")
    (folder / ("1" * 32)).symlink_to(elsewhere)
    (folder / ("0" * 32) / f"{'b' * 40}.json").symlink_to(foreign[0])
    orphan = folder / ("0" * 32) / f".{'c' * 40}.ab12.tmp"
    orphan.write_text("half a commit")

    disk.write(Key("-/greet:latest", "0" * 32), StoredCommit("-", "greet", HASH, {}, []))

    assert [file.read_text() for file in foreign] == ["mine"] * len(foreign)
    assert (elsewhere / f"{'a' * 40}.json").exists()
    assert not orphan.exists()
    assert names(folder / "none") == set()


@pytest.mark.parametrize("limit", ["max_age_seconds", "max_entries", "max_bytes"])
def test_limits_of_the_disk_out_of_range_are_refused(tmp_path, limit):
    with pytest.raises(LangSmithUserError, match=limit):
        DiskCache(tmp_path, **{limit: -1})


@pytest.mark.parametrize("kind", [PromptCache, AsyncPromptCache])
def test_what_both_caches_share_runs_no_refresher_of_its_own(kind):
    assert issubclass(kind, BaseCache)
    with pytest.raises(TypeError, match="abstract"):
        BaseCache()
