"""A cache never grows for ever: above its bound the oldest answers go."""

import pytest

from llmops_plugins.background import BACKGROUND
from llmops_plugins.caching.room import Room, entries_of
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.flow import run
from tests.unit.caching.fakes import Cached, Clock, set_clock


@pytest.mark.parametrize("most", [0, -1, 1.5, True, "9"])
def test_the_bound_is_a_whole_number(most):
    with pytest.raises(ConfigurationError, match="max_entries: must be a whole number"):
        Room(most)


def test_the_oldest_go():
    cached, clock = Cached("yes", max_entries=10), Clock()  # so few are counted at every put
    set_clock(cached.middleware, clock)
    for number in range(60):
        clock.now += 1
        cached(f"Question {number}?")
        assert BACKGROUND.drain()
    kept = run(entries_of(cached.middleware.cache.store))
    assert 9 <= len(kept) <= 10
    assert min(item.value["created_at"] for item in kept) > 1_000_000 + 60 - 11
    calls = cached.calls
    cached("Question 59?")
    assert cached.calls == calls
    cached("Question 0?")
    assert cached.calls == calls + 1


def test_labels_and_state_are_no_entries():
    cached = Cached("yes")
    cached()
    store = cached.middleware.cache.store
    store.put(("llmops_cache", "labels"), "1", {"a": "x", "b": "y", "same": 1})
    store.put(("llmops_cache", "state"), "breach", {"at": 1.0})
    assert [item.value["question"] for item in run(entries_of(store))] == ["What is the capital of Germany?"]


def test_it_is_counted_now_and_then_only():
    chances = iter([0.5, 0.09, 0.1, 0.0])
    room = Room(100, chance=lambda: next(chances))  # once in ten puts
    assert [room.note_put() for _ in range(4)] == [False, True, False, True]
    assert Room(1).note_put()
