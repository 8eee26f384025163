"""Vectors of one embedding are never compared with those of another."""

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding

from llmops_plugins.embeddings import CountedEmbeddings
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.storage.local_store import LocalStore


class NamedEmbeddings(DeterministicFakeEmbedding):
    model: str


def index_of(model, size=8, **more):
    return {"dims": size, "embed": NamedEmbeddings(size=size, model=model), "fields": ["text"], **more}


@pytest.mark.parametrize("other", [index_of("b"), index_of("a", size=4)])
def test_other_embeddings_than_the_files_are_refused_when_the_store_is_built(path, open_store, other):
    open_store(index=index_of("a")).put(("a",), "k", {"text": "x"})
    with pytest.raises(ConfigurationError, match=r"index: embeds with .* LocalStore\.reembed"):
        LocalStore(path, index=other)
    assert open_store().get(("a",), "k").value == {"text": "x"}


def test_the_same_embeddings_wrapped_are_the_same(open_store):
    open_store(index=index_of("a")).put(("a",), "k", {"text": "x"})
    index = index_of("a")
    store = open_store(index={**index, "embed": CountedEmbeddings(index["embed"])})
    assert store.search(("a",), query="x")[0].score == pytest.approx(1)


def test_reembedding_gives_every_item_vectors_of_the_new_embeddings(path, open_store):
    store = open_store(index=index_of("a"))
    for n in range(600):
        store.put(("a",), str(n), {"text": f"text {n}", "note": "other"})
    store.put(("a",), "note", {"text": "x", "note": "my note"}, index=["note"])
    store.put(("a",), "hidden", {"text": "x"}, index=False)
    store.close()
    index = index_of("b", size=4)
    assert LocalStore.reembed(path, index=index) == 601
    reopened = open_store(index=index)
    for text, key in (("text 7", "7"), ("my note", "note")):
        found = reopened.search(("a",), query=text, limit=1)[0]
        assert (found.key, found.score) == (key, pytest.approx(1))
    unscored = [item.key for item in reopened.search(("a",), query="x", limit=1_000) if item.score is None]
    assert unscored == ["hidden"]


def test_a_store_that_was_open_during_a_reembedding_is_refused_afterwards(path, open_store):
    store = open_store(index=index_of("a"))
    store.put(("a",), "k", {"text": "x"})
    assert store.search(("a",), query="x")
    LocalStore.reembed(path, index=index_of("b", size=4))
    for use in (lambda: store.search(("a",), query="x"), lambda: store.put(("a",), "new", {"text": "y"})):
        with pytest.raises(ConfigurationError, match="reembed"):
            use()
    assert store.get(("a",), "k").value == {"text": "x"}
    assert store.get(("a",), "new") is None


def test_a_failed_reembedding_changes_nothing(path, open_store):
    store = open_store(index=index_of("a"))
    store.put(("a",), "k", {"text": "x"})

    def fail(texts):
        raise RuntimeError("the embeddings are down")

    with pytest.raises(RuntimeError, match="are down"):
        LocalStore.reembed(path, index={"dims": 8, "embed": fail})
    assert store.search(("a",), query="x")[0].score == pytest.approx(1)


def test_an_embedding_that_fails_puts_nothing(open_store):
    def fail(texts):
        raise RuntimeError("the embeddings are down")

    store = open_store(index={"dims": 8, "embed": fail})
    with pytest.raises(RuntimeError, match="are down"):
        store.put(("a",), "k", {"text": "x"})
    assert store.search(("a",)) == []
