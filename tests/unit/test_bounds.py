"""Bounds hold as often as they say, and are not needlessly wide."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.bounds import always_valid_lower, always_valid_upper, binomial_upper, mean_upper


@pytest.mark.parametrize(
    ("count", "trials", "confidence", "limit"),
    [(0, 100, 0.95, 0.0295), (2, 232, 0.9, 0.0228), (5, 50, 0.9, 0.1776), (7, 7, 0.9, 1.0), (0, 0, 0.9, 1.0)],
)
def test_the_binomial_limit_is_clopper_and_pearsons(count, trials, confidence, limit):
    assert binomial_upper(count, trials, confidence) == pytest.approx(limit, abs=2e-4)


@given(st.integers(0, 60), st.integers(1, 60), st.sampled_from([0.8, 0.9, 0.99]))
def test_at_the_limit_so_few_are_just_as_rare_as_the_confidence_allows(count, trials, confidence):
    if count < trials:
        rate = binomial_upper(count, trials, confidence)
        tail = sum(math.comb(trials, n) * rate**n * (1 - rate) ** (trials - n) for n in range(count + 1))
        assert tail == pytest.approx(1 - confidence, abs=1e-6)


def test_the_bound_of_a_mean_is_exact_for_counts_and_valid_for_parts():
    assert mean_upper([0.0, 1.0, 0.0, 0.0], 0.9) == binomial_upper(1, 4, 0.9)
    chance = random.Random(1)
    held = 0
    for _ in range(300):
        losses = [chance.choice([0, 0, 0, 0.5, 0.25]) for _ in range(80)]
        held += mean_upper(losses, 0.9) >= 0.15
    assert held >= 270


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_a_limit_lies_above_the_mean_and_falls_with_more_of_the_same(losses):
    limit = mean_upper(losses, 0.9)
    assert limit >= sum(losses) / len(losses) - 1e-9
    assert mean_upper(losses * 4, 0.9) <= limit + 1e-9


def test_limits_that_are_looked_at_all_the_time_hold_all_the_time():
    chance = random.Random(2)
    rate, broken = 0.1, 0
    for _ in range(60):
        count, missed = 0, False
        for trials in range(1, 201):
            count += chance.random() < rate
            low, high = always_valid_lower(count, trials, 0.9), always_valid_upper(count, trials, 0.9)
            missed = missed or not low <= rate <= high
        broken += missed
    assert broken <= 6


def test_limits_that_are_looked_at_all_the_time_still_close_in():
    assert always_valid_upper(0, 0, 0.9) == 1.0
    assert always_valid_lower(0, 0, 0.9) == 0.0
    assert 0.02 < always_valid_upper(20, 1000, 0.9) < 0.045
    assert 0.1 < always_valid_lower(40, 200, 0.9) < 0.2
