"""Whether the bound still holds is noticed soon when it does not, seldom when it does, within a budget."""

import itertools
import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from llmops_plugins.bounds import always_valid_upper
from llmops_plugins.drift_monitor import DriftMonitor

BOUND = 0.1


class Clock:
    """Seconds that pass when told to."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


def monitor(**settings):
    return DriftMonitor(**{"bound": BOUND, "confidence": 0.9, "share": 1.0, "most_an_hour": 60, **settings})


def states(watched, rate, checks, seed):
    chance = random.Random(seed)
    return [watched.record(differs=chance.random() < rate) for _ in range(checks)]


def test_while_the_bound_holds_no_breach_is_announced_however_long_one_looks():
    broken = 0
    for seed in range(12):  # at the bound itself, the worst case in which it holds
        broken += any(state.breached for state in states(monitor(), BOUND, 1000, seed))
    assert broken <= 2


def test_well_under_the_bound_none_is():
    for seed in range(3):
        assert not any(state.breached for state in states(monitor(), BOUND / 2, 1000, seed))


@pytest.mark.parametrize(("rate", "soon"), [(0.2, 400), (0.4, 60), (1.0, 5)])
def test_above_the_bound_a_breach_is_soon_announced_and_the_sooner_the_further_above(rate, soon):
    for seed in range(10):
        assert any(state.breached for state in states(monitor(), rate, soon, seed))


def test_a_breach_starts_counting_anew_and_is_counted():
    watched = monitor()
    assert watched.breaches == 0
    seen = [watched.record(differs=True) for _ in range(12)]
    breaches = [state for state in seen if state.breached]
    assert [state.breaches for state in breaches] == list(range(1, len(breaches) + 1))
    assert watched.breaches == seen[-1].breaches == len(breaches) > 1
    counts = [state.checked for state in seen]
    first = counts.index(1, 1)
    assert counts[:first] == list(range(1, first + 1))
    assert seen[first - 1].breached
    assert not seen[first].breached
    # What is announced are the counts that showed it, not those that were started anew.
    assert (breaches[0].checked, breaches[0].differing) == (first, first)


def test_a_state_counts_and_limits_what_was_checked():
    watched = monitor()
    for differs in (False, False, True, False):
        state = watched.record(differs=differs)
    assert (state.checked, state.differing, state.breached, state.breaches) == (4, 1, False, 0)
    assert state.upper == always_valid_upper(1, 4, 0.9)


def test_the_share_is_the_share_of_answers_asked_again():
    draws = itertools.cycle([0.0, 0.019, 0.02, 0.5, 0.999])
    watched = monitor(share=0.02, chance=lambda: next(draws))
    assert [watched.is_due() for _ in range(5)] == [True, True, False, False, False]


@pytest.mark.parametrize(("share", "due"), [(0.0, False), (1.0, True)])
def test_none_is_none_and_all_is_all(share, due):
    watched = monitor(share=share, most_an_hour=1000)
    assert {watched.is_due() for _ in range(200)} == {due}


def test_no_more_than_so_many_are_asked_again_in_any_hour():
    clock = Clock()
    watched = monitor(most_an_hour=3, clock=clock)
    asked_at = []
    for _ in range(200):
        clock.now += 120.0
        if watched.is_due():
            asked_at.append(clock.now)
    assert all(sum(start <= one < start + 3600 for one in asked_at) <= 3 for start in asked_at)
    assert len(asked_at) >= 3 * 6  # and the budget of each hour is used


def test_an_hour_ends_after_an_hour():
    clock = Clock()
    watched = monitor(most_an_hour=1, clock=clock)
    assert watched.is_due()
    clock.now += 3599.0
    assert not watched.is_due()
    clock.now += 1.0
    assert watched.is_due()


def test_what_the_share_leaves_out_does_not_count_against_the_hour():
    draws = iter([0.9] * 50 + [0.0])
    watched = monitor(share=0.5, most_an_hour=1, chance=lambda: next(draws))
    assert not any(watched.is_due() for _ in range(50))
    assert watched.is_due()


def together(work, threads=8):
    """Call work in threads that start at once; return what each returned."""
    barrier = threading.Barrier(threads)

    def begin(number):
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(begin, range(threads)))


def test_threads_lose_no_check_and_spend_no_budget_twice():
    watched = monitor(bound=1.0, most_an_hour=100)
    found = together(lambda number: [watched.record(differs=number % 2 == 0) for _ in range(100)])
    assert sorted(state.checked for of_thread in found for state in of_thread) == list(range(1, 801))
    assert max(state.differing for of_thread in found for state in of_thread) == 400
    due = together(lambda _: sum(watched.is_due() for _ in range(100)))
    assert sum(due) == 100


@pytest.mark.parametrize("bound", [0.001, 0.01, BOUND])
def test_one_answer_that_differs_is_no_breach_and_a_second_may_be(bound):
    watched = monitor(bound=bound, confidence=0.5)
    first, second = (watched.record(differs=True) for _ in range(2))
    assert (first.differing, first.breached) == (1, False)
    assert (second.differing, second.breached, second.breaches) == (2, True, 1)


def test_nor_is_the_first_one_after_a_breach():
    watched = monitor(bound=0.001, confidence=0.5)
    assert [watched.record(differs=True).breached for _ in range(4)] == [False, True, False, True]
