"""What calibration promises: it saves where it can, bounds what it risks, and says when it cannot.

All models are simulated (see ``conftest.py``), so how often each is right, and together with whom, is known.
"""

import dataclasses
import math

import numpy as np
import pytest

from llmops_plugins.cascade import calibration as module
from llmops_plugins.cascade.calibration import calibrate, calibrate_traffic
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.models.prices import PriceBook

PRICES = PriceBook()
LARGE = 2


def calibrated(traffic, **settings):
    asked = {"max_cost": None, "max_risk": None, "confidence": 0.9, "seed": 0, **settings}
    return calibrate_traffic(traffic, np.arange(len(traffic)), data_fingerprint="made up", **asked)


@pytest.fixture(scope="module")
def fresh(simulation):
    return simulation.traffic(rows=5000, seed=10_000)


def test_weak_cheap_models_leave_the_best_model_alone(simulation):
    policy = calibrated(simulation.traffic(simulation.noise, rows=400))
    assert not policy.is_cascade
    assert (policy.stages, policy.last, policy.models) == ((), "large", ("large",))
    assert policy.bound.risk == policy.bound.risk_upper == policy.bound.accepted == 0.0
    assert policy.measured_on.expected_cost_ratio == 1.0
    assert policy.measured_on.expected_accuracy == policy.measured_on.reference_accuracy


@pytest.mark.parametrize("seed", range(5))
def test_good_ones_that_agree_make_a_cascade_that_saves_on_fresh_questions(simulation, fresh, seed):
    policy = calibrated(simulation.traffic(rows=400, seed=seed))
    assert policy.is_cascade
    outcome = simulation.apply(policy, fresh)
    assert outcome.costs.mean() < 0.5 * fresh.costs[:, LARGE].mean()
    assert outcome.scores.mean() >= fresh.scores[:, LARGE].mean() - 0.003


def test_what_a_policy_expects_is_what_fresh_questions_cost_and_come_to(simulation, fresh):
    policy = calibrated(simulation.traffic(rows=3000, seed=7))
    outcome = simulation.apply(policy, fresh)
    expected = policy.measured_on
    assert expected.expected_cost_ratio == pytest.approx(
        outcome.costs.mean() / fresh.costs[:, LARGE].mean(), abs=0.03
    )
    assert expected.expected_accuracy == pytest.approx(outcome.scores.mean(), abs=0.015)
    assert expected.reference_accuracy == pytest.approx(0.93, abs=0.015)
    assert expected.rows == 3000
    assert policy.bound.accepted == pytest.approx(outcome.accepted.mean(), abs=0.04)


def test_a_model_more_is_not_asked_for_what_may_be_chance(simulation):
    cheap = {name: simulation.model(0.99, 0.34) for name in "abc"}
    for seed in range(3):  # a third opinion would save little more than another percent
        traffic = simulation.traffic({**cheap, "large": simulation.model(0.999, 1.0)}, rows=1500, seed=seed)
        assert len(calibrated(traffic).models) == 3


@pytest.mark.parametrize("max_cost", [0.15, 0.3, 0.5, 0.8, 1])
def test_no_more_is_spent_than_asked_for(simulation, fresh, max_cost):
    policy = calibrated(simulation.traffic(rows=600, seed=3), max_cost=max_cost)
    assert policy.measured_on.expected_cost_ratio <= max_cost
    spent = simulation.apply(policy, fresh).costs.mean() / fresh.costs[:, LARGE].mean()
    assert spent <= max_cost + 0.05


def test_more_money_buys_no_worse_a_cascade(simulation):
    traffic = simulation.traffic(rows=600, seed=3)
    bought = [calibrated(traffic, max_cost=one).measured_on.expected_accuracy for one in (0.15, 0.3, 0.8)]
    assert bought == sorted(bought)
    assert bought[-1] > bought[0]


def test_where_the_best_model_is_affordable_and_better_it_is_used_alone(simulation):
    assert not calibrated(simulation.traffic(simulation.noise, rows=400), max_cost=1).is_cascade


def test_less_money_than_any_cascade_costs_is_refused_with_the_least_that_would_do(simulation):
    with pytest.raises(ConfigurationError, match=r"^max_cost: 0\.001 is below .* 0\.0\d") as refused:
        calibrated(simulation.traffic(rows=200), max_cost=0.001)
    assert refused.value.field == "max_cost"


# --- the split -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("max_risk", "held_out"), [(None, 100), (0.1, 260)])
def test_no_row_serves_for_fitting_and_for_the_bound(simulation, monkeypatch, max_risk, held_out):
    measured, fitted = [], []

    def watched(traffic, rows, *arguments):
        measured.append(rows)
        return apply_rules(traffic, rows, *arguments)

    class Watched(module.Stopping):
        def fit(self, *arguments):
            fitted.append(self.rows)
            return super().fit(*arguments)

    apply_rules = module.apply_rules
    monkeypatch.setattr(module, "apply_rules", watched)
    monkeypatch.setattr(module, "Stopping", Watched)
    policy = calibrated(simulation.traffic(rows=400), max_risk=max_risk)
    assert policy.bound.rows == held_out
    for_fit = {int(row) for rows in fitted for row in rows}
    for rows in measured:  # on the fit part savings are looked at, on the other the risk
        assert set(rows.tolist()) in (for_fit, set(range(400)) - for_fit)
    assert not for_fit & set(measured[-1].tolist())
    assert len(for_fit) + held_out == 400


def test_the_calibration_rows_change_the_figures_and_not_the_policy(simulation):
    traffic = simulation.traffic(rows=400)
    before = calibrated(traffic)
    held_out = np.random.default_rng(0).permutation(400)[300:]
    traffic.scores[held_out, :2] = 0.0
    after = calibrated(traffic)
    assert after.stages == before.stages
    assert after.measured_on.expected_accuracy < before.measured_on.expected_accuracy - 0.3
    assert after.bound.risk > before.bound.risk + 0.3


def test_the_same_seed_gives_the_same_policy_and_another_splits_otherwise(simulation):
    records = simulation.records(rows=200)
    one, same, other = (calibrate(records, prices=PRICES, seed=seed) for seed in (1, 1, 2))
    assert one == same
    assert one != other
    assert one.measured_on.fingerprint == other.measured_on.fingerprint


# --- what it takes -------------------------------------------------------------------------------


def test_records_and_the_arrays_read_from_them_give_the_same_policy(simulation):
    policy = calibrate(simulation.records(rows=200), prices=PRICES)
    assert policy.is_cascade
    assert policy.models == ("a", "b", "large")
    assert len(policy.measured_on.fingerprint) == 64


def test_scores_between_0_and_1_are_as_good(simulation):
    policy = calibrate(simulation.records(rows=600, right=0.75), prices=PRICES, max_risk=0.08)
    assert policy.is_cascade
    assert policy.bound.risk <= policy.bound.risk_upper <= 0.08
    assert policy.measured_on.reference_accuracy == pytest.approx(0.93 * 0.75, abs=0.05)


def test_the_users_own_extractor_decides_who_agrees(simulation):
    policy = calibrate(simulation.records(rows=200), prices=PRICES, extract=lambda text: None)
    assert not policy.is_cascade  # nobody agrees with anybody


def test_models_that_lack_something_are_left_out(simulation):
    records = simulation.records(rows=100)
    policy = calibrate(without(records, "a", cost_usd=None), prices=PRICES)
    assert "a" not in policy.models


def without(records, *models, **replaced):
    """The same records, where some models' answers lack something, the answer itself if nothing is named."""
    return [
        dataclasses.replace(
            record,
            responses={
                name: dataclasses.replace(one, **replaced) if name in models else one
                for name, one in record.responses.items()
                if replaced or name not in models or record.line != 2
            },
        )
        for record in records
    ]


@pytest.mark.parametrize(
    ("replaced", "reason"),
    [
        ({"text": None}, "has answers without their text"),
        ({"cost_usd": None}, "has no known price"),
        ({}, "has not answered every row"),
    ],
)
def test_where_too_few_models_are_left_each_is_named_with_the_reason(simulation, replaced, reason):
    with pytest.raises(ConfigurationError, match=r"^records: need two models") as refused:
        calibrate(without(simulation.records(rows=60), "a", "b", **replaced), prices=PRICES)
    assert f"a {reason}" in str(refused.value)
    assert f"b {reason}" in str(refused.value)
    assert "large" not in str(refused.value)


@pytest.mark.parametrize("rows", [1, 39])
def test_too_few_records_are_refused(simulation, rows):
    with pytest.raises(ConfigurationError, match=rf"^records: there are {rows}, .* needs 40"):
        calibrate(simulation.records(rows=rows), prices=PRICES)


def test_forty_records_are_enough(simulation):
    assert calibrate(simulation.records(rows=40), prices=PRICES).measured_on.rows == 40


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_cost", 0),
        ("max_cost", -0.1),
        ("max_cost", 1.5),
        ("max_cost", math.nan),
        ("max_risk", 0),
        ("max_risk", 1),
        ("max_risk", -1),
        ("confidence", 0),
        ("confidence", 1),
        ("confidence", 90),
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(simulation, field, value):
    with pytest.raises(ConfigurationError, match="between 0 and 1") as refused:
        calibrate(simulation.records(rows=40), prices=PRICES, **{field: value})
    assert refused.value.field == field
    assert "\n" not in str(refused.value)


def test_two_aims_at_once_are_refused(simulation):
    with pytest.raises(ConfigurationError, match="max_cost: and max_risk exclude each other"):
        calibrate(simulation.records(rows=40), prices=PRICES, max_cost=0.5, max_risk=0.1)
