"""A bound on the risk holds as often as it says, and is kept by answering; all models are simulated."""

import math

import numpy as np
import pytest

from llmops_plugins.bounds import mean_upper
from llmops_plugins.cascade.calibration import calibrate_traffic
from llmops_plugins.errors import BoundNotMetError

LARGE = 2


def calibrated(traffic, **settings):
    asked = {"max_cost": None, "max_risk": None, "confidence": 0.9, "seed": 0, **settings}
    return calibrate_traffic(traffic, np.arange(len(traffic)), data_fingerprint="made up", **asked)


def risk_of(policy, traffic, apply):
    """The risk that a policy really has: on a fresh sample, large enough to stand for the truth."""
    return (traffic.scores[:, LARGE] - apply(policy, traffic).scores).clip(0).mean()


@pytest.fixture(scope="module")
def fresh(simulation):
    return simulation.traffic(rows=5000, seed=10_000)


# Two models that err alike: staying wherever they agree has a risk of some 0.3 * 0.25 * 0.93.
MISLEADING = {"a": (0.75, 0.04), "b": (0.7, 0.03), "large": (0.93, 1.0)}
DATASETS = 60


@pytest.fixture(scope="module")
def misleading(simulation):
    models = {name: simulation.model(*facts) for name, facts in MISLEADING.items()}

    def traffic(rows, seed, right=1.0):
        return simulation.traffic(models, rows=rows, seed=seed, shared_error=1.0, wordy=False, right=right)

    return traffic


@pytest.fixture(scope="module")
def truth(misleading):
    return misleading(5000, 10_000)


@pytest.mark.parametrize("right", [1.0, 0.8])
def test_the_risk_is_above_the_bound_no_more_often_than_the_confidence_allows(
    simulation, misleading, truth, right
):
    agree = np.array([a.answer == b.answer for a, b, _ in truth.facts])
    risk_of_agreeing = (agree * (truth.scores[:, LARGE] - truth.scores[:, 0]).clip(0)).mean() * right
    max_risk, broken, refused = 0.98 * risk_of_agreeing, 0, 0
    for seed in range(DATASETS):
        try:
            policy = calibrated(misleading(240, seed, right), max_risk=max_risk, seed=seed)
        except BoundNotMetError:
            refused += 1
        else:
            broken += risk_of(policy, truth, simulation.apply) * right > max_risk
    assert broken <= 0.1 * DATASETS + 1.64 * math.sqrt(DATASETS * 0.1 * 0.9)
    assert refused > DATASETS / 2


def test_a_bound_that_can_be_kept_is_kept_by_answering_not_by_escalating(simulation, misleading, truth):
    accepted = []
    for seed in range(20):
        policy = calibrated(misleading(600, seed), max_risk=0.12, seed=seed)
        assert risk_of(policy, truth, simulation.apply) <= 0.12
        accepted.append(simulation.apply(policy, truth).accepted.mean())
    assert np.median(accepted) > 0.5


def test_where_nothing_saves_the_best_model_alone_keeps_any_bound(simulation):
    dear = {"a": simulation.model(0.3, 0.9), "large": simulation.model(0.93, 1.0)}
    assert not calibrated(simulation.traffic(dear), max_risk=0.01).is_cascade
    policy = calibrated(simulation.traffic(simulation.noise, rows=400), max_risk=0.01)
    assert not policy.is_cascade
    assert (policy.bound.max_risk, policy.bound.risk_upper) == (0.01, 0.0)


@pytest.mark.parametrize("seed", range(8))
def test_a_policy_that_saves_nothing_is_no_way_to_keep_a_bound(simulation, misleading, truth, seed):
    try:
        policy = calibrated(misleading(240, seed), max_risk=0.08, seed=seed)
    except BoundNotMetError:
        return
    outcome = simulation.apply(policy, truth)
    assert outcome.accepted.any() == policy.is_cascade
    assert outcome.costs.mean() <= truth.costs[:, LARGE].mean()


def test_the_thriftiest_cascade_that_passes_is_taken(simulation):
    traffic = simulation.traffic(rows=3000, shared_error=1.0)
    strict, loose = (calibrated(traffic, max_risk=one) for one in (0.05, 0.3))
    assert strict.bound.risk_upper <= 0.05 < loose.bound.risk_upper <= 0.3
    assert loose.measured_on.expected_cost_ratio < strict.measured_on.expected_cost_ratio - 0.1


def test_the_bound_states_what_was_measured_on_the_calibration_rows(simulation, fresh):
    policy = calibrated(simulation.traffic(rows=1000), max_risk=0.05, confidence=0.95)
    bound = policy.bound
    assert (bound.max_risk, bound.confidence, bound.rows) == (0.05, 0.95, 650)
    losses = [1.0] * round(bound.risk * bound.rows) + [0.0] * round((1 - bound.risk) * bound.rows)
    assert bound.risk_upper == pytest.approx(mean_upper(losses, 0.95))
    assert bound.risk <= bound.risk_upper <= 0.05
    assert bound.differing < bound.differing_upper < 1
    # A wrong answer where the reference is right differs from the reference's.
    assert bound.risk <= bound.accepted * bound.differing + 1e-9


def test_how_many_accepted_answers_differ_is_what_fresh_questions_show(simulation, fresh):
    policy = calibrated(simulation.traffic(rows=3000, seed=7))
    outcome = simulation.apply(policy, fresh)
    differing = np.mean(
        [
            fresh.facts[row][model].answer != fresh.facts[row][LARGE].answer
            for row, model in enumerate(outcome.answered_by)
            if outcome.accepted[row]
        ]
    )
    assert policy.bound.differing == pytest.approx(differing, abs=0.03)
    assert policy.bound.differing_upper >= differing


def test_an_impossible_bound_is_refused_and_says_what_can_be_shown(simulation):
    traffic = simulation.traffic(rows=400)
    with pytest.raises(BoundNotMetError) as refused:
        calibrated(traffic, max_risk=0.001)
    error = refused.value
    assert (error.field, error.asked, error.rows) == ("max_risk", 0.001, 260)
    assert 0.001 < error.lowest_upper < 0.2
    assert f"the best that can is {error.lowest_upper:.2g}" in str(error)
    assert "\n" not in str(error)
    assert calibrated(traffic, max_risk=error.lowest_upper + 1e-6).is_cascade


def test_what_can_be_shown_is_said_where_already_the_fit_looks_too_risky(simulation, misleading):
    with pytest.raises(BoundNotMetError) as refused:
        calibrated(misleading(200, 1), max_risk=1e-6)
    assert refused.value.lowest_upper < 0.5
