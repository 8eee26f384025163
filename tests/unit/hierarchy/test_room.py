"""Above so many demonstrations the least useful go, and who floods a store pushes out nobody else's."""

from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.background import BACKGROUND
from llmops_plugins.flow import run
from llmops_plugins.hierarchy.room import allowance, is_due, make_room
from tests.unit.hierarchy.solved import new_store, recalled, share, solve


def fill(store, user, count):
    return [solve(store, user, f"How high is tide number {number} of {user}?") for number in range(count)]


def make_room_for(store, most):
    """Make room as a store does that keeps no more than so many; return what is left."""
    run(make_room(new_store(store.store, max_entries=most).collection(None)))
    return {one.demonstration_id for one in store.list()}


def test_within_the_bound_nothing_goes():
    store = new_store()
    own = fill(store, "ann", 5)
    assert make_room_for(store, 5) == set(own)


def test_who_floods_it_pushes_out_nobody_elses():
    store = new_store()
    kept = {share(store), *fill(store, "zoe", 3)}
    fill(store, "mallory", 30)
    left = make_room_for(store, 20)
    assert kept <= left
    assert len(left) <= 18


def test_the_least_useful_of_a_user_go_first():
    store = new_store()
    first, *others = fill(store, "ann", 10)
    store.record_outcome([first], helped=True, user="ann")
    store.record_outcome(others[-2:], helped=False, user="ann")
    assert make_room_for(store, 9) == {first, *others[:-2]}


def test_who_has_lost_a_copy_no_longer_stands_for_it():
    store = new_store(confirmations=1)
    key = solve(store, "ann")
    store.record_outcome([key], helped=False, user="ann")
    fill(store, "ann", 2)
    assert key not in make_room_for(store, 2)
    solve(store, "ben")
    assert recalled(store, "zoe") == []


def test_it_is_made_in_the_background_when_much_was_added():
    store = new_store(max_entries=9)
    fill(store, "ann", 30)
    assert BACKGROUND.drain()
    assert len(store.list()) <= 9


@given(sizes=st.lists(st.integers(1, 50), max_size=10), room=st.integers(0, 200))
def test_what_each_may_keep_fits_and_leaves_no_room_unused(sizes, room):
    each = allowance(sizes, room)
    assert sum(min(size, each) for size in sizes) <= room
    if any(size > each for size in sizes):
        assert sum(min(size, each + 1) for size in sizes) > room


def test_it_is_counted_after_one_addition_in_a_tenth_of_the_bound():
    assert is_due(1_000, 0.0099)
    assert not is_due(1_000, 0.0101)
    assert is_due(5, 0.99)
