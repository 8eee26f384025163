import math
import random
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.backtest.intervals import resampled_interval, student_quantile

TABLE = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 10: 2.228, 19: 2.093, 30: 2.042, 120: 1.980}


@pytest.mark.parametrize(("degrees", "quantile"), TABLE.items())
def test_students_t_as_in_every_table(degrees, quantile):
    assert student_quantile(0.975, degrees) == pytest.approx(quantile, abs=5e-4)


@given(st.integers(500, 3000), st.floats(0.55, 0.995))
def test_with_many_degrees_students_t_is_the_normal_distribution(degrees, probability):
    expected = NormalDist().inv_cdf(probability)
    assert student_quantile(probability, degrees) == pytest.approx(expected, abs=0.02)


def test_the_variance_counts_the_rows_measured_over_those_chosen_on():
    values, variance = [0.0, 1.0, 2.0], 1.0
    low, high = resampled_interval(values, measured=50, chosen_on=100, confidence=0.95)
    reach = student_quantile(0.975, 2) * math.sqrt((1 / 3 + 50 / 100) * variance)
    assert (low, high) == (pytest.approx(1 - reach), pytest.approx(1 + reach))


def test_halving_the_same_rows_ever_more_often_does_not_make_the_interval_vanish():
    chance = random.Random(0)
    values = [chance.gauss(0, 1) for _ in range(2000)]
    low, high = resampled_interval(values, measured=100, chosen_on=100, confidence=0.95)
    assert high - low > 3.5


def test_the_interval_of_halves_covers_the_true_mean_as_often_as_it_says():
    chance, held, trials = random.Random(1), 0, 300
    for _ in range(trials):
        rows = [chance.gauss(0.3, 1) for _ in range(100)]
        values = [sum(chance.sample(rows, 50)) / 50 for _ in range(20)]
        low, high = resampled_interval(values, measured=50, chosen_on=50, confidence=0.95)
        held += low <= 0.3 <= high
    assert 0.90 <= held / trials <= 0.99
