"""The stop rule is the best one there is, and what it costs is what was asked. All models are simulated."""

from itertools import product

import numpy as np
import pytest

from llmops_plugins.cascade.stopping import Order, StageRule, Stopping, ValueEstimate, apply_rules
from llmops_plugins.cascade.traffic import Traffic
from llmops_plugins.verification.evidence import ReplyFacts, evidence_names

A_THEN_B = Order(((0,), (1,)), last=2)
AT_ONCE = Order(((0, 1),), last=2)


def blunt_traffic(rows, seed, silent=0.3):
    """Simulate texts that all look alike, of models that know when they know nothing: then they say nothing.

    The first two models are right together more often than apart, so their agreement says much.
    """
    chance = np.random.default_rng(seed)
    accuracy, scores, facts = (0.75, 0.7, 0.97), [], []
    for _ in range(rows):
        easy = chance.random() < 0.5
        right = [chance.random() < (0.98 if easy else one) for one in accuracy]
        silence = [not one and chance.random() < silent for one in right]
        answers = [
            None if says_nothing else "right" if is_right else f"wrong {chance.integers(2)}"
            for says_nothing, is_right in zip(silence, right, strict=True)
        ]
        scores.append(list(map(float, right)))
        facts.append(tuple(ReplyFacts(answer=answer, length=3.0, hedges=0) for answer in answers))
    return Traffic(
        models=("a", "b", "large"),
        scores=np.array(scores),
        costs=np.tile([0.02, 0.03, 1.0], (rows, 1)),
        facts=tuple(facts),
        prompt_lengths=(4.0,) * rows,
    )


def fitted(traffic, order, usd_a_right_answer, rows=None, by_accuracy=(2, 0, 1)):
    rows = np.arange(len(traffic)) if rows is None else rows
    rules = Stopping(traffic, rows, by_accuracy).fit(order, usd_a_right_answer)
    return rules, apply_rules(traffic, rows, by_accuracy, order, rules)


def worth(outcome, usd_a_right_answer):
    """The mean value of an outcome, in right answers a question."""
    return (outcome.scores - outcome.costs / usd_a_right_answer).mean()


def cells(traffic, asked):
    """Return for each row which of the different pieces of evidence it shows."""
    values = traffic.evidence(asked, (2, 0, 1)).values
    return np.unique(values, axis=0, return_inverse=True)[1].ravel()


def best_of_all_tables(traffic, usd_a_right_answer):
    """Try every table that says for every evidence what to do; return the greatest mean value of any."""
    first, both = cells(traffic, (0,)), cells(traffic, (0, 1))
    price = traffic.costs / usd_a_right_answer
    last = traffic.scores[:, 2] - price[:, 2]
    candidates = traffic.evidence((0, 1), (2, 0, 1)).candidates
    stay_first, stay_both = (
        traffic.scores[:, 0],
        traffic.scores[np.arange(len(traffic)), candidates],
    )
    best = -np.inf
    for final in product((True, False), repeat=both.max() + 1):
        going_on = np.where(np.array(final)[both], stay_both, last) - price[:, 1]
        for table in product(range(3), repeat=first.max() + 1):
            value = np.choose(np.array(table)[first], (stay_first, going_on, last)) - price[:, 0]
            best = max(best, value.mean())
    return best


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("usd_a_right_answer", [0.5, 2.0, 6.0, 25.0, 200.0])
def test_backward_induction_is_as_good_as_the_best_of_all_tables(seed, usd_a_right_answer):
    traffic = blunt_traffic(4000, seed)
    _, outcome = fitted(traffic, A_THEN_B, usd_a_right_answer)
    best = best_of_all_tables(traffic, usd_a_right_answer)
    assert best - 0.001 <= worth(outcome, usd_a_right_answer) <= best + 1e-9


def test_what_a_third_opinion_is_worth_is_known_before_the_first_is_asked():
    silent, right = (ReplyFacts(answer=answer, length=3.0, hedges=0) for answer in (None, "4"))
    traffic = Traffic(
        models=("a", "b", "c", "large"),
        scores=np.tile([0.0, 0.0, 1.0, 1.0], (200, 1)),
        costs=np.tile([0.01, 0.01, 0.01, 1.0], (200, 1)),
        facts=((silent, silent, right, right),) * 200,
        prompt_lengths=(4.0,) * 200,
    )
    _, outcome = fitted(traffic, Order(((0,), (1,), (2,)), last=3), 10.0, by_accuracy=(2, 3, 0, 1))
    assert (outcome.answered_by == 2).all()
    assert outcome.costs == pytest.approx(0.03)


def test_all_three_actions_are_taken_where_each_is_the_best():
    traffic = blunt_traffic(4000, 1)
    rules, outcome = fitted(traffic, A_THEN_B, 6.0)
    first = traffic.evidence((0,), (2, 0, 1)).values
    staying, to_last = rules[0].choose(first)
    answered = first[:, 0] == 0
    assert not staying[answered].any()
    assert not to_last[answered].any()  # an answer is worth a second opinion
    assert to_last[~answered].all()  # none is not
    assert 0.5 < outcome.accepted.mean() < 1


def test_the_dearer_a_right_answer_may_be_the_more_is_spent_and_the_more_are_right():
    traffic = blunt_traffic(4000, 2)
    outcomes = [fitted(traffic, A_THEN_B, usd)[1] for usd in (0.1, 1.0, 6.0, 25.0, 1000.0)]
    costs = [outcome.costs.mean() for outcome in outcomes]
    scores = [outcome.scores.mean() for outcome in outcomes]
    assert costs == sorted(costs)
    assert scores == sorted(scores)
    assert costs[-1] > 5 * costs[0]


@pytest.mark.parametrize("order", [A_THEN_B, AT_ONCE, Order(((1, 0),), 2), Order(((0,),), 2)])
def test_perfect_cheap_models_are_always_stayed_with(simulation, order):
    cheap = {name: simulation.model(1.0, 0.02) for name in "ab"}
    traffic = simulation.traffic({**cheap, "large": simulation.model(0.9, 1.0)})
    rules, outcome = fitted(traffic, order, 10.0)
    assert outcome.accepted.all()
    assert (outcome.scores == 1).all()
    assert outcome.costs == pytest.approx(traffic.costs[:, list(order.groups[0])].sum(1))
    assert rules[0].stay.of(traffic.evidence(order.groups[0], (2, 0, 1)).values) == pytest.approx(1.0)


@pytest.mark.parametrize("order", [A_THEN_B, AT_ONCE, Order(((0,),), 2)])
def test_noise_is_never_stayed_with(simulation, order):
    traffic = simulation.traffic(simulation.noise, rows=400, shared_error=1.0)
    _, outcome = fitted(traffic, order, 10.0)
    assert not outcome.accepted.any()
    assert (outcome.answered_by == 2).all()
    asked_first = traffic.costs[:, list(order.groups[0])].sum(1) + traffic.costs[:, 2]
    assert outcome.costs == pytest.approx(asked_first)  # nor is more noise asked for


def test_evidence_that_never_varies_weighs_nothing():
    traffic = blunt_traffic(200, 3, silent=0.0)
    rules, outcome = fitted(traffic, A_THEN_B, 6.0)
    assert rules[0].stay.weights == (0.0,) * len(evidence_names(["a"]))
    assert rules[0].stay.intercept == pytest.approx(traffic.scores[:, 0].mean())
    weights = dict(zip(evidence_names(["a", "b"]), rules[1].stay.weights, strict=True))
    assert {name for name, weight in weights.items() if weight} == {"agrees: b", "all agree"}
    assert np.isfinite(outcome.costs).all()


def test_an_estimate_is_unbiased_and_gives_a_few_rows_little_weight():
    traffic = blunt_traffic(40, 4)
    few, _ = fitted(traffic, AT_ONCE, 6.0)
    many, _ = fitted(blunt_traffic(4000, 4), AT_ONCE, 6.0)
    values = traffic.evidence((0, 1), (2, 0, 1)).values
    assert few[0].last.of(values).mean() == pytest.approx((traffic.scores - traffic.costs / 6.0)[:, 2].mean())
    agree = evidence_names(["a", "b"]).index("all agree")
    assert 0 < few[0].stay.weights[agree] < many[0].stay.weights[agree]


def test_how_a_text_is_written_is_doubted_more_than_who_agrees():
    chance = np.random.default_rng(5)
    right = chance.random(300) < 0.6
    facts = tuple(  # the reply's length tells as much as whether there is an answer: everything
        (ReplyFacts(answer="4" if one else None, length=float(one), hedges=0),) * 2 for one in right
    )
    scores = np.column_stack([right, np.ones(300)]).astype(float)
    traffic = Traffic(
        models=("a", "large"),
        scores=scores,
        costs=np.tile([0.1, 1.0], (300, 1)),
        facts=facts,
        prompt_lengths=(4.0,) * 300,
    )
    rules, _ = fitted(traffic, Order(((0,),), 1), 6.0, by_accuracy=(1, 0))
    weights = dict(zip(evidence_names(["a"]), rules[0].stay.weights, strict=True))
    assert abs(weights["no answer"]) > 4 * abs(weights["reply length"]) > 0


def test_rules_are_fitted_on_the_rows_given_and_no_other():
    traffic = blunt_traffic(400, 6)
    rows = np.arange(0, 400, 2)
    before, _ = fitted(traffic, A_THEN_B, 6.0, rows)
    traffic.scores[1::2] = 1 - traffic.scores[1::2]
    traffic.costs[1::2] *= 100
    assert fitted(traffic, A_THEN_B, 6.0, rows)[0] == before


def always(stay=0.0, go_on=None, last=0.0, names=1):
    """A rule that takes no notice of the evidence."""
    values = [None if one is None else ValueEstimate(one, (0.0,) * names) for one in (stay, go_on, last)]
    return StageRule(*values)


SINGLE, PAIR = len(evidence_names(["a"])), len(evidence_names(["a", "b"]))


@pytest.mark.parametrize(
    ("rules", "models_paid", "accepted", "answered_by"),
    [
        ([always(stay=1, go_on=0, names=SINGLE), always(names=PAIR)], (0,), True, {0}),
        ([always(go_on=1, names=SINGLE), always(stay=1, names=PAIR)], (0, 1), True, {0, 1}),
        ([always(go_on=1, names=SINGLE), always(last=1, names=PAIR)], (0, 1, 2), False, {2}),
        ([always(go_on=0, last=1, names=SINGLE), always(stay=1, names=PAIR)], (0, 2), False, {2}),
        # Of equals, staying is preferred to asking and the last model to more opinions.
        ([always(go_on=0, names=SINGLE), always(names=PAIR)], (0,), True, {0}),
        ([always(stay=-1, go_on=0, names=SINGLE), always(stay=1, names=PAIR)], (0, 2), False, {2}),
    ],
)
def test_exactly_the_models_asked_are_paid_for(simulation, rules, models_paid, accepted, answered_by):
    traffic = simulation.traffic(rows=80)
    rows = np.arange(10, 60)
    outcome = apply_rules(traffic, rows, (2, 0, 1), A_THEN_B, rules)
    assert outcome.costs == pytest.approx(traffic.costs[rows][:, list(models_paid)].sum(1))
    assert (outcome.accepted == accepted).all()
    assert set(outcome.answered_by.tolist()) <= answered_by
    assert (outcome.scores == traffic.scores[rows, outcome.answered_by]).all()


def test_no_rules_are_the_last_model_alone(simulation):
    traffic = simulation.traffic(rows=50)
    outcome = apply_rules(traffic, np.arange(50), (2, 0, 1), Order((), 2), [])
    assert (outcome.costs == traffic.costs[:, 2]).all()
    assert (outcome.scores == traffic.scores[:, 2]).all()
    assert not outcome.accepted.any()
