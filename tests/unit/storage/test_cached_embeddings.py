"""A text asked for again costs no call, and the ledger hears of calls only."""

import asyncio

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from langchain_core.runnables import RunnableLambda

from llmops_plugins.embeddings import CountedEmbeddings
from llmops_plugins.storage.cached_embeddings import CachedEmbeddings


class Recording(Embeddings):
    """Embeds a text as its length and first letter, and writes down what it was asked."""

    def __init__(self):
        self.calls = []

    def embed_documents(self, texts):
        self.calls.append(list(texts))
        return [[float(len(text)), float(ord(text[0]))] for text in texts]

    def embed_query(self, text):
        self.calls.append(text)
        return [-float(len(text)), 0.5]


class Symmetric(Recording):
    symmetric = True


WAYS = {
    "sync": (lambda e, texts: e.embed_documents(texts), lambda e, text: e.embed_query(text)),
    "async": (
        lambda e, texts: asyncio.run(e.aembed_documents(texts)),
        lambda e, text: asyncio.run(e.aembed_query(text)),
    ),
}


@pytest.fixture(params=WAYS)
def way(request):
    return WAYS[request.param]


def test_only_what_is_not_known_is_embedded_and_order_is_kept(way):
    embed, _ = way
    inner = Recording()
    cached = CachedEmbeddings(inner, cache_size=10)
    embed(cached, ["bb", "a"])
    assert embed(cached, ["a", "ccc", "bb", "ccc"]) == [[1, 97], [3, 99], [2, 98], [3, 99]]
    assert inner.calls == [["bb", "a"], ["ccc"]]


def test_a_query_is_not_served_with_a_documents_vector(way):
    embed, query = way
    inner = Recording()
    cached = CachedEmbeddings(inner, cache_size=10)
    embed(cached, ["a"])
    assert query(cached, "a") == query(cached, "a") == [-1, 0.5]
    assert inner.calls == [["a"], "a"]


def test_unless_the_embeddings_say_that_they_are_the_same(way):
    embed, query = way
    inner = Symmetric()
    cached = CachedEmbeddings(inner, cache_size=10)
    assert [query(cached, "a")] == embed(cached, ["a"])
    assert inner.calls == [["a"]]


def test_many_texts_go_in_calls_of_bounded_size(way):
    embed, _ = way
    inner = Recording()
    texts = [f"t{i}" * (i + 1) for i in range(600)]
    vectors = embed(CachedEmbeddings(inner, cache_size=10_000), texts)
    assert [vector[0] for vector in vectors] == [len(text) for text in texts]
    assert [len(call) for call in inner.calls] == [256, 256, 88]


def test_a_call_larger_than_the_cache_is_answered_in_full(way):
    embed, _ = way
    cached = CachedEmbeddings(Recording(), cache_size=1)
    assert [vector[1] for vector in embed(cached, list("abc"))] == [97, 98, 99]
    assert cached.cache_info().entries == 1


def test_without_a_cache_every_call_is_made(way):
    _, query = way
    inner = Recording()
    cached = CachedEmbeddings(inner, cache_size=0)
    assert query(cached, "a") == query(cached, "a")
    assert inner.calls == ["a", "a"]


def test_what_was_embedded_before_a_failure_is_kept(way):
    embed, _ = way

    class Failing(Recording):
        def embed_documents(self, texts):
            if len(self.calls) == 1:
                self.calls.append("failed")
                raise OSError("provider down")
            return super().embed_documents(texts)

    inner = Failing()
    cached = CachedEmbeddings(inner, cache_size=1000)
    texts = [f"t{i}" for i in range(300)]
    with pytest.raises(OSError, match="provider down"):
        embed(cached, texts)
    assert len(embed(cached, texts)) == 300
    assert len(inner.calls[2]) == 44


def test_too_few_vectors_are_an_error_and_nothing_is_mixed_up(way):
    embed, _ = way

    class Short(Recording):
        def embed_documents(self, texts):
            return super().embed_documents(texts)[:-1]

    with pytest.raises(ValueError, match="zip"):
        embed(CachedEmbeddings(Short(), cache_size=10), ["a", "b"])


def test_the_cache_says_how_often_it_helped():
    cached = CachedEmbeddings(Recording(), cache_size=10)
    cached.embed_documents(["a", "b"])
    cached.embed_documents(["a", "c"])
    info = cached.cache_info()
    assert (info.hits, info.misses, info.entries, info.max_entries, info.bytes) == (1, 3, 3, 10, 24)


@pytest.mark.parametrize("wrap", [lambda e: e, CountedEmbeddings], ids=["as it is", "counted"])
@pytest.mark.parametrize("inner", [lambda e: e, CountedEmbeddings], ids=["plain", "counted inside"])
def test_each_call_is_announced_once_and_a_hit_is_none(way, listener, wrap, inner):
    embed, query = way
    embeddings = wrap(CachedEmbeddings(inner(DeterministicFakeEmbedding(size=2)), cache_size=10))

    def work(_):
        embed(embeddings, ["a", "b"])
        embed(embeddings, ["b", "ccc"])
        embed(embeddings, ["a"])
        query(embeddings, "dd")
        query(embeddings, "dd")

    RunnableLambda(work).invoke(0, {"callbacks": [listener]})
    assert [(data["texts"], data["bytes"]) for _, data in listener.events] == [(2, 2), (1, 3), (1, 2)]


def test_the_announced_model_is_the_wrapped_one(listener):
    class Named(DeterministicFakeEmbedding):
        model: str = "small-embedder"

    cached = CachedEmbeddings(Named(size=2), cache_size=10)
    RunnableLambda(cached.embed_query).invoke("x", {"callbacks": [listener]})
    assert listener.events[0][1]["model"] == "small-embedder"
