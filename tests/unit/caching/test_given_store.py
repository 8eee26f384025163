"""A cache takes a file or a LangGraph store, and refuses what it cannot use."""

import pytest
from langgraph.store.memory import InMemoryStore

from llmops_plugins.caching.given_store import as_store
from llmops_plugins.errors import ConfigurationError
from tests.unit.caching.fakes import WordEmbeddings


@pytest.mark.parametrize("given", [None, 7, {}])
def test_neither_a_file_nor_a_store_is_refused(given):
    with pytest.raises(ConfigurationError, match="store: must be a file or a LangGraph store"):
        as_store(given, None)


def test_a_store_that_cannot_search_by_meaning_is_refused_for_a_semantic_tier():
    assert as_store(InMemoryStore(), None)
    with pytest.raises(ConfigurationError, match="store: has no index"):
        as_store(InMemoryStore(), WordEmbeddings())
