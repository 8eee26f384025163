"""Whether demonstrations helped: counted, used, and out of any one user's hands."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.hierarchy.demonstrations.outcomes import VOTES_PER_USER, tally
from llmops_plugins.hierarchy.demonstrations.places import MOST_USERS
from llmops_plugins.hierarchy.demonstrations.usefulness import usefulness
from tests.unit.hierarchy.solved import LIKE_IT, QUESTION, Clock, memory, new_store, recalled, share, solve

VOTES = st.lists(st.booleans(), max_size=12)


def counts(store, key):
    one = store.get(key)
    return one.helped, one.tried


def test_outcomes_are_counted_with_the_demonstration():
    store = new_store()
    key = share(store)
    for user, helped in (("dora", True), ("eve", False), ("ann", True)):
        assert store.record_outcome([key], helped=helped, user=user) == 1
    assert counts(store, key) == (2, 3)
    assert store.recall(LIKE_IT, user="zoe")[0].tried == 3


def test_a_users_own_is_rated_by_that_user_alone():
    store = new_store()
    key = solve(store, "ann")
    assert store.record_outcome([key], helped=False, user="ben") == 0
    assert store.record_outcome([key], helped=True, user="ann") == 1
    assert counts(store, key) == (1, 1)


def test_what_nobody_has_is_left_alone():
    inner = memory()
    assert new_store(inner).record_outcome(["0" * 64], helped=True, user="ann") == 0
    assert not any(inner._data.values())


def test_of_one_user_the_latest_few_votes_count():
    store = new_store()
    key = share(store)
    store.record_outcome([key], helped=True, user="dora")
    for _ in range(3 * VOTES_PER_USER):
        store.record_outcome([key], helped=False, user="mallory")
    assert counts(store, key) == (1, 1 + VOTES_PER_USER)


def test_of_very_many_users_the_latest_count():
    clock = Clock()
    store = new_store(clock=clock)
    key = share(store)
    for number in range(MOST_USERS + 3):
        clock.now += 1
        store.record_outcome([key], helped=number >= 3, user=f"user{number}")
    assert counts(store, key) == (MOST_USERS, MOST_USERS)


def test_old_votes_count_for_nothing_in_a_store_that_forgets_nothing():
    clock = Clock()
    store = new_store(clock=clock, lifetime_days=1)
    key = share(store)
    for user in ("dora", "eve"):
        store.record_outcome([key], helped=False, user=user)
    clock.now += 80_000
    share(store)
    clock.now += 80_000
    store.record_outcome([key], helped=True, user="eve")
    assert counts(store, key) == (1, 1)


def test_what_stops_helping_sinks_below_what_helps():
    store = new_store()
    stale = share(store, solution="print(old_tide())")
    better = share(store, "How high is the tide in Dover tonight?", "print(new_tide())")
    assert recalled(store, "zoe", QUESTION)[0] == stale
    for user in ("dora", "eve", "finn"):
        for _ in range(VOTES_PER_USER):
            store.record_outcome([stale], helped=False, user=user)
    assert recalled(store, "zoe", QUESTION)[0] == better


def test_a_fresh_demonstration_is_tried_before_one_that_rarely_helps():
    assert usefulness(2, 10) < usefulness(0, 0) < usefulness(20, 20)


@given(helped=st.integers(0, 300), failed=st.integers(0, 300))
def test_usefulness_is_a_share_that_each_success_raises_and_each_failure_lowers(helped, failed):
    now = usefulness(helped, helped + failed)
    assert 0 < now < 1
    assert usefulness(helped + 1, helped + failed + 1) > now > usefulness(helped, helped + failed + 1)


@given(others=st.lists(VOTES, max_size=8), before=VOTES, after=VOTES)
def test_one_user_moves_the_count_by_a_few_votes_whatever_it_votes(others, before, after):
    helped, tried = tally([*others, before])
    helped_then, tried_then = tally([*others, after])
    assert abs(helped - helped_then) <= VOTES_PER_USER
    assert abs(tried - tried_then) <= VOTES_PER_USER


@given(moves=st.lists(st.tuples(st.sampled_from(["mallory", "dora", "eve"]), st.booleans()), max_size=15))
def test_all_an_attacker_does_changes_little_for_others(moves):
    with_attacker, without = new_store(), new_store()
    keys = [share(store) for store in (with_attacker, without)]
    for store, key in zip((with_attacker, without), keys, strict=True):
        for user, helped in moves:
            if store is with_attacker or user != "mallory":
                store.record_outcome([key], helped=helped, user=user)
    pairs = itertools.starmap(counts, zip((with_attacker, without), keys, strict=True))
    (helped, tried), (helped_without, tried_without) = pairs
    assert 0 <= helped - helped_without <= VOTES_PER_USER
    assert 0 <= tried - tried_without <= VOTES_PER_USER
