from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage
from langgraph.errors import GraphInterrupt

from llmops_plugins import PairwiseJudge
from llmops_plugins.errors import BudgetExceeded, ConfigurationError
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.pairwise_judge import read_preference
from llmops_plugins.verification.verdict import PriceRank, price_rank

ANSWER_A = re.compile(r"<answer-A-\w+>\n(.*)\n</answer-A")


def prefers(straight, swapped):
    """A judge with a verdict for either order of the answers ``one`` and ``other``."""

    def reply(messages):
        is_straight = ANSWER_A.search(messages[1].text)[1] == "one"
        verdict = straight if is_straight else swapped
        return AIMessage(f"Verdict: {verdict}", id="straight" if is_straight else "swapped")

    return ScriptedChatModel(model_name="judge", replies=[reply])


@pytest.mark.parametrize(
    ("straight", "swapped", "outcome", "score"),
    [
        ("A", "B", "accept", 1.0),
        ("tie", "tie", "accept", 0.5),
        ("A", "tie", "accept", 0.5),
        ("tie", "B", "accept", 0.5),
        ("A", "A", "reject", 0.5),
        ("B", "B", "reject", 0.5),
        ("B", "tie", "reject", 0.5),
        ("tie", "A", "reject", 0.5),
        ("B", "A", "reject", 0.0),
    ],
)
def test_the_first_is_accepted_where_it_wins_or_ties_in_both_orders(
    decide, straight, swapped, outcome, score
):
    verdict = decide(PairwiseJudge(prefers(straight, swapped)), "one", "other")
    assert (verdict.outcome, verdict.score) == (outcome, score)
    assert verdict.hidden == ("straight", "swapped")


def test_both_calls_are_hidden_and_tagged_with_their_kind(decide, seen):
    decide(PairwiseJudge(prefers("A", "B")), "one", "other")
    assert seen.kinds == ["judge", "judge"]
    assert all("nostream" in tags for tags in seen.tags)


def test_swapping_the_answers_swaps_the_score(decide):
    likes_one = prefers("A", "B")
    assert decide(PairwiseJudge(likes_one), "one", "other").score == 1
    assert decide(PairwiseJudge(likes_one), "other", "one").score == 0


@pytest.mark.parametrize(
    ("reply", "preference"),
    [
        ("Verdict: A", "a"),
        ("Because.\n**Verdict**: B", "b"),
        ("**Verdict:** tie", "tie"),
        ("Verdict: a tie", "tie"),
        ("Verdict: A tie", "tie"),
        ("Verdict: Answer B is better", "b"),
        ("Verdict: <A>", "a"),
        ('{"verdict": "B"}', "b"),
        ("So [[A]]", "a"),
        ("[[C]]", "tie"),
        (" A. ", "a"),
        ("Verdict: A\nNo, wait.\nVerdict: B", "b"),
        ("<think>Verdict: A</think>Verdict: B", "b"),
        ("Verdict: a close win for B", None),
        ("Verdict: A, B or tie", None),
        ("Verdict: A and B are alike", None),
        ("A is better than B", None),
        ("", None),
    ],
)
def test_verdicts_are_read_in_the_forms_that_models_write(reply, preference):
    assert read_preference(reply) == preference


@given(st.text() | st.text(alphabet="Verdict: ABCtie[]*\n"))
def test_whatever_a_judge_says_is_a_preference_or_none(reply):
    assert read_preference(reply) in ("a", "b", "tie", None)


def test_an_unreadable_verdict_abstains_and_both_calls_are_counted(decide):
    verdict = decide(PairwiseJudge(prefers("A", "SECRET")), "one", "other")
    assert (verdict.outcome, verdict.reason) == ("abstain", "the judge's verdict cannot be read")
    assert verdict.hidden == ("straight", "swapped")


def test_a_judge_that_fails_once_abstains_and_the_other_call_is_counted(decide):
    model = ScriptedChatModel(
        model_name="judge", replies=[AIMessage("Verdict: A", id="1"), ConnectionError("SECRET")]
    )
    verdict = decide(PairwiseJudge(model), "one", "other")
    assert (verdict.outcome, verdict.reason) == ("abstain", "ConnectionError from the judge")
    assert verdict.hidden == ("1",)


def test_what_needs_no_judge_costs_nothing(decide):
    model = prefers("A", "B")
    verify = PairwiseJudge(model)
    equal = decide(verify, "one", "one ")
    assert (equal.outcome, equal.score) == ("accept", 0.5)
    assert decide(verify, "", "other").outcome == "reject"
    assert decide(verify, "one").outcome == "abstain"
    assert decide(verify, "one", "x" * 60_001).outcome == "abstain"
    assert decide(verify, "one", "other", author=model).outcome == "abstain"
    assert model.calls == []


@pytest.mark.parametrize("error", [GraphInterrupt(()), BudgetExceeded("no more")])
def test_interrupts_and_refused_budgets_pass_through(decide, error):
    with pytest.raises(type(error)):
        decide(PairwiseJudge(ScriptedChatModel(model_name="judge", replies=[error])), "one", "other")


def test_it_needs_two_replies_and_costs_model_calls():
    assert PairwiseJudge.minimum_replies == 2
    assert price_rank(PairwiseJudge(prefers("A", "B"))) == PriceRank.MODEL_CALLS


def test_what_is_no_model_is_refused():
    with pytest.raises(ConfigurationError, match="model: must be a chat model"):
        PairwiseJudge(3)
