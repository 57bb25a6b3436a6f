"""Few-shot search by what inputs mean, where a plugin gives an embedder."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from smithkit.hooks import hookimpl, register, unregister
from smithkit.server import EmbeddedServer
from smithkit.server.domain.embeddings import TextVectors, cosines


class Letters:
    """Counts letters: texts of the same letters mean the same."""

    model = "letters-1"

    def __init__(self) -> None:
        self.asked = []
        self.broken = False

    def embed_documents(self, texts):
        if self.broken:
            raise ValueError("the model is gone")
        self.asked += texts
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text):
        return [float(text.lower().count(letter)) for letter in "abcdefghijklmnopqrstuvwxyz"]


@pytest.fixture
def embedder():
    return Letters()


@pytest.fixture
def serve(tmp_path, embedder, make_api):
    """Start the server on one file, with the embedder or without."""
    started = []

    def start(given=embedder):
        plugin = type("Plugin", (), {"create_embedder": hookimpl(lambda self: given)})()
        register(plugin)
        try:
            server = EmbeddedServer(str(tmp_path / "x.db"))
            server.start()
        finally:
            unregister(plugin)
        started.append(server)
        return make_api(server)

    yield start
    for server in started:
        server.close()


def words(api, dataset, text, limit=10, **more):
    answer = api.post(f"/datasets/{dataset}/search", {"inputs": {"q": text}, "limit": limit, **more})
    assert answer.status == 200, answer.body
    return [example["inputs"]["q"] for example in answer.json["examples"]]


def filled(api, *texts):
    dataset = api.new_dataset()
    for text in texts:
        api.new_example(dataset, inputs={"q": text}, metadata={"long": len(text) > 4})
    return dataset


def test_what_means_the_same_is_found_though_it_shares_no_word(serve):
    api = serve()
    dataset = filled(api, "dusty", "listen", "other words")
    api.post(f"/datasets/{dataset}/index", {})

    assert words(api, dataset, "silent", 1) == ["listen"]
    assert words(api, dataset, "study", 2)[0] == "dusty"
    assert len(words(api, dataset, "study", 3)) == 3


def test_filters_and_limits_hold(serve):
    api = serve()
    dataset = filled(api, "abc", "abcabc", "cab", "bbbbbbb")
    api.post(f"/datasets/{dataset}/index", {})

    assert words(api, dataset, "abc", 2, filter="has(metadata, '{\"long\": true}')") == ["abcabc", "bbbbbbb"]
    assert words(api, dataset, "bca", 2) == ["abc", "abcabc"]
    assert words(api, dataset, "b", 1) == ["bbbbbbb"]


def test_only_what_is_new_is_embedded_and_what_changed_or_went_is_forgotten(serve, embedder):
    api = serve()
    dataset = filled(api, "one", "two", "")
    api.post(f"/datasets/{dataset}/index", {})
    (two,) = [one["id"] for one in api.examples(dataset) if one["inputs"]["q"] == "two"]
    api.patch(f"/examples/{two}", {"inputs": {"q": "three"}})
    assert words(api, dataset, "two", 1) == ["two"], "the index is as old as its last synchronisation"

    api.post(f"/datasets/{dataset}/index/sync", {})
    assert embedder.asked == ["one", "two", "three"]
    assert words(api, dataset, "two", 3) == ["one", "three", ""]

    api.call(
        "POST",
        "/v1/platform/datasets/examples/delete",
        b'{"example_ids": ["%b"], "hard_delete": true}' % two.encode(),
    )
    api.post(f"/datasets/{dataset}/index/sync", {})
    assert words(api, dataset, "three", 3) == ["one", ""]
    assert api.delete(f"/datasets/{dataset}").status == 200


def test_words_decide_without_an_embedder_and_until_another_one_has_its_vectors(serve):
    class Later(Letters):
        model = "letters-2"

    api = serve()
    dataset = filled(api, "listen", "some silent words")
    api.post(f"/datasets/{dataset}/index", {})
    assert words(api, dataset, "silent", 1) == ["listen"]

    assert words(serve(None), dataset, "silent", 1) == ["some silent words"]

    later = serve(Later())
    assert words(later, dataset, "silent", 1) == ["some silent words"]
    later.post(f"/datasets/{dataset}/index/sync", {})
    assert words(later, dataset, "silent", 1) == ["listen"]


def test_a_failing_embedder_fails_the_request_and_keeps_what_was_made(serve, embedder):
    api = serve()
    dataset = filled(api, "one")
    embedder.broken = True
    assert api.post(f"/datasets/{dataset}/index", {}).status == 500
    assert words(api, dataset, "one", 1) == ["one"]

    embedder.broken = False
    assert api.post(f"/datasets/{dataset}/index", {}).status == 200
    assert embedder.asked == ["one"]


@pytest.mark.parametrize(
    "given", [[], [[1.0]], [[1.0], [2.0, 3.0]], [["x"], ["y"]], [[math.nan], [1.0]], None]
)
def test_what_is_no_vector_for_each_text_is_refused(given):
    class Wrong:
        def embed_documents(self, texts):
            return given

    with pytest.raises((ValueError, TypeError)):
        TextVectors(Wrong()).of_documents(["a", "b"])


NUMBERS = st.lists(st.floats(-1e3, 1e3, width=32), min_size=3, max_size=3)


@settings(max_examples=50)
@given(vectors=st.lists(NUMBERS, min_size=1, max_size=5), query=NUMBERS)
@example(vectors=[[0.0, 655.0, 0.0]], query=[0.0, 1.5e-33, 0.0])
def test_likeness_is_the_cosine(vectors, query):
    class Given:
        def embed_documents(self, texts):
            return vectors

        def embed_query(self, text):
            return query

    made = TextVectors(Given())
    scores = cosines(made.of_query("q"), made.of_documents(["d"] * len(vectors)))

    for vector, score in zip(vectors, scores, strict=True):
        size = math.hypot(*vector) * math.hypot(*query)
        dot = sum(a * b for a, b in zip(vector, query, strict=True))
        assert score == pytest.approx(dot / size if size else 0, abs=1e-4)
