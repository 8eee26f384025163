"""Questions about what soon changes are answered from the cache for minutes, others for days."""

import pytest
from langgraph.store.memory import InMemoryStore

from llmops_plugins.caching.freshness import Freshness, minutes_left, tags_of, volatility
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.storage.local_store import LocalStore
from tests.unit.caching.fakes import Cached, Clock, request, set_clock


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is the capital of Germany?", "stable"),
        ("What is the weather in Berlin?", "volatile"),
        ("Who is currently president?", "volatile"),
        ("What is the LATEST version?", "volatile"),
        ("How do I know whether snow is heavy?", "stable"),
    ],
)
def test_a_class_is_told_by_the_words(question, expected):
    assert volatility(request(question)) == expected


@pytest.mark.parametrize("minutes", [-1, float("nan"), "10"])
def test_minutes_must_be_minutes(minutes):
    with pytest.raises(ConfigurationError, match=r"freshness.minutes\['stable'\]"):
        Freshness(minutes={"stable": minutes})


def test_a_class_of_ones_own_has_its_own_minutes():
    freshness = Freshness(minutes={"law": None, "chat": 0}, classify=lambda request: request.state["class"])
    assert freshness.minutes_of(request(state={"class": "law"})) is None
    assert freshness.minutes_of(request(state={"class": "chat"})) == 0
    with pytest.raises(KeyError):
        freshness.minutes_of(request(state={"class": "news"}))


def test_tags_are_sorted_and_said_once():
    assert tags_of(["b", "a", "b"], request()) == ("a", "b")
    assert tags_of(lambda request: [request.messages[0].text], request("x")) == ("x",)


def test_a_store_forgets_by_itself_where_it_can():
    with LocalStore.from_conn_string(":memory:") as local:
        assert minutes_left(local, 660.0, now=60.0) == 10
        assert minutes_left(local, None, now=60.0) is None
    assert minutes_left(InMemoryStore(), 660.0, now=60.0) is None


@pytest.mark.parametrize("store", [":memory:", InMemoryStore()], ids=["with TTL", "without"])
def test_an_answer_is_served_until_its_time_is_up(store):
    clock = Clock()
    cached = Cached("first", "second", store=store, freshness=Freshness(minutes={"stable": 10.0}))
    set_clock(cached.middleware, clock)
    assert cached() == "first"
    clock.now += 599
    assert cached() == "first"
    clock.now += 1
    assert cached() == "second"
    clock.now += 599
    assert cached() == "second"


@pytest.mark.parametrize("minutes", [{"stable": 0}, {}], ids=["none", "class unknown"])
def test_what_has_no_minutes_is_not_kept(minutes):
    cached = Cached("first", "second", freshness=Freshness(minutes=minutes))
    assert [cached(), cached()] == ["first", "second"]
