"""Rows GPTCache made before: served to nobody, or to the one agent they are said to answer for."""

import numpy as np
import pytest
from langchain_core.messages import AIMessage

from llmops_plugins.caching.entry import CacheEntry
from llmops_plugins.errors import ConfigurationError

from .conftest import OTHER, TENANT

QUESTION = "what are your opening hours"


@pytest.fixture
def adopted(store):
    """GPTCache's own row of one question, and a store over it that adopts it."""
    from llmops_integrations.gptcache import Adoption, GPTCacheBackend

    save(store, QUESTION, "Nine to five.")

    def adopted(**options):
        return GPTCacheBackend(store.cache, adopt=Adoption(namespace=TENANT, **options))

    return adopted


def save(store, question, answer, **options):
    text = question if isinstance(question, str) else question.content
    vector = np.asarray(store.cache.embedding_func(text))
    store.cache.data_manager.save(question, answer, vector, **options)


def answers(items):
    return [CacheEntry.from_value(item.value).message.text for item in items]


def test_rows_that_nobody_adopts_are_served_to_nobody_and_stay(store):
    save(store, QUESTION, "Nine to five.")
    store.put(TENANT, "k", {"question": "who are you"}, index=["question"])
    store.delete(TENANT, "k")
    for prefix in (TENANT, ("llmops_cache",), ()):
        assert store.search(prefix, query=QUESTION) == []
        assert store.search(prefix) == []
    assert store.get(TENANT, "gptcache-1") is None
    assert store.cache.data_manager.s.count() == store.cache.data_manager.v.count() == 1


def test_adopted_rows_are_entries_of_one_namespace_and_no_other(adopted):
    store = adopted()
    (hit,) = store.search(TENANT, query="what are your hours")
    entry = CacheEntry.from_value(hit.value)
    assert (entry.question, entry.reply) == (QUESTION, (AIMessage("Nine to five."),))
    assert (entry.usage, entry.expires_at) == (None, None)
    assert abs(entry.created_at - hit.created_at.timestamp()) < 1
    assert store.get(TENANT, hit.key).value == hit.value
    assert store.search(OTHER, query=QUESTION) == []
    assert store.get(OTHER, hit.key) is None
    assert store.list_namespaces() == [TENANT]


def test_many_adopted_rows_are_found_through_the_index(adopted, monkeypatch):
    monkeypatch.setattr("llmops_integrations.gptcache_index._SEARCHED_EXACTLY", 0)
    store = adopted()
    store.put(OTHER, "k", {"question": QUESTION}, index=["question"])
    assert answers(store.search(TENANT, query=QUESTION)) == ["Nine to five."]


def test_adopted_rows_and_items_are_found_together_the_nearest_first(adopted):
    store = adopted()
    entry = CacheEntry(question="opening hours", reply=(AIMessage("New."),), usage=None, created_at=1.0)
    store.put(TENANT, "k", entry.to_value(), index=["question"])
    assert answers(store.search(TENANT, query="opening hours")) == ["New.", "Nine to five."]
    assert answers(store.search(TENANT, query=QUESTION, limit=1)) == ["Nine to five."]
    assert answers(store.search(TENANT)) == ["New.", "Nine to five."]
    assert answers(store.search(TENANT, offset=1)) == ["Nine to five."]


def test_an_adoption_says_whose_the_answers_are_and_for_how_long(adopted):
    (hit,) = adopted(tenant="ada", corpus_version="7", minutes=10).search(TENANT, query=QUESTION)
    entry = CacheEntry.from_value(hit.value)
    assert (entry.tenant, entry.corpus_version) == ("ada", "7")
    assert entry.expires_at == pytest.approx(entry.created_at + 600)


def test_an_adopted_row_can_be_taken_back(adopted):
    store = adopted()
    (hit,) = store.search(TENANT, query=QUESTION)
    store.delete(OTHER, hit.key)
    assert store.get(TENANT, hit.key)
    store.delete(TENANT, hit.key)
    assert store.search(TENANT, query=QUESTION) == []
    assert store.cache.data_manager.s.count(is_all=True) == store.cache.data_manager.v.count() == 0


def test_an_adopted_row_that_is_put_again_becomes_an_item(adopted):
    """The cache writes down how checks of an entry went."""
    store = adopted()
    (hit,) = store.search(TENANT, query=QUESTION)
    value = CacheEntry.from_value(hit.value).checked_again(differs=False).to_value()
    store.put(TENANT, hit.key, value, index=["question"])
    (again,) = store.search(TENANT, query=QUESTION)
    assert (again.key, again.value) == (hit.key, value)


def test_rows_that_are_more_than_a_question_and_its_text_are_left_out(adopted):
    from gptcache.manager.scalar_data.base import Answer, DataType, Question, QuestionDep
    from gptcache.session import Session

    store = adopted()
    manager = store.cache.data_manager
    save(store, Question("what is this", [QuestionDep("image", "a.png")]), "A cat.")
    save(store, "draw a cat", Answer("cat.png", DataType.IMAGE_URL))
    save(store, "what did I say", "Hello.", session=Session(name="ada", data_manager=manager))
    assert answers(store.search(TENANT)) == ["Nine to five."]


@pytest.mark.parametrize("namespace", ["llmops_cache", (), ("a.b",), (1,), None])
def test_an_adoption_needs_a_namespace(namespace):
    from llmops_integrations.gptcache import Adoption

    with pytest.raises(ConfigurationError, match=r"adopt\.namespace"):
        Adoption(namespace=namespace)


@pytest.mark.parametrize("minutes", [0, -1.0, float("nan")])
def test_an_adoption_lasts(minutes):
    from llmops_integrations.gptcache import Adoption

    with pytest.raises(ConfigurationError, match=r"adopt\.minutes"):
        Adoption(namespace=TENANT, minutes=minutes)
