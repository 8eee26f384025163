"""A policy decides the same three ways: row by row, on all rows at once, and inside a running agent."""

import asyncio

import numpy as np
import pytest

from llmops_plugins.backtest.answering import answer_all
from llmops_plugins.backtest.policy_outcome import apply_policy
from llmops_plugins.backtest.replay_plan import policy_plan
from llmops_plugins.cascade.calibration import calibrate
from llmops_plugins.cascade.policy import CascadePolicy
from llmops_plugins.cascade.traffic import read_traffic
from llmops_plugins.models.prices import PriceBook
from llmops_plugins.records.reading import read_records
from llmops_plugins.verification.answers import extract_answer

PRICES = PriceBook(None)


def answered_by_choose(policy, traffic, row):
    """Walk the policy by hand: return the model that answers a row, and all that were asked."""
    asked, facts = [], []
    for number, stage in enumerate(policy.stages):
        asked += stage.ask
        facts = [traffic.facts[row][traffic.models.index(model)] for model in asked]
        choice = policy.choose(number, facts, traffic.prompt_lengths[row])
        if choice.action == "stay":
            return asked[choice.candidate], asked
        if choice.action == "ask_last":
            break
    return policy.last, [*asked, policy.last]


def two_stages(policy):
    """The policy asking its first two models one after the other, so that every action occurs."""

    def value(names, **weights):
        return {"intercept": weights.pop("intercept", 0.0), "weights": dict.fromkeys(names, 0.0) | weights}

    alone = ("no answer", "prompt length", "reply length", "hedging")
    texts = ("all agree", "dissenters agree", "no answer", "prompt length", "reply length")
    both = ("agrees: small", "agrees: medium", *texts, "length spread", "hedging")
    # Long prompts go on, a doubt asks the last at once, and all else stays.
    stages = [
        {
            "ask": ["small"],
            "stay": value(alone, intercept=0.8, hedging=-0.5),
            "go_on": value(alone, intercept=-4.7, **{"prompt length": 2.0}),
            "ask_last": value(alone, intercept=0.55, hedging=0.2),
        },
        {
            "ask": ["medium"],
            "stay": value(both, intercept=0.2, **{"all agree": 0.7}),
            "go_on": None,
            "ask_last": value(both, intercept=0.5),
        },
    ]
    data = policy.model_dump() | {"stages": stages, "by_accuracy": ["medium", "small"], "last": "large"}
    return CascadePolicy.model_validate(data)


@pytest.mark.parametrize("change", [lambda policy: policy, two_stages], ids=["calibrated", "two stages"])
def test_three_ways_to_one_answer(write_records, arithmetic, change):
    records = read_records(write_records(arithmetic(120, error=0.25)))
    policy = change(calibrate(records.rows, prices=PRICES, max_cost=0.5))
    traffic, _ = read_traffic(records.rows, PRICES, extract_answer)
    by_hand = [answered_by_choose(policy, traffic, row) for row in range(len(traffic))]

    at_once = apply_policy(policy, traffic, np.arange(len(traffic)))
    assert [traffic.models[index] for index in at_once.answered_by] == [model for model, _ in by_hand]
    costs = [
        sum(traffic.costs[row, traffic.models.index(one)] for one in by_hand[row][1]) for row in range(120)
    ]
    assert at_once.costs == pytest.approx(costs)

    plan = policy_plan(policy, records, "policy")
    with asyncio.Runner() as runner:
        run = answer_all(
            records.rows, plan.build, field="policy", registry=None, scorer=None, progress=None, runner=runner
        )
    assert [answered.model for answered in run.answers] == [model for model, _ in by_hand]
    assert [answered.score for answered in run.answers] == at_once.scores.tolist()
    assert run.cost_usd == pytest.approx(sum(costs))
    if change is two_stages:
        paths = {tuple(asked) for _, asked in by_hand}
        first, both = ("small",), ("small", "medium")
        assert paths == {first, both, (*first, "large"), (*both, "large")}


def test_a_policy_without_stages_is_its_last_model(write_records, arithmetic):
    records = read_records(write_records(arithmetic(120, error=0.25)))
    policy = calibrate(records.rows, prices=PRICES, max_cost=0.5)
    alone = policy.model_copy(update={"stages": (), "by_accuracy": ()})
    traffic, _ = read_traffic(records.rows, PRICES, extract_answer)
    outcome = apply_policy(alone, traffic, np.arange(120))
    assert set(outcome.answered_by) == {traffic.models.index("large")}
    assert not outcome.accepted.any()
