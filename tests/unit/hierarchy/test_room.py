"""Above so many demonstrations the least useful go, and who floods a store pushes out nobody else's."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.background import BACKGROUND
from llmops_plugins.flow import run
from llmops_plugins.hierarchy.demonstrations.adding import Solved, add
from llmops_plugins.hierarchy.demonstrations.demonstration import Provenance
from llmops_plugins.hierarchy.demonstrations.room import allowance, is_due, make_room
from tests.unit.hierarchy.solved import (
    QUESTION,
    SOLUTION,
    TESTED,
    Clock,
    details,
    new_store,
    recalled,
    share,
    solve,
)


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


def test_what_a_capability_adds_by_itself_is_bounded_too():
    store = new_store(max_entries=9)
    solved_at = datetime.fromtimestamp(1_800_000_000, UTC)
    by_whom = Provenance(assistant="a", model="m", model_version="", evidence=TESTED, solved_at=solved_at)
    for number in range(30):
        question = f"How high is tide number {number}?"
        solved = Solved(question=question, solution=SOLUTION, user="ann", provenance=by_whom)
        run(add(store.collection(None), solved))
    assert BACKGROUND.drain()
    assert len(store.list()) <= 9


def test_what_many_users_solve_is_bounded_too():
    store = new_store(max_entries=9, confirmations=50)
    for number in range(30):
        solve(store, f"user {number}")
    assert BACKGROUND.drain()
    assert len(store.store.search(store.collection(None).private, limit=100)) <= 9


def test_what_is_imported_is_bounded_too(tmp_path):
    full = new_store()
    fill(full, "ann", 30)
    full.export(tmp_path / "all.jsonl")
    store = new_store(max_entries=9)
    store.import_file(tmp_path / "all.jsonl", user="eve")
    assert BACKGROUND.drain()
    assert len(store.list()) <= 9


def test_a_store_that_forgets_nothing_by_itself_is_cleared_of_what_has_expired():
    clock = Clock()
    store = new_store(clock=clock, lifetime_days=10, confirmations=1)
    key = share(store, users=("ann", "ben"))
    store.record_outcome([key], helped=True, user="ann")
    keep_runs(store, "old")
    clock.pass_days(11)
    (fresh,) = fill(store, "zoe", 1)
    run(make_room(store.collection(None)))
    left = store.store.search(store.collection(None).root, limit=1_000)
    assert sorted(item.namespace[2] for item in left) == ["private", "roles"]
    assert {one.demonstration_id for one in store.list()} == {fresh}


def test_a_revocation_never_expires():
    clock = Clock()
    store = new_store(clock=clock, lifetime_days=10)
    store.revoke(solve(store))
    clock.pass_days(1_000)
    run(make_room(store.collection(None)))
    assert store.add(QUESTION, SOLUTION, **details()).outcome == "revoked"


def test_runs_that_wait_for_feedback_are_bounded_and_the_oldest_go():
    clock = Clock()
    store = new_store(clock=clock, max_entries=3)
    for name in "abcde":
        clock.now += 1
        keep_runs(store, name)
    run(make_room(store.collection(None)))
    left = store.store.search(store.collection(None).runs, limit=10)
    assert {item.key for item in left} == {"c", "d", "e"}


def keep_runs(store, *names):
    collection = store.collection(None)
    store.store.batch([collection.note(collection.runs, name, {}) for name in names])


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
