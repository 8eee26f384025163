"""A real GPTCache with faiss, where its extra is installed."""

import importlib.util
import math

import pytest
from langchain_core.embeddings import Embeddings

DIMENSION = 64
TENANT, OTHER = ("llmops_cache", "aaaa"), ("llmops_cache", "bbbb")


def pytest_collection_modifyitems(items):
    if importlib.util.find_spec("gptcache") is None or importlib.util.find_spec("faiss") is None:
        for item in items:
            if item.path.is_relative_to(__file__.rpartition("/")[0]):
                item.add_marker(pytest.mark.skip(reason="run `make test-integrations`: no gptcache here"))


class WordEmbeddings(Embeddings):
    """Texts are near as far as they share words."""

    def embed_documents(self, texts):
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text):
        vector = [0.0] * DIMENSION
        for word in text.lower().split():
            vector[sum(ord(letter) * 31**place for place, letter in enumerate(word)) % DIMENSION] += 1.0
        norm = math.sqrt(sum(number * number for number in vector))
        return [number / (norm or 1.0) for number in vector]


@pytest.fixture
def embeddings():
    return WordEmbeddings()


@pytest.fixture
def open_store(tmp_path, embeddings):
    from llmops_integrations.gptcache import GPTCacheBackend

    def open_store(**options):
        return GPTCacheBackend.open(tmp_path / "data", embeddings, dimension=DIMENSION, **options)

    return open_store


@pytest.fixture
def store(open_store):
    return open_store()
