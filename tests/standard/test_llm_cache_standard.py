"""LangChain's own tests for LLM caches, with and without a semantic tier, on two stores."""

import hashlib
import re

import pytest
from langchain_core.embeddings import Embeddings
from langchain_tests.integration_tests.cache import AsyncCacheTestSuite, SyncCacheTestSuite
from langgraph.store.memory import InMemoryStore

from llmops_plugins.caching.llm_cache import SemanticLLMCache
from llmops_plugins.caching.semantic import SemanticTier
from llmops_plugins.storage.local_store import LocalStore

SIZE = 64


class BagOfWords(Embeddings):
    """Hashes words into places of a vector."""

    def embed_query(self, text):
        vector = [0.0] * SIZE
        for word in re.findall(r"\w+", text.casefold()):
            vector[int(hashlib.sha256(word.encode()).hexdigest(), 16) % SIZE] += 1.0
        return vector

    def embed_documents(self, texts):
        return [self.embed_query(text) for text in texts]


def exact(store):
    return SemanticLLMCache(store())


def semantic(store):
    tier = SemanticTier(embeddings=BagOfWords(), threshold=0.9)
    index = {"dims": SIZE, "embed": tier.embeddings, "fields": ["question"]}
    return SemanticLLMCache(store(index=index), semantic=tier)


def local_store(**settings):
    return LocalStore(":memory:", **settings)


CACHES = [
    pytest.param((tier, store), id=f"{tier.__name__}-{store.__name__}")
    for tier in (exact, semantic)
    for store in (local_store, InMemoryStore)
]


class TestSyncCache(SyncCacheTestSuite):
    @pytest.fixture(params=CACHES)
    def cache(self, request):
        tier, store = request.param
        return tier(store)


class TestAsyncCache(AsyncCacheTestSuite):
    @pytest.fixture(params=CACHES)
    async def cache(self, request):
        tier, store = request.param
        return tier(store)
