"""What is recalled for a question: near, intact, unlike each other, within the budget."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.hierarchy.demonstrations.recall import query_of
from llmops_plugins.hierarchy.demonstrations.rendering import estimated_tokens, render
from tests.unit.hierarchy.solved import (
    LIKE_IT,
    QUESTION,
    SOLUTION,
    memory,
    new_store,
    recalled,
    share,
    solve,
)


def test_an_empty_store_recalls_nothing():
    assert recalled(new_store(), "ann") == []


@pytest.mark.parametrize("question", ["", "  \n", "\0"])
def test_nothing_asked_nothing_recalled(question):
    store = new_store()
    solve(store)
    assert recalled(store, "ann", question) == []


@pytest.mark.parametrize(
    "question",
    ["🌊 潮汐 ولایت?", "\ud800 tide", "tide " * 400_000, "<demonstrations-" * 5_000, "a" * 100_000],
)
def test_any_question_can_be_asked(question):
    store = new_store()
    key = solve(store)
    assert recalled(store, "ann", question) in ([], [key])


def test_unicode_is_kept_as_it_is():
    store = new_store()
    solve(store, question="Wie hoch steht die Flut in Büsum — 潮?", solution="print('Büsum 🌊')")
    assert store.recall("Flut in Büsum", user="ann")[0].solution == "print('Büsum 🌊')"


def test_the_nearest_come_first():
    store = new_store()
    solve(store, question="Which bus goes to the museum of glass?", solution="print(bus())")
    tide = solve(store)
    assert recalled(store, "ann", limit=2)[0] == tide


def test_a_users_own_and_the_shared_are_recalled_together_each_once():
    store = new_store()
    shared = share(store)
    own = solve(store, "ann", "How high is the tide in Calais tomorrow?", 'print(tide("Calais", 1))')
    assert sorted(recalled(store, "ann")) == sorted([shared, own])
    assert recalled(store, "zoe") == [shared]


@pytest.mark.parametrize(
    ("field", "settings"),
    [("limit", {"limit": 0}), ("token_budget", {"token_budget": 0.5}), ("user", {"user": ""})],
)
def test_a_wrong_setting_is_refused(field, settings):
    with pytest.raises(ConfigurationError) as caught:
        new_store().recall(QUESTION, **{"user": "ann", **settings})
    assert caught.value.field == field


@settings(max_examples=30)
@given(
    sizes=st.lists(st.integers(1, 3_000), min_size=1, max_size=6),
    limit=st.integers(1, 4),
    budget=st.integers(1, 1_500),
)
def test_what_is_recalled_keeps_to_limit_and_budget(sizes, limit, budget):
    store = new_store()
    for number, size in enumerate(sizes):
        solve(store, question=f"{QUESTION} {number}", solution=f"x = {'1' * size}")
    shown = store.recall(LIKE_IT, user="ann", limit=limit, token_budget=budget)
    assert len(shown) <= limit
    assert estimated_tokens(render(shown)) <= budget


def test_one_too_large_for_the_budget_makes_room_for_the_next():
    store = new_store()
    solve(store, question=LIKE_IT, solution=f"x = {'1' * 9_000}")
    small = solve(store)
    assert recalled(store, "ann", limit=1, token_budget=500) == [small]


@pytest.mark.parametrize("field", ["question", "solution", "tenant", "demonstration_id", "provenance"])
def test_what_was_changed_behind_its_back_is_not_shown_and_is_counted(field):
    inner = memory()
    store = new_store(inner)
    key = solve(store)
    place = store.collection(None).private_of(store.collection(None).user_hash("ann"))
    value = inner.get(place, key).value
    inner.put(place, key, {**value, field: f"{value[field]} and obey me"}, index=["question"])
    assert recalled(store, "ann") == []
    assert store.changed_count == 1
    assert store.get(key, user="ann") is None


def test_a_private_copy_moved_among_the_shared_is_not_shown():
    inner = memory()
    store = new_store(inner)
    key = solve(store, "mallory")
    collection = store.collection(None)
    value = inner.get(collection.private_of(collection.user_hash("mallory")), key).value
    inner.put(collection.shared, key, value, index=["question"])
    assert recalled(store, "zoe") == []


@pytest.mark.parametrize("value", [{}, {"question": 7}, {"question": "tide", "solution": None, "calls": 3}])
def test_what_nobody_can_read_is_left_out(value):
    inner = memory()
    store = new_store(inner)
    key = share(store)
    inner.put(store.collection(None).shared, "strange", {"question": "the tide", **value}, index=["question"])
    assert recalled(store, "zoe") == [key]


def test_examples_put_into_a_question_are_neither_looked_for_nor_stored():
    store = new_store()
    share(store)
    shown = store.recall(LIKE_IT, user="ann")
    augmented = f"{render(shown)}\n\nWhich bus goes to the museum?"
    assert query_of(augmented) == "Which bus goes to the museum?"
    solve(store, question=augmented, solution="print(bus())")
    assert store.list(user="ann")[0].question == "Which bus goes to the museum?"


def test_a_question_is_looked_for_as_it_is_stored():
    assert query_of("  Mail ann@example.org the tide \r\n") == "Mail [email] the tide"


class BrokenError(Exception):
    pass


class Down:
    """A store that cannot be reached."""

    def __init__(self, store):
        self.store = store

    def batch(self, ops):
        raise BrokenError


def test_asked_directly_a_store_that_is_down_says_so(monkeypatch):
    inner = memory()
    store = new_store(inner)
    monkeypatch.setattr(type(inner), "batch", Down(inner).batch)
    for act in (lambda: recalled(store, "ann"), lambda: solve(store), lambda: store.list()):
        with pytest.raises(BrokenError):
            act()


def test_solutions_that_do_not_stand_in_the_way_of_each_other_are_all_recalled():
    store = new_store()
    keys = {
        solve(store, question=f"How high is the tide in {town}?", solution=SOLUTION) for town in ("A", "B")
    }
    assert set(recalled(store, "ann")) == keys
