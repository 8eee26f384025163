from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.errors import GraphInterrupt

from llmops_plugins import AllOf, AnyOf, FirstApplicable
from llmops_plugins.errors import BudgetExceeded, ConfigurationError
from llmops_plugins.verification.agreement import Agreement
from llmops_plugins.verification.verdict import PriceRank, Verdict, price_rank


class Says:
    """A verifier with a fixed verdict that notes whether it was asked."""

    def __init__(self, outcome, *, score=None, price=PriceRank.FREE, name=None):
        self.price = price
        self.name = name or outcome
        self.verdict = Verdict(outcome=outcome, reason=self.name, score=score, hidden=(f"call-{self.name}",))
        self.asked = False

    def __call__(self, request, replies):
        yield from ()
        self.asked = True
        return self.verdict


VERDICTS = st.lists(
    st.builds(
        Says,
        st.sampled_from(["accept", "reject", "abstain"]),
        score=st.none() | st.floats(0, 1),
        price=st.sampled_from(PriceRank),
    ),
    min_size=1,
    max_size=5,
)


def told(combination):
    flow = combination(None, [None])
    with pytest.raises(StopIteration) as stop:
        next(flow)
    return stop.value.value


@given(VERDICTS)
def test_all_of_is_a_conjunction_over_those_that_do_not_abstain(verifiers):
    outcomes = {verifier.verdict.outcome for verifier in verifiers} - {"abstain"}
    expected = "reject" if "reject" in outcomes else "accept" if outcomes else "abstain"
    assert told(AllOf(*verifiers)).outcome == expected


@given(VERDICTS)
def test_any_of_is_a_disjunction_over_those_that_do_not_abstain(verifiers):
    outcomes = {verifier.verdict.outcome for verifier in verifiers} - {"abstain"}
    expected = "accept" if "accept" in outcomes else "reject" if outcomes else "abstain"
    assert told(AnyOf(*verifiers)).outcome == expected


@pytest.mark.parametrize(("combine", "deciding"), [(AllOf, "reject"), (AnyOf, "accept")])
@given(VERDICTS)
def test_the_cheapest_are_asked_first_and_nobody_after_the_decision(combine, deciding, verifiers):
    for verifier in verifiers:
        verifier.asked = False
    told(combine(*verifiers))
    by_price = sorted(verifiers, key=price_rank)
    outcomes = [verifier.verdict.outcome for verifier in by_price]
    count = outcomes.index(deciding) + 1 if deciding in outcomes else len(outcomes)
    assert [verifier.asked for verifier in by_price] == [True] * count + [False] * (len(by_price) - count)


def test_of_two_that_cost_alike_the_earlier_is_asked_first():
    paid = Says("abstain", price=PriceRank.MODEL_CALLS, name="paid")
    one, other = Says("abstain", name="one"), Says("abstain", name="other")
    assert told(AllOf(paid, one, other)).reason == "one; other; paid"
    assert told(AnyOf(other, paid, one)).reason == "other; one; paid"


@pytest.mark.parametrize("combine", [AllOf, AnyOf, FirstApplicable])
def test_hidden_calls_of_all_that_were_asked_are_counted(combine):
    verdict = told(combine(Says("abstain", name="1"), Says("abstain", name="2"), Says("accept", name="3")))
    assert verdict.accepted
    assert verdict.hidden == ("call-1", "call-2", "call-3")


def test_hidden_calls_on_the_way_to_a_decision_are_counted():
    accepted, rejected = Says("accept", name="1"), Says("reject", name="2")
    assert told(AllOf(accepted, rejected)).hidden == ("call-1", "call-2")
    assert told(AnyOf(rejected, accepted)).hidden == ("call-2", "call-1")


def test_all_of_scores_the_lowest():
    assert told(AllOf(Says("accept", score=0.9), Says("accept", score=0.7), Says("accept"))).score == 0.7
    assert told(AllOf(Says("accept", score=0.9), Says("reject", score=0.2))).score == 0.2
    assert told(AllOf(Says("accept", score=0.9), Says("reject"))).score is None
    assert told(AllOf(Says("accept"), Says("abstain", score=0.1))).score is None


def test_any_of_scores_as_who_accepted_and_else_the_highest():
    assert told(AnyOf(Says("reject", score=0.4), Says("accept", score=0.9))).score == 0.9
    assert told(AnyOf(Says("reject", score=0.4), Says("reject", score=0.6))).score == 0.6


@pytest.mark.parametrize("combine", [AllOf, AnyOf])
def test_reasons_name_whoever_had_a_say(combine):
    verdict = told(combine(Says("accept", name="one"), Says("abstain", name="none")))
    assert verdict.reason == "one"


def test_all_that_accepted_are_reasons():
    assert told(AllOf(Says("accept", name="one"), Says("accept", name="two"))).reason == "one; two"
    assert told(AnyOf(Says("reject", name="one"), Says("reject", name="two"))).reason == "one; two"


@pytest.mark.parametrize("combine", [AllOf, AnyOf, FirstApplicable])
def test_a_combination_needs_and_costs_as_much_as_its_dearest_part(combine):
    combination = combine(Says("accept", price=PriceRank.EMBEDDING), Agreement())
    assert combination.minimum_replies == 2
    assert combination.price == PriceRank.EMBEDDING
    assert price_rank(combine(combination, Says("accept"))) == PriceRank.EMBEDDING


def test_first_applicable_keeps_the_users_order():
    paid = Says("accept", price=PriceRank.MODEL_CALLS, name="paid")
    assert told(FirstApplicable(paid, Says("reject"))).reason == "paid"


@pytest.mark.parametrize("combine", [AllOf, AnyOf, FirstApplicable])
@pytest.mark.parametrize("error", [GraphInterrupt(()), BudgetExceeded("no more")])
def test_interrupts_and_refused_budgets_pass_through(combine, error):
    def raises(request, replies):
        yield from ()
        raise error

    with pytest.raises(type(error)):
        next(combine(Says("abstain"), raises)(None, [None]))


@pytest.mark.parametrize("combine", [AllOf, AnyOf, FirstApplicable])
def test_what_cannot_judge_is_refused_by_its_place(combine):
    with pytest.raises(ConfigurationError, match="verifiers: is empty"):
        combine()
    with pytest.raises(ConfigurationError, match=r"verifiers\[1\]: must be a verifier, write Agreement"):
        combine(Says("accept"), Agreement)


@pytest.mark.parametrize("order", [*itertools.permutations(range(3))])
def test_combinations_nest(order):
    parts = [Says("abstain"), AnyOf(Says("reject"), Says("accept")), AllOf(Says("accept"))]
    assert told(AllOf(*(parts[place] for place in order))).accepted
