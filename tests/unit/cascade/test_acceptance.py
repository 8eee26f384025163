"""Who rules on a tier's answer: a verifier, or a policy that leaves what it does not know to the last."""

import pytest
from langchain.agents.middleware.types import ModelRequest, ModelResponse
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.errors import GraphInterrupt

from llmops_plugins.cascade.acceptance import ByPolicy, extracted
from llmops_plugins.errors import BudgetExceeded
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.answers import extract_answer
from llmops_plugins.verification.escalation import ByVerifier
from llmops_plugins.verification.verdict import Verdict

REQUEST = ModelRequest(model=ScriptedChatModel(replies=["x"]), messages=[HumanMessage("6 * 7?")])
DOWN = ConnectionError("down, and here is your key")
CALL = {"type": "tool_call", "name": "f", "args": {}, "id": "1"}


def said(text, **fields):
    return ModelResponse(result=[AIMessage(text, **fields)])


def verdict(outcome, **fields):
    asked = []

    def verify(request, replies):
        yield from ()
        asked.append(replies)
        return Verdict(outcome=outcome, reason="because", **fields)

    verify.asked = asked
    return verify


def ruled(rule, *tiers, request=REQUEST):
    flow = rule(request, list(map(list, tiers)))
    with pytest.raises(StopIteration) as stop:
        next(flow)
    return stop.value.value


def by_policy(policy, verify=None, margin=0.0, extract=extract_answer):
    return ByPolicy(policy, extract=extract, verify=verify, margin=lambda: margin)


# --- a verifier ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "ruling"), [("accept", "accept"), ("reject", "go_on"), ("abstain", "go_on")]
)
def test_what_a_verifier_accepts_is_accepted_and_all_else_goes_on(outcome, ruling):
    found = ruled(ByVerifier(verdict(outcome, score=0.4, hidden=("j",))), [said("42")])
    assert (found.outcome, found.reason, found.score, found.hidden) == (ruling, "because", 0.4, ("j",))


def test_a_verifier_judges_the_last_tier_alone_and_accepts_its_first_reply():
    verify = verdict("accept")
    first, second = [said("1"), said("2")], [said("3"), said("4")]
    assert ruled(ByVerifier(verify), first, second).reply == 2
    assert verify.asked == [second]


def test_a_tier_with_a_failure_is_not_judged_and_the_failure_not_quoted():
    verify = verdict("accept")
    found = ruled(ByVerifier(verify), [said("42"), DOWN])
    assert (found.outcome, verify.asked) == ("go_on", [])
    assert "ConnectionError" in found.reason
    assert "key" not in found.reason


# --- a policy ------------------------------------------------------------------------------------


def test_what_a_policy_stays_with_is_accepted_with_its_probability(simulation):
    found = ruled(by_policy(simulation.agreement_policy()), [said("42"), said("The answer is 42.")])
    assert (found.outcome, found.reply) == ("accept", 0)
    assert found.score == pytest.approx(0.9)
    assert "90.0%" in found.reason


def test_what_it_does_not_stay_with_is_left_to_the_last_model(simulation):
    found = ruled(by_policy(simulation.agreement_policy()), [said("42"), said("43")])
    assert found.outcome == "ask_last"
    assert found.score == pytest.approx(0.2)


def test_what_it_proposes_may_be_any_reply_so_far(simulation):
    policy = simulation.agreement_policy(("a", "b", "c"), sure=1.2)
    stage = policy.stages[0]
    certain = stage.model_copy(update={"stay": stage.stay.model_copy(update={"intercept": 1.0})})
    rule = by_policy(policy.model_copy(update={"stages": (certain,)}))
    assert ruled(rule, [said("41"), said("42"), said("42")]).reply == 1


def two_stages(simulation):
    """A policy that goes on where the first says nothing, and stays where the second then agrees."""
    one, two = simulation.agreement_policy(("a",)), simulation.agreement_policy(("a", "b"))
    first = one.stages[0].model_copy(
        update={"go_on": one.stages[0].ask_last.model_copy(update={"intercept": 0.85})}
    )
    second = two.stages[0].model_copy(update={"ask": ("b",)})
    return two.model_copy(update={"stages": (first, second)})


def test_each_stage_is_ruled_on_in_the_light_of_all_before(simulation):
    rule = by_policy(two_stages(simulation))
    assert ruled(rule, [said("42")]).outcome == "accept"
    assert ruled(rule, [said("")]).outcome == "go_on"
    assert ruled(rule, [said("42")], [said("42")]).outcome == "accept"
    assert ruled(rule, [said("41")], [said("42")]).outcome == "ask_last"


@pytest.mark.parametrize("failed", [0, 1])
def test_a_model_that_failed_has_no_answer(simulation, failed):
    outcomes = [said("42"), said("42")]
    outcomes[failed] = DOWN
    found = ruled(by_policy(simulation.agreement_policy()), outcomes)
    assert found.outcome == "ask_last"
    assert "key" not in found.reason


def test_a_failure_is_never_accepted_whatever_the_policy_says(simulation):
    policy = simulation.agreement_policy()
    stage = policy.stages[0]
    certain = stage.model_copy(update={"stay": stage.stay.model_copy(update={"intercept": 5.0})})
    rule = by_policy(policy.model_copy(update={"stages": (certain,)}))
    assert ruled(rule, [DOWN, DOWN]).outcome == "ask_last"
    assert ruled(rule, [said("42"), DOWN]).reply == 0


@pytest.mark.parametrize(
    "calling",
    [
        said("", tool_calls=[CALL]),
        said("", invalid_tool_calls=[{**CALL, "type": "invalid_tool_call", "args": "{", "error": None}]),
    ],
)
@pytest.mark.parametrize("place", [0, 1])
def test_tool_calls_are_nothing_a_policy_knows_of(simulation, calling, place):
    outcomes = [said("42"), said("42")]
    outcomes[place] = calling
    found = ruled(by_policy(simulation.agreement_policy()), outcomes)
    assert (found.outcome, found.score) == ("ask_last", None)
    assert "calls tools" in found.reason


def test_a_verifier_judges_before_the_policy(simulation):
    policy = simulation.agreement_policy()
    agree, differ = [said("42"), said("42")], [said("42"), said("43")]
    assert ruled(by_policy(policy, verdict("accept")), differ).outcome == "accept"
    assert ruled(by_policy(policy, verdict("reject")), agree).outcome == "go_on"
    assert ruled(by_policy(policy), agree).calibrated
    assert not ruled(by_policy(policy, verdict("accept")), agree).calibrated  # no bound covers it
    abstained = ruled(by_policy(policy, verdict("abstain", hidden=("j",))), agree)
    assert (abstained.outcome, abstained.hidden) == ("accept", ("j",))
    left = ruled(by_policy(policy, verdict("abstain", hidden=("j",))), differ)
    assert (left.outcome, left.hidden) == ("ask_last", ("j",))


def test_a_verifier_may_accept_the_tool_calls_that_the_policy_leaves(simulation):
    calling = [said("", tool_calls=[CALL])] * 2
    assert ruled(by_policy(simulation.agreement_policy(), verdict("accept")), calling).outcome == "accept"
    left = ruled(by_policy(simulation.agreement_policy(), verdict("abstain", hidden=("j",))), calling)
    assert (left.outcome, left.hidden) == ("ask_last", ("j",))


def test_the_margin_is_asked_for_each_time(simulation):
    margins = iter([0.0, 0.2])
    rule = ByPolicy(
        simulation.agreement_policy(),
        extract=extract_answer,
        verify=None,
        margin=lambda: next(margins),
    )
    agree = [said("42"), said("42")]
    assert [ruled(rule, agree).outcome, ruled(rule, agree).outcome] == ["accept", "ask_last"]


def test_the_prompt_is_the_last_human_message(simulation):
    policy = simulation.agreement_policy()
    stage = policy.stages[0]
    long_is_certain = stage.stay.model_copy(
        update={"intercept": 0.0, "weights": {**stage.stay.weights, "prompt length": 0.2}}
    )
    policy = policy.model_copy(update={"stages": (stage.model_copy(update={"stay": long_is_certain}),)})
    differ = [said("42"), said("43")]
    history = [
        HumanMessage("long " * 100),
        AIMessage("yes"),
        HumanMessage("why?"),
        ToolMessage("x" * 900, tool_call_id="1"),
    ]
    short = REQUEST.override(messages=history)
    assert ruled(by_policy(policy), differ, request=short).outcome == "ask_last"
    assert (
        ruled(by_policy(policy), differ, request=REQUEST.override(messages=history[:2])).outcome == "accept"
    )
    assert ruled(by_policy(policy), differ, request=REQUEST.override(messages=[])).outcome == "ask_last"


# --- answers -------------------------------------------------------------------------------------


def test_an_extractor_that_fails_found_no_answer(simulation):
    def broken(text):
        raise KeyError(text)

    assert extracted(AIMessage("42"), broken) is None
    assert (
        ruled(by_policy(simulation.agreement_policy(), extract=broken), [said("4"), said("4")]).outcome
        == "ask_last"
    )


@pytest.mark.parametrize("error", [BudgetExceeded("no more"), GraphInterrupt()])
def test_interrupts_and_refused_budgets_pass(error):
    def refused(text):
        raise error

    with pytest.raises(type(error)):
        extracted(AIMessage("42"), refused)


def test_no_message_and_one_that_calls_tools_have_no_answer():
    assert extracted(None, str) is None
    assert extracted(AIMessage("42", tool_calls=[CALL]), str) is None
    assert extracted(AIMessage("42"), str) == "42"
