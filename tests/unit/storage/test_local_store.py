"""A LangGraph store in one file: what is put is got, found, listed and forgotten as LangGraph says."""

import asyncio
import threading
import time

import pytest
from langgraph.store.base import (
    GetOp,
    InvalidNamespaceError,
    ListNamespacesOp,
    MatchCondition,
    PutOp,
    SearchOp,
)

from llmops_plugins.errors import ConfigurationError, DatabaseUnavailableError
from llmops_plugins.storage.local_store import LocalStore


@pytest.fixture(params=["memory", "file"])
def plain(request, open_store, path):
    return open_store(":memory:" if request.param == "memory" else path)


def keys(items):
    return [item.key for item in items]


def test_what_is_put_is_got_until_it_is_deleted(plain):
    plain.put(("users", "ada"), "language", {"name": "German", "level": 2, "tags": ["a"], "unknown": None})
    item = plain.get(("users", "ada"), "language")
    assert item.value == {"name": "German", "level": 2, "tags": ["a"], "unknown": None}
    assert (item.namespace, item.key) == (("users", "ada"), "language")
    assert plain.get(("users",), "language") is None
    plain.delete(("users", "ada"), "language")
    assert plain.get(("users", "ada"), "language") is None
    assert plain.list_namespaces() == []


def test_a_file_keeps_what_was_put(open_store):
    first = open_store()
    first.put(("a",), "k", {"text": "ü \ud800 \x00"})
    first.close()
    assert open_store().get(("a",), "k").value == {"text": "ü \ud800 \x00"}


def test_an_update_keeps_when_an_item_was_created_and_moves_when_it_was_updated(plain):
    plain.put(("a",), "k", {"n": 1})
    before = plain.get(("a",), "k")
    assert before.created_at == before.updated_at
    assert before.created_at.utcoffset().total_seconds() == 0
    time.sleep(0.002)
    plain.put(("a",), "k", {"n": 2})
    after = plain.get(("a",), "k")
    assert after.created_at == before.created_at
    assert after.updated_at > before.updated_at


def test_a_batch_reads_what_was_there_before_it_and_the_last_put_counts(plain):
    plain.put(("a",), "old", {"n": 0})
    operations = [
        PutOp(("a",), "new", {"n": 1}),
        GetOp(("a",), "new"),
        PutOp(("a",), "new", {"n": 2}),
        PutOp(("a",), "old", None),
        SearchOp(("a",)),
        ListNamespacesOp(),
    ]
    put, got, again, deleted, found, namespaces = plain.batch(operations)
    assert (put, got, again, deleted) == (None, None, None, None)
    assert keys(found) == ["old"]
    assert namespaces == [("a",)]
    assert plain.get(("a",), "new").value == {"n": 2}
    assert plain.get(("a",), "old") is None


def test_a_batch_is_kept_whole_or_not_at_all(plain):
    with pytest.raises(TypeError):
        plain.batch([PutOp(("a",), "1", {"n": 1}), PutOp(("a",), "2", {"n": object()})])
    assert plain.search(("a",)) == []


def test_unknown_operations_are_refused(plain):
    with pytest.raises(ValueError, match="Unknown operation"):
        plain.batch(["get"])


@pytest.mark.parametrize("namespace", [(), ("langgraph", "x"), ("a.b",), ("",), ("a", "\x00"), (1,)])
def test_namespaces_are_what_langgraph_allows(plain, namespace):
    with pytest.raises(InvalidNamespaceError):
        plain.put(namespace, "k", {})


@pytest.mark.parametrize(
    "operation",
    [
        GetOp(("a.b",), "k"),
        PutOp(("a", ""), "k", {}),
        SearchOp(("a.b",)),
        ListNamespacesOp((MatchCondition("prefix", ("a.b",)),)),
    ],
)
def test_a_label_with_a_period_cannot_reach_another_namespace_through_a_batch(plain, operation):
    plain.put(("a", "b"), "k", {})
    with pytest.raises(InvalidNamespaceError):
        plain.batch([operation])


def test_a_search_ends_at_the_labels_of_its_prefix(plain):
    for namespace in [("foo",), ("foo", "child"), ("foobar",), ("Foo",), ("foo%",), ("fo_",), ("foo\n",)]:
        plain.put(namespace, "k", {})
    assert {item.namespace for item in plain.search(("foo",))} == {("foo",), ("foo", "child")}
    assert {item.namespace for item in plain.search(["foo%"])} == {("foo%",)}
    assert plain.search(("fo",)) == []
    assert len(plain.search(())) == 7


def test_items_come_in_the_order_they_were_first_put(plain):
    for namespace, key in [("b", "1"), ("a", "2"), ("b", "3"), ("a", "0")]:
        plain.put((namespace,), key, {})
    plain.put(("b",), "1", {"again": True})
    assert keys(plain.search(())) == ["1", "3", "2", "0"]
    assert keys(plain.search((), limit=2, offset=1)) == ["3", "2"]
    assert plain.search((), limit=0) == []
    with pytest.raises(ConfigurationError, match="limit"):
        plain.search((), limit=-1)


def test_namespaces_are_listed_by_prefix_suffix_depth_and_page(plain):
    spaces = [("a", "x", "v1"), ("a", "y", "v1"), ("a", "y", "v2"), ("b", "x", "v1"), ("ab",)]
    for space in spaces:
        plain.put(space, "k", {})
    assert plain.list_namespaces() == sorted(spaces)
    assert plain.list_namespaces(prefix=("a",)) == spaces[:3]
    assert plain.list_namespaces(suffix=("v1",)) == [spaces[0], spaces[1], spaces[3]]
    assert plain.list_namespaces(prefix=("*", "x")) == [spaces[0], spaces[3]]
    assert plain.list_namespaces(prefix=["a"], suffix=["*", "v2"]) == [spaces[2]]
    assert plain.list_namespaces(max_depth=2, prefix=("a",)) == [("a", "x"), ("a", "y")]
    assert plain.list_namespaces(limit=2, offset=1) == sorted(spaces)[1:3]


def test_async_and_sync_see_the_same(plain, open_store, index):
    async def scenario():
        await plain.aput(("a",), "k", {"n": 1})
        assert (await plain.aget(("a",), "k")).value == {"n": 1}
        assert keys(await plain.asearch(("a",))) == ["k"]
        assert await plain.alist_namespaces() == [("a",)]
        await plain.adelete(("a",), "k")

    asyncio.run(scenario())
    assert plain.search(()) == []


async def test_an_async_embedding_function_serves_async_calls(open_store, index):
    async def aembed(texts):
        return index["embed"](texts)

    store = open_store(index={**index, "embed": aembed})
    await store.aput(("a",), "k", {"text": "hello"})
    assert (await store.asearch(("a",), query="hello"))[0].score == pytest.approx(1)


async def test_a_waiting_store_does_not_hold_up_the_event_loop(store):
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            await asyncio.sleep(0.005)
            ticks += 1

    held, released = threading.Event(), threading.Event()

    def hold():
        with store._database.writing():
            held.set()
            released.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(5)
    ticking = asyncio.create_task(tick())
    putting = asyncio.create_task(store.aput(("a",), "k", {"text": "x"}))
    async with asyncio.timeout(5):
        while ticks <= 5:
            await asyncio.sleep(0.01)
    assert not putting.done()
    released.set()
    await putting
    ticking.cancel()
    holder.join()


def test_a_connection_string_opens_a_store_for_a_block(path):
    with LocalStore.from_conn_string(f"sqlite:///{path}") as store:
        store.setup()
        store.put(("a",), "k", {})
    with pytest.raises(DatabaseUnavailableError, match="closed"):
        store.get(("a",), "k")
    store.close()
    assert path.exists()


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"index": {"dims": 0, "embed": len}}, "index.dims"),
        ({"index": {"embed": len}}, "index.dims"),
        ({"index": {"dims": 3}}, "index.embed"),
        ({"index": {"dims": 3, "embed": len, "fields": "text"}}, "index.fields"),
        ({"ttl": {"default_ttl": 0}}, "ttl.default_ttl"),
        ({"ttl": {"sweep_interval_minutes": "5"}}, "ttl.sweep_interval_minutes"),
    ],
)
def test_a_wrong_setting_is_refused_when_the_store_is_built(path, settings, field):
    with pytest.raises(ConfigurationError, match=field):
        LocalStore(path, **settings)
    assert not path.exists()


def test_input_is_never_sql(plain):
    nasty = "'); DROP TABLE llmops_store_items; --"
    plain.put((nasty,), nasty, {nasty: nasty, "field": nasty})
    plain.put(("other",), "k", {"field": "x"})
    assert keys(plain.search((nasty,), filter={"field": nasty})) == [nasty]
    assert plain.search((), filter={"field": "x' OR '1'='1"}) == []
    with pytest.raises(ValueError, match="Invalid filter key"):
        plain.search((), filter={"field') = 'x' OR '1'='1": "x"})
