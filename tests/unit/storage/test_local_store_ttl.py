"""Items expire after minutes without being read, and are gone before anybody sweeps."""

import threading
import time

import pytest
from langgraph.store.base import PutOp


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is moved, in minutes."""

    class Clock:
        now = time.time()

        def forward(self, minutes):
            self.now += 60 * minutes

    clock = Clock()
    monkeypatch.setattr(time, "time", lambda: clock.now)
    return clock


def keys(items):
    return [item.key for item in items]


def test_what_has_expired_is_nowhere_before_any_sweep(store, clock):
    store.put(("a",), "short", {"text": "pear"}, ttl=10)
    store.put(("b",), "long", {"text": "pear"}, ttl=None)
    clock.forward(9.9)
    assert store.get(("a",), "short", refresh_ttl=False) is not None
    clock.forward(0.2)
    assert store.get(("a",), "short") is None
    assert keys(store.search(())) == ["long"]
    assert keys(store.search((), query="pear")) == ["long"]
    assert store.list_namespaces() == [("b",)]


def test_an_expired_item_put_again_is_a_new_one(store, clock):
    store.put(("a",), "k", {"text": "pear"}, ttl=1)
    store.put(("a",), "other", {"text": "plum"})
    first = store.get(("a",), "k", refresh_ttl=False)
    clock.forward(2)
    store.put(("a",), "k", {"text": "fig"})
    assert store.get(("a",), "k").created_at > first.created_at
    assert keys(store.search(("a",))) == ["other", "k"]
    clock.forward(1_000)
    assert keys(store.search(("a",), query="fig", limit=1)) == ["k"]


@pytest.mark.parametrize("read", ["get", "search", "nearest"])
def test_reading_lets_an_item_live_its_full_time_again(store, clock, read):
    store.put(("a",), "k", {"text": "pear"}, ttl=10)
    for _ in range(3):
        clock.forward(9)
        if read == "get":
            assert store.get(("a",), "k")
        else:
            assert store.search(("a",), query="pear" if read == "nearest" else None)
    clock.forward(9)
    assert store.get(("a",), "k", refresh_ttl=False)
    clock.forward(2)
    assert store.get(("a",), "k") is None


def test_the_configuration_says_what_is_not_said_with_a_put_or_a_read(open_store, clock):
    store = open_store(ttl={"default_ttl": 10, "refresh_on_read": False})
    store.put(("a",), "default", {})
    store.put(("a",), "never", {}, ttl=None)
    clock.forward(6)
    assert store.get(("a",), "default")
    clock.forward(6)
    assert keys(store.search(("a",))) == ["never"]


def test_an_update_sets_the_time_to_live_anew(store, clock):
    store.put(("a",), "k", {}, ttl=1)
    store.put(("a",), "k", {}, ttl=None)
    clock.forward(100)
    assert store.get(("a",), "k")


def test_a_read_that_moves_expiry_by_next_to_nothing_writes_nothing(store, open_store, clock):
    store.put(("a",), "k", {}, ttl=100)
    clock.forward(0.5)
    with store._database.writing():  # a read that wrote would wait for this and fail
        assert open_store().get(("a",), "k")


def test_a_sweep_deletes_rows_and_vectors_of_what_has_expired(store, clock):
    store.batch([PutOp(("a",), str(n), {"text": f"text {n}"}, ttl=1) for n in range(1_200)])
    store.put(("b",), "k", {"text": "stays"})
    assert store.sweep_ttl() == 0
    clock.forward(2)
    assert store.sweep_ttl() == 1_200
    with store._database.reading() as connection:
        (rows,) = connection.execute("SELECT count(*) FROM llmops_store_items").fetchone()
        (vectors,) = connection.execute("SELECT count(*) FROM llmops_store_vectors").fetchone()
    assert (rows, vectors) == (1, 1)
    assert keys(store.search((), query="text 1")) == ["k"]


def test_a_sweeper_sweeps_until_it_is_stopped(open_store):
    store = open_store(ttl={"default_ttl": 0.0001})
    store.put(("a",), "k", {})
    done = store.start_ttl_sweeper(0.0002)
    assert store.start_ttl_sweeper(0.0002) is done
    deadline = time.monotonic() + 10
    while _rows(store) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert _rows(store) == 0
    assert store.stop_ttl_sweeper(timeout=5)
    assert done.done()


def _rows(store):
    with store._database.reading() as connection:
        return connection.execute("SELECT count(*) FROM llmops_store_items").fetchone()[0]


def test_cancelling_the_future_stops_the_sweeper(open_store):
    store = open_store(ttl={"sweep_interval_minutes": 0.0002})
    before = set(threading.enumerate())
    done = store.start_ttl_sweeper()
    (sweeper,) = (one for one in set(threading.enumerate()) - before if one.name == "llmops-ttl-sweeper")
    assert done.cancel()
    assert store.stop_ttl_sweeper(timeout=5)
    assert not sweeper.is_alive()


def test_without_a_ttl_there_is_nothing_to_sweep(store):
    assert store.start_ttl_sweeper().done()
