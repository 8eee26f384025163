"""A file is opened when it is first needed, and again after a failure."""

import asyncio

import pytest
from langgraph.store.base import GetOp

from llmops_plugins.errors import DatabaseUnavailableError
from llmops_plugins.storage import lazy_store
from llmops_plugins.storage.lazy_store import LazyStore
from llmops_plugins.storage.local_store import LocalStore
from tests.unit.caching.fakes import WordEmbeddings


def test_building_one_touches_nothing(tmp_path):
    embeddings = WordEmbeddings()
    LazyStore(tmp_path / "store.db", embeddings)
    assert list(tmp_path.iterdir()) == []
    assert embeddings.texts == []


def test_it_searches_with_the_embeddings_it_was_given(tmp_path):
    store = LazyStore(tmp_path / "store.db", WordEmbeddings())
    store.put(("a",), "1", {"question": "blue sky"})
    store.put(("a",), "2", {"question": "red wine"})
    assert store.search(("a",), query="a blue sky")[0].key == "1"
    store.close()
    assert store.get(("a",), "1").value == {"question": "blue sky"}
    store.close()


def test_after_a_failure_it_is_opened_again(tmp_path):
    store = LazyStore(tmp_path / "missing" / "store.db", None)
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

    monkeypatch.setattr(lazy_store, "LocalStore", open_one)
    store = LazyStore(tmp_path / "store.db", WordEmbeddings())

    async def read():
        return await asyncio.gather(*(store.abatch([GetOp(("a",), "1")]) for _ in range(20)))

    assert asyncio.run(read()) == [[None]] * 20
    assert len(opened) == 1
    store.close()
