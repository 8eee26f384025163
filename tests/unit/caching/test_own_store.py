"""The cache's own file is opened when it is first needed, and again after a failure."""

import asyncio

import pytest
from langgraph.store.base import GetOp
from langgraph.store.memory import InMemoryStore

from llmops_plugins.caching import own_store
from llmops_plugins.caching.own_store import OwnStore, as_store
from llmops_plugins.errors import ConfigurationError, DatabaseUnavailableError
from llmops_plugins.storage.local_store import LocalStore
from tests.unit.caching.fakes import WordEmbeddings


def test_building_one_touches_nothing(tmp_path):
    embeddings = WordEmbeddings()
    OwnStore(tmp_path / "cache.db", embeddings)
    assert list(tmp_path.iterdir()) == []
    assert embeddings.texts == []


def test_it_searches_with_the_embeddings_it_was_given(tmp_path):
    store = OwnStore(tmp_path / "cache.db", WordEmbeddings())
    store.put(("a",), "1", {"question": "blue sky"})
    store.put(("a",), "2", {"question": "red wine"})
    assert store.search(("a",), query="a blue sky")[0].key == "1"
    store.close()
    assert store.get(("a",), "1").value == {"question": "blue sky"}
    store.close()


def test_after_a_failure_it_is_opened_again(tmp_path):
    store = OwnStore(tmp_path / "missing" / "cache.db", None)
    for _ in range(2):
        with pytest.raises(DatabaseUnavailableError):
            store.put(("a",), "1", {})
    (tmp_path / "missing").mkdir()
    store.put(("a",), "1", {"x": 1})
    assert store.get(("a",), "1").value == {"x": 1}
    store.close()


def test_many_tasks_open_it_once(tmp_path, monkeypatch):
    opened = []

    def open_one(*arguments, **settings):
        opened.append(LocalStore(*arguments, **settings))
        return opened[-1]

    monkeypatch.setattr(own_store, "LocalStore", open_one)
    store = OwnStore(tmp_path / "cache.db", WordEmbeddings())

    async def read():
        return await asyncio.gather(*(store.abatch([GetOp(("a",), "1")]) for _ in range(20)))

    assert asyncio.run(read()) == [[None]] * 20
    assert len(opened) == 1
    store.close()


@pytest.mark.parametrize("given", [None, 7, {}])
def test_neither_a_file_nor_a_store_is_refused(given):
    with pytest.raises(ConfigurationError, match="store: must be a file or a LangGraph store"):
        as_store(given, None)


def test_a_store_that_cannot_search_by_meaning_is_refused_for_a_semantic_tier():
    assert as_store(InMemoryStore(), None)
    with pytest.raises(ConfigurationError, match="store: has no index"):
        as_store(InMemoryStore(), WordEmbeddings())
