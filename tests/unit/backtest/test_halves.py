import pytest

from llmops_plugins.backtest.calibrating import CalibrationSettings
from llmops_plugins.backtest.halves import measure_halves
from llmops_plugins.cascade.traffic import read_traffic
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.models.prices import PriceBook
from llmops_plugins.records.reading import read_records
from llmops_plugins.verification.answers import extract_answer


@pytest.fixture
def traffic_of(write_records):
    def read(rows):
        return read_traffic(read_records(write_records(rows)).rows, PriceBook(None), extract_answer)[0]

    return read


def test_a_cascade_that_is_worth_it_is_found_on_every_half(traffic_of, arithmetic):
    halves = measure_halves(traffic_of(arithmetic(400)), 5, CalibrationSettings())
    assert (halves.count, halves.questions) == (5, 200)
    assert halves.without_cascade == halves.refused == 0
    assert halves.max_risk_kept is None
    assert 0.03 < halves.cost_ratio < 0.3  # both cheap ones always, the dear one where they differ
    assert halves.cost_usd / halves.best_single_cost_usd == pytest.approx(halves.cost_ratio)
    low, high = halves.interval
    assert low <= halves.accuracy - halves.best_single_accuracy <= high
    assert halves.cost_ratio_interval[0] <= halves.cost_ratio <= halves.cost_ratio_interval[1]
    assert halves.risk < 0.05


def test_the_seed_decides_which_halves(traffic_of, arithmetic):
    traffic = traffic_of(arithmetic(300))
    one, same = (measure_halves(traffic, 3, CalibrationSettings(seed=5)) for _ in range(2))
    assert one == same
    assert one != measure_halves(traffic, 3, CalibrationSettings(seed=6))


def test_the_best_single_model_is_chosen_on_the_half_that_is_not_measured(traffic_of, answer):
    # Each of two models is right on its own rows: the better one on a half is the worse one on the other.
    rows = [
        {"one": answer("1", float(number % 2), 1.0), "two": answer("2", float(number % 2 == 0), 1.0)}
        for number in range(200)
    ]
    halves = measure_halves(traffic_of(rows), 10, CalibrationSettings())
    assert halves.best_single_accuracy < 0.5


def test_a_half_on_which_the_bound_cannot_be_shown_counts_as_the_best_single_model(traffic_of, arithmetic):
    settings = CalibrationSettings(max_risk=0.001)
    halves = measure_halves(traffic_of(arithmetic(200)), 4, settings)
    assert halves.refused == halves.without_cascade == 4
    assert halves.max_risk_kept == 0  # nothing was at risk there
    assert (halves.accuracy, halves.cost_ratio, halves.risk) == (halves.best_single_accuracy, 1.0, 0.0)
    assert halves.interval == (0.0, 0.0)


def test_the_bound_is_kept_on_the_rows_it_was_not_shown_on(traffic_of, arithmetic):
    settings = CalibrationSettings(max_risk=0.05)
    halves = measure_halves(traffic_of(arithmetic(600)), 10, settings)
    assert halves.refused < 5
    assert 0 < halves.max_risk_kept <= halves.count - halves.refused
    assert halves.max_risk_kept >= 9 - halves.refused
    assert halves.cost_ratio < 0.6


def test_halves_too_small_to_choose_on_are_refused(traffic_of, arithmetic):
    with pytest.raises(ConfigurationError, match=r"^halves: are too small to choose on: there are 30"):
        measure_halves(traffic_of(arithmetic(60)), 2, CalibrationSettings())
    with pytest.raises(ConfigurationError, match=r"^halves: must be 2 or more"):
        measure_halves(traffic_of(arithmetic(60)), 1, CalibrationSettings())


def test_progress_is_told_for_every_half(traffic_of, arithmetic):
    told = []
    traffic = traffic_of(arithmetic(100))
    measure_halves(traffic, 3, CalibrationSettings(), lambda done, of: told.append((done, of)))
    assert told == [(1, 3), (2, 3), (3, 3)]
