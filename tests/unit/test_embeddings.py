"""Embeddings behave as they did, and each call is announced once to whoever keeps the books."""

import asyncio

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.runnables import RunnableLambda

from llmops_plugins.embeddings import EMBEDDING_EVENT, CountedEmbeddings

PLAIN = DeterministicFakeEmbedding(size=4)
COUNTED = CountedEmbeddings(PLAIN)

CALLS = {
    "embed_documents": (lambda e: e.embed_documents(["ab", "é"]), 2, 4),
    "embed_query": (lambda e: e.embed_query("ab"), 1, 2),
    "aembed_documents": (lambda e: asyncio.run(e.aembed_documents(["ab", "é"])), 2, 4),
    "aembed_query": (lambda e: asyncio.run(e.aembed_query("ab")), 1, 2),
}


@pytest.mark.parametrize("name", CALLS)
def test_vectors_are_the_wrapped_ones(name):
    call, _, _ = CALLS[name]
    assert call(COUNTED) == call(PLAIN)


@pytest.mark.parametrize("name", CALLS)
def test_a_call_inside_a_run_is_announced_once(listener, name):
    call, texts, size = CALLS[name]
    RunnableLambda(lambda _: call(COUNTED)).invoke(0, {"callbacks": [listener]})
    ((event, data),) = listener.events
    assert event == EMBEDDING_EVENT
    assert (data["texts"], data["bytes"]) == (texts, size)
    assert data["latency_seconds"] >= 0


def test_without_a_run_nothing_is_announced_and_nothing_fails():
    assert len(COUNTED.embed_query("x")) == 4


def test_the_model_is_named_where_the_embeddings_name_one(listener):
    class Named(DeterministicFakeEmbedding):
        model: str = "small-embedder"

    embeddings = CountedEmbeddings(Named(size=2))
    RunnableLambda(embeddings.embed_query).invoke("x", {"callbacks": [listener]})
    assert listener.events[0][1]["model"] == "small-embedder"


def test_the_provider_is_the_package_the_class_comes_from(listener):
    RunnableLambda(COUNTED.embed_query).invoke("x", {"callbacks": [listener]})
    assert listener.events[0][1]["provider"] == "core"


def test_text_that_is_no_valid_unicode_is_counted_all_the_same(listener):
    class Any(DeterministicFakeEmbedding):
        def embed_documents(self, texts):
            return [[0.0] for _ in texts]

    embeddings = CountedEmbeddings(Any(size=1))
    RunnableLambda(embeddings.embed_documents).invoke(["\ud800"], {"callbacks": [listener]})
    assert listener.events[0][1]["bytes"] == 1


def test_a_failed_call_is_the_callers_error_and_is_not_announced(listener):
    class Down(DeterministicFakeEmbedding):
        def embed_query(self, text):
            raise ConnectionError("down")

    embeddings = CountedEmbeddings(Down(size=1))
    with pytest.raises(ConnectionError):
        RunnableLambda(embeddings.embed_query).invoke("x", {"callbacks": [listener]})
    assert listener.events == []


def test_embeddings_that_announce_their_own_calls_are_counted_once(listener):
    RunnableLambda(CountedEmbeddings(COUNTED).embed_query).invoke("x", {"callbacks": [listener]})
    assert len(listener.events) == 1
