"""What the semantic cache needs of a store, over a real GPTCache."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading

import pytest
from langchain_core.messages import AIMessage
from langgraph.store.base import PutOp, SearchOp

from llmops_plugins.caching.entry import CacheEntry
from llmops_plugins.errors import ConfigurationError

from .conftest import DIMENSION, OTHER, TENANT


def entry(question, answer="Yes."):
    return CacheEntry(
        question=question, reply=(AIMessage(answer),), usage=None, created_at=1.0, expires_at=None
    ).to_value()


def keys(items):
    return [item.key for item in items]


def gptcache_finds(store, question):
    """The answers GPTCache itself comes upon."""
    manager = store.cache.data_manager
    hits = manager.search(store._index.vector_of(store.cache.embedding_func(question)), top_k=10) or []
    found = [manager.get_scalar_data(hit) for hit in hits if hit[1] >= 0]
    return [data.answers[0].answer for data in found if data is not None]


def test_an_item_is_found_by_its_key_and_by_its_question(store):
    value = entry("where is my order")
    store.put(TENANT, "k", value, index=["question"])
    assert store.get(TENANT, "k").value == value
    (hit,) = store.search(TENANT, query="where is my order now")
    assert (hit.key, hit.value, hit.namespace) == ("k", value, TENANT)
    assert 0.8 < hit.score < 1
    assert CacheEntry.from_value(hit.value).message.text == "Yes."


def test_a_tenant_sees_nothing_of_another_one(store):
    store.put(TENANT, "k", entry("where is my order"), index=["question"])
    assert store.get(OTHER, "k") is None
    assert store.search(OTHER, query="where is my order") == []
    assert store.search(("llmops_cache", "aaa"), query="where is my order") == []
    store.delete(OTHER, "k")
    assert store.get(TENANT, "k")


def test_a_tenant_with_few_items_is_served_among_many_that_are_nearer(store):
    store.batch(
        [PutOp(OTHER, f"k{number}", entry("where is my order"), ["question"]) for number in range(60)]
    )
    store.put(TENANT, "mine", entry("where may my order be"), index=["question"])
    assert keys(store.search(TENANT, query="where is my order", limit=3)) == ["mine"]


def test_a_tenant_with_many_items_is_served_through_the_index_growing_what_it_fetches(store, monkeypatch):
    monkeypatch.setattr("llmops_integrations.gptcache_index._SEARCHED_EXACTLY", 0)
    store.batch(
        [PutOp(OTHER, f"k{number}", entry("where is my order"), ["question"]) for number in range(60)]
    )
    store.put(TENANT, "far", entry("where may my parcel be"), index=["question"])
    store.put(TENANT, "near", entry("where may my order be"), index=["question"])
    assert keys(store.search(TENANT, query="where is my order", limit=2)) == ["near", "far"]


def test_the_search_through_the_index_ends(store, monkeypatch):
    monkeypatch.setattr("llmops_integrations.gptcache_index._SEARCHED_EXACTLY", 0)
    monkeypatch.setattr("llmops_integrations.gptcache_index._FETCHED_MOST", 20)
    store.batch(
        [PutOp(OTHER, f"k{number}", entry("where is my order"), ["question"]) for number in range(60)]
    )
    assert store.search(TENANT, query="where is my order") == []


def test_an_item_put_again_is_replaced_and_found_by_its_new_question_only(store):
    store.put(TENANT, "k", entry("where is my order", "Here."), index=["question"])
    before = store.get(TENANT, "k")
    store.put(TENANT, "k", entry("who are you", "Me."), index=["question"])
    after = store.get(TENANT, "k")
    assert (after.created_at, after.updated_at > before.updated_at) == (before.created_at, True)
    (hit,) = store.search(TENANT, query="where is my order")
    assert hit.value["question"] == "who are you"
    assert gptcache_finds(store, "where is my order") == ["Me."]


def test_a_deleted_item_is_gone_from_gptcache_too(store):
    store.put(TENANT, "k", entry("where is my order"), index=["question"])
    store.delete(TENANT, "k")
    assert store.get(TENANT, "k") is None
    assert store.search(TENANT, query="where is my order") == []
    assert gptcache_finds(store, "where is my order") == []
    assert store.cache.data_manager.s.count(is_all=True) == 0
    assert store.cache.data_manager.s.count_answers() == 0


def test_an_item_that_is_not_indexed_is_no_candidate_here_or_for_gptcache(store):
    store.put(TENANT, "exact", entry("where is my order"), index=False)
    assert store.get(TENANT, "exact")
    assert store.search(TENANT, query="where is my order") == []
    assert gptcache_finds(store, "where is my order") == []


def test_a_text_that_embeds_to_nothing_is_kept_and_never_similar(store):
    store.put(TENANT, "k", entry(""), index=["question"])
    store.put(TENANT, "l", entry("   "), index=["question"])
    assert store.get(TENANT, "l")
    assert store.search(TENANT, query="   ") == []


def test_gptcache_reads_an_item_as_question_and_answer(store):
    store.put(TENANT, "k", entry("where is my order", "In Berlin."), index=["question"])
    assert gptcache_finds(store, "where is my order") == ["In Berlin."]


def test_labels_and_state_are_kept_as_any_json(store):
    place = ("llmops_cache_labels", "aaaa")
    store.put(place, "k", {"pairs": [["a", "b", True]]}, index=False)
    assert store.get(place, "k").value == {"pairs": [["a", "b", True]]}


def test_a_key_may_hold_what_separates_namespaces(store):
    store.put(TENANT, "..k.|%", entry("a"), index=False)
    assert store.get(TENANT, "..k.|%").key == "..k.|%"
    assert keys(store.search(TENANT)) == ["..k.|%"]


def test_items_are_listed_page_by_page_and_by_filter(store):
    for number in range(5):
        store.put(TENANT, f"k{number}", {"question": f"q{number}", "even": number % 2 == 0}, index=False)
    store.put(OTHER, "x", {"question": "q"}, index=False)
    assert keys(store.search(("llmops_cache",), limit=2, offset=4)) == ["k4", "x"]
    assert keys(store.search(TENANT, filter={"even": True}, limit=2, offset=1)) == ["k2", "k4"]
    assert store.list_namespaces(prefix=("llmops_cache",)) == [TENANT, OTHER]


def test_a_filter_and_an_offset_apply_to_a_search_by_meaning(store):
    for number, question in enumerate(("where is my order", "where is my", "where is")):
        store.put(TENANT, f"k{number}", {"question": question, "tag": number % 2}, index=["question"])
    assert keys(store.search(TENANT, query="where is my order", offset=1)) == ["k1", "k2"]
    assert keys(store.search(TENANT, query="where is my order", filter={"tag": 0})) == ["k0", "k2"]


async def test_a_batch_reads_before_it_writes_and_the_last_put_counts(store):
    found = await store.abatch(
        [
            PutOp(TENANT, "k", entry("a", "1"), False),
            SearchOp(TENANT),
            PutOp(TENANT, "k", entry("a", "2"), False),
        ]
    )
    assert found == [None, [], None]
    item = await store.aget(TENANT, "k")
    assert CacheEntry.from_value(item.value).message.text == "2"
    assert await asyncio.gather(*(store.aget(TENANT, "k") for _ in range(8))) == [item] * 8


def test_items_last_over_a_restart(open_store):
    before = open_store()
    before.put(TENANT, "k", entry("where is my order"), index=["question"])
    before.flush()
    after = open_store()
    assert after.get(TENANT, "k") == before.get(TENANT, "k")
    assert keys(after.search(TENANT, query="where is my order")) == ["k"]


KILLED = """
    import os, signal, sys
    sys.path[:0] = {path!r}
    from tests.integration.third_party.gptcache.conftest import DIMENSION, TENANT, WordEmbeddings
    from llmops_integrations.gptcache import GPTCacheBackend
    store = GPTCacheBackend.open({folder!r}, WordEmbeddings(), dimension=DIMENSION)
    store.put(TENANT, "flushed", {{"question": "who are you"}}, index=["question"])
    store.flush()
    store.delete(TENANT, "flushed")
    store.put(TENANT, "k", {{"question": "where is my order"}}, index=["question"])
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_put_is_found_and_what_it_deleted_is_not(open_store, tmp_path, request):
    """It leaves a vector whose row is gone, and its id on another row, which has none."""
    code = textwrap.dedent(KILLED).format(path=[str(request.config.rootpath)], folder=str(tmp_path / "data"))
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    store = open_store()
    (hit,) = store.search(TENANT, query="where is my order")
    assert (hit.key, hit.score) == ("k", pytest.approx(1))
    import faiss

    index = store.cache.data_manager.v._index
    (vector,) = index.index.reconstruct_n(0, index.ntotal)
    assert vector @ store._index.vector_of(store.cache.embedding_func("where is my order")) > 0.99
    assert len(faiss.vector_to_array(index.id_map)) == 1


def test_an_index_file_that_was_half_written_is_made_again(open_store, tmp_path):
    store = open_store()
    store.put(TENANT, "k", entry("where is my order"), index=["question"])
    store.flush()
    os.truncate(tmp_path / "data" / "faiss.index", 60)
    assert gptcache_finds(open_store(), "where is my order") == ["Yes."]


def test_threads_share_a_store_and_two_stores_share_a_cache(store):
    from llmops_integrations.gptcache import GPTCacheBackend

    stores, errors = [store, GPTCacheBackend(store.cache)], []

    def work(number):
        mine = ("llmops_cache", f"tenant{number}")
        try:
            for turn in range(15):
                stores[turn % 2].put(
                    mine, f"k{turn % 4}", entry(f"question {number} {turn}"), index=["question"]
                )
                found = stores[number % 2].search(mine, query=f"question {number} {turn}")
                assert found
                assert {item.namespace for item in found} == {mine}
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert store.cache.data_manager.s.count() == store.cache.data_manager.v.count() == 6 * 4


def test_what_gptcache_evicts_is_gone(open_store):
    store = open_store(max_size=5)
    for number in range(5):
        store.put(TENANT, f"k{number}", entry(f"question {number}"), index=["question"])
    assert store.get(TENANT, "k0")
    store.put(TENANT, "one more", entry("question"), index=["question"])
    assert store.get(TENANT, "k0"), "it was used last"
    assert store.get(TENANT, "k1") is None
    assert "k1" not in keys(store.search(TENANT, query="question 1"))


def test_what_was_replaced_does_not_count_as_a_row(open_store):
    store = open_store(max_size=5)
    for key in ("a", "b", "c"):
        store.put(TENANT, key, entry(key), index=["question"])
    store.get(TENANT, "a")
    for key in ("a", "d", "e"):
        store.put(TENANT, key, entry(key), index=["question"])
    assert sorted(keys(store.search(TENANT))) == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize("rows", [0, 1])
def test_settings_that_would_lose_rows_are_refused(open_store, tmp_path, embeddings, rows):
    from llmops_integrations.gptcache import GPTCacheBackend

    store = open_store()
    for key in ("a", "b")[: rows + 1]:
        store.put(TENANT, key, entry("where is my order"), index=["question"])
    store.flush()
    with pytest.raises(ConfigurationError, match=f"dimension: must be {DIMENSION}"):
        GPTCacheBackend.open(tmp_path / "data", embeddings, dimension=8)
    with pytest.raises(ConfigurationError, match=f"max_size: must be at least {rows + 1}"):
        open_store(max_size=rows)
    assert len(open_store().search(TENANT)) == rows + 1


@pytest.mark.parametrize("inside", ["", "folder"])
def test_a_file_where_the_directory_should_be_is_refused(tmp_path, embeddings, inside):
    from llmops_integrations.gptcache import GPTCacheBackend

    (tmp_path / "corrupt.db").write_bytes(b"no database")
    with pytest.raises(ConfigurationError, match="directory: must be a folder"):
        GPTCacheBackend.open(tmp_path / "corrupt.db" / inside, embeddings, dimension=DIMENSION)


def test_embeddings_of_another_size_are_refused_before_anything_is_written(store):
    store.cache.embedding_func = lambda text: [1.0, 0.0]
    with pytest.raises(ConfigurationError, match="embedding_func makes 2 numbers"):
        store.put(TENANT, "k", entry("where is my order"), index=["question"])
    assert store.get(TENANT, "k") is None


def test_a_cache_that_cannot_be_used_is_refused(store, tmp_path):
    from llmops_integrations.gptcache import GPTCacheBackend, import_gptcache

    gptcache = import_gptcache()
    with pytest.raises(ConfigurationError, match="after its init"):
        GPTCacheBackend(gptcache.Cache())
    cache = gptcache.Cache()
    cache.init()
    with pytest.raises(ConfigurationError, match="SQLite file"):
        GPTCacheBackend(cache)
    cache.init(data_manager=store.cache.data_manager)
    with pytest.raises(ConfigurationError, match="embedding_func"):
        GPTCacheBackend(cache)
