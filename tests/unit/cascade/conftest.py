"""Simulated models, whose accuracy and agreement are known because they are made up here.

Each is right with its own probability, independently of the others. Where it is wrong it makes the error
that others make too with probability ``shared_error``, or else one of its own. So two of accuracies a and b
agree with probability ``a * b + (1 - a) * (1 - b) * shared_error**2``; the last term is agreement in error.
"""

from typing import NamedTuple

import numpy as np
import pytest

from llmops_plugins.cascade.middleware import CascadeMiddleware
from llmops_plugins.cascade.policy import CascadePolicy, MeasuredOn, PolicyStage, RiskBound, Value
from llmops_plugins.cascade.stopping import Order, StageRule, ValueEstimate, apply_rules
from llmops_plugins.cascade.traffic import Traffic
from llmops_plugins.records.reading import Record, RecordedResponse
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.evidence import evidence_names, reply_facts
from llmops_plugins.wrapped_model.wrap import with_middleware


class Simulated(NamedTuple):
    """A made-up model: how often it is right, and what an answer of it costs."""

    accuracy: float
    cost: float


TWO_THAT_AGREE = {"a": Simulated(0.85, 0.04), "b": Simulated(0.8, 0.03), "large": Simulated(0.93, 1.0)}
ONLY_NOISE = {"a": Simulated(0.2, 0.04), "b": Simulated(0.2, 0.03), "large": Simulated(0.93, 1.0)}


class Answered(NamedTuple):
    """One simulated answer: its reply's text, the answer in it, whether it is right, and its cost."""

    text: str
    answer: str
    is_right: bool
    cost: float


def answers_of(models, rows, seed, shared_error, wordy):
    """Return every model's answer to each row; lengths and costs vary, and say nothing of who is right."""
    chance = np.random.default_rng(seed)
    for row in range(rows):
        given = []
        for number, model in enumerate(models.values()):
            is_right, is_shared = chance.random() < model.accuracy, chance.random() < shared_error
            answer = f"{row:06}" if is_right else "shared" if is_shared else f"error{number}"
            words = int(chance.integers(1, 6)) if wordy else 1
            text = "Let me see. " * words + f"The answer is {answer}."
            given.append(Answered(text, answer, is_right, model.cost * chance.uniform(0.8, 1.2)))
        yield given


def simulate_traffic(models=TWO_THAT_AGREE, *, rows=200, seed=0, shared_error=0.3, wordy=True, right=1.0):
    """Return simulated answers as arrays; a right answer scores ``right``, and texts differ if ``wordy``."""
    found = list(answers_of(models, rows, seed, shared_error, wordy))
    return Traffic(
        models=tuple(models),
        scores=np.array([[one.is_right * right for one in given] for given in found]),
        costs=np.array([[one.cost for one in given] for given in found]),
        facts=tuple(tuple(reply_facts(one.text, one.answer) for one in given) for given in found),
        prompt_lengths=tuple(4.0 + row % 5 * wordy for row in range(rows)),
    )


def simulate_records(models=TWO_THAT_AGREE, *, rows=200, seed=0, shared_error=0.3, wordy=True, right=1.0):
    """Return the same simulated answers as records, as they would be read from a file."""
    return [
        Record(
            line=row + 1,
            record_id=str(row),
            prompt="What is it? " + "Think well. " * (row % 5),
            responses={
                name: RecordedResponse(text=one.text, score=one.is_right * right, cost_usd=one.cost)
                for name, one in zip(models, given, strict=True)
            },
        )
        for row, given in enumerate(answers_of(models, rows, seed, shared_error, wordy))
    ]


def apply_policy(policy, traffic):
    """Return what a policy comes to on every row of some traffic."""
    index, asked, rules = traffic.models.index, [], []
    for stage in policy.stages:
        asked += stage.ask
        names = evidence_names(asked)
        stay, go_on, last = (
            value and ValueEstimate(value.intercept, tuple(value.weights[name] for name in names))
            for value in (stage.stay, stage.go_on, stage.ask_last)
        )
        rules.append(StageRule(stay, go_on, last))
    order = Order(tuple(tuple(map(index, stage.ask)) for stage in policy.stages), index(policy.last))
    ranking = [index(model) for model in policy.by_accuracy]
    return apply_rules(traffic, np.arange(len(traffic)), ranking, order, rules)


def agreement_policy(ask=("a", "b"), last="large", sure=0.9, **bound):
    """Return a policy, made by hand, that stays where all agree, which is right with probability ``sure``."""
    names = evidence_names(ask)
    agreeing = "all agree" if len(ask) > 1 else "no answer"
    weights = dict.fromkeys(names, 0.0)
    stay = {**weights, agreeing: sure - 0.2 if len(ask) > 1 else -sure}
    limits = {"max_risk": None, "confidence": 0.9, "rows": 100, "risk": 0.0, "risk_upper": 0.02}
    shares = {"accepted": 0.6, "differing": 0.02, "differing_upper": 0.05}
    return CascadePolicy(
        stages=(
            PolicyStage(
                ask=ask,
                stay=Value(intercept=0.2 if len(ask) > 1 else sure, weights=stay),
                go_on=None,
                ask_last=Value(intercept=0.8, weights=weights),
            ),
        ),
        last=last,
        by_accuracy=ask,
        bound=RiskBound(**{**limits, **shares, **bound}),
        measured_on=MeasuredOn(
            fingerprint="made up",
            rows=100,
            reference_accuracy=0.9,
            expected_accuracy=0.9,
            expected_cost_ratio=0.5,
        ),
    )


class PolicyModels:
    """The models of a policy by name, and the user's own."""

    def __init__(self, a="42", b="The answer is 42.", large="I see: 43.", **settings):
        self.own = ScriptedChatModel(replies=["own"], model_name="own")
        self.named = {
            name: ScriptedChatModel(replies=[reply], model_name=name, **settings)
            for name, reply in (("a", a), ("b", b), ("large", large))
        }

    def wrap(self, policy, **settings):
        middleware = CascadeMiddleware(policy=policy, models=self.named, **{"recheck_share": 0.0, **settings})
        return with_middleware(self.own, middleware)

    @property
    def calls(self):
        return tuple(len(one.calls) for one in (*self.named.values(), self.own))


class Simulation(NamedTuple):
    """What tests of the cascade simulate with; a fixture, because test folders are no packages."""

    traffic = staticmethod(simulate_traffic)
    records = staticmethod(simulate_records)
    apply = staticmethod(apply_policy)
    agreement_policy = staticmethod(agreement_policy)
    models = PolicyModels
    model = Simulated
    agreeing = TWO_THAT_AGREE
    noise = ONLY_NOISE


@pytest.fixture(scope="session")
def simulation():
    return Simulation()


@pytest.fixture
def policy(simulation):
    """A policy that stays where ``a`` and ``b`` agree, and else asks ``large``."""
    return simulation.agreement_policy()
