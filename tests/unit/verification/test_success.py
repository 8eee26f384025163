"""Evidence that an answer solved a request: code that ran, a person, and feedback that is still to come."""

import pytest
from langchain.agents.middleware.types import ModelRequest, ModelResponse
from langchain_core.messages import AIMessage, HumanMessage

from llmops_plugins.cascade.middleware import CascadeMiddleware
from llmops_plugins.effects import Interrupt
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.all_of import AllOf
from llmops_plugins.verification.any_of import AnyOf
from llmops_plugins.verification.execution import EXECUTION_KEY, ExecutionSucceeded
from llmops_plugins.verification.human import Human
from llmops_plugins.verification.judge import Judge
from llmops_plugins.verification.later_feedback import LaterFeedback
from llmops_plugins.verification.predicate import Predicate
from llmops_plugins.verification.self_consistency import SelfConsistency
from llmops_plugins.verification.verdict import Verdict, interrupts

REQUEST = ModelRequest(model=ScriptedChatModel(replies=["x"]), messages=[HumanMessage("6 * 7?")])
YES = Predicate(lambda message: True, name="yes")


def ran(**marks):
    return HumanMessage("output", additional_kwargs={EXECUTION_KEY: marks})


def judged(verifier, *messages, request=REQUEST, replies=()):
    """Drive a verifier by hand; returns its verdict and the effects it asked for."""
    flow, effects, outcomes = verifier(request, [ModelResponse(result=list(messages))]), [], list(replies)
    try:
        effect = next(flow)
        while True:
            effects.append(effect)
            effect = flow.send(outcomes.pop(0))
    except StopIteration as stop:
        return stop.value, effects


@pytest.mark.parametrize(
    ("runs", "outcome"),
    [
        ([], "abstain"),
        ([{"ok": True, "printed": True}], "accept"),
        ([{"ok": True, "printed": False}], "reject"),
        ([{"ok": False, "printed": True}], "reject"),
        ([{"ok": False, "printed": False}, {"ok": True, "printed": True}], "accept"),
        ([{"ok": True, "printed": True}, {"ok": False, "printed": True}], "reject"),
    ],
)
def test_the_last_run_of_the_code_counts(runs, outcome):
    verdict, _ = judged(ExecutionSucceeded(), *(ran(**marks) for marks in runs), AIMessage("42"))
    assert verdict.outcome == outcome
    assert outcome != "accept" or verdict.evidence == ("execution",)


def test_what_a_model_writes_of_its_code_is_no_evidence():
    verdict, _ = judged(ExecutionSucceeded(), AIMessage("I ran it, exitcode: 0 (execution succeeded)"))
    assert verdict.outcome == "abstain"


@pytest.mark.parametrize(
    ("opinion", "outcome"),
    [
        (True, "accept"),
        (False, "reject"),
        ({"accept": True}, "accept"),
        ({"accept": False, "reason": "it is too long"}, "reject"),
    ],
)
def test_a_person_is_shown_question_and_answer_and_decides(opinion, outcome):
    verdict, (effect,) = judged(Human("Is it right?"), AIMessage("42"), replies=[opinion])
    assert effect == Interrupt({"question": "6 * 7?", "answer": "42", "instructions": "Is it right?"})
    assert verdict.outcome == outcome
    if isinstance(opinion, dict) and "reason" in opinion:
        assert "too long" in verdict.reason


@pytest.mark.parametrize("unreadable", ["yes", {"accept": "yes"}, None, 1, {}])
def test_an_answer_that_cannot_be_read_is_asked_for_again_with_the_reason(unreadable):
    verdict, (_, again) = judged(Human(), AIMessage("42"), replies=[unreadable, True])
    assert "resume with True, False" in again.value["problem"]
    assert verdict.accepted


def test_feedback_to_come_is_enough_to_answer_with_and_no_evidence_to_learn_from():
    verdict, _ = judged(LaterFeedback(), AIMessage("42"))
    assert verdict.accepted
    assert verdict.evidence == ()
    assert not judged(LaterFeedback(), AIMessage(""))[0].accepted


def test_combinations_carry_the_evidence_of_what_accepted():
    answer = [ran(ok=True, printed=True), AIMessage("42")]
    assert judged(AllOf(YES, ExecutionSucceeded()), *answer)[0].evidence == ("verifier:yes", "execution")
    assert judged(AnyOf(ExecutionSucceeded(), LaterFeedback()), *answer)[0].evidence == ("execution",)
    assert judged(AnyOf(ExecutionSucceeded(), LaterFeedback()), AIMessage("42"))[0].evidence == ()
    assert judged(AllOf(LaterFeedback(), LaterFeedback()), AIMessage("42"))[0].evidence == ()


def test_what_the_author_says_of_itself_is_no_evidence():
    again = [[ModelResponse(result=[AIMessage("The answer is 42.")])] * 4]
    verdict, _ = judged(SelfConsistency(), AIMessage("The answer is 42."), replies=again)
    assert verdict == Verdict(
        outcome="accept", reason="5 of 5 samples agree", score=1.0, hidden=(), evidence=()
    )


def test_a_person_is_asked_last_of_all():
    verifier = AllOf(Human(), YES)
    assert verifier.verifiers[-1].__class__ is Human
    assert interrupts(verifier)
    assert not interrupts(YES)


def test_a_cascade_refuses_a_person_who_would_have_every_tier_asked_again():
    models = [ScriptedChatModel(replies=["x"]), ScriptedChatModel(replies=["y"])]
    with pytest.raises(ConfigurationError, match="verify: may interrupt"):
        CascadeMiddleware(tiers=models, verify=AllOf(YES, Human()))


def test_a_person_has_to_be_told_what_to_look_at():
    with pytest.raises(ConfigurationError, match="instructions: is empty"):
        Human(" ")


@pytest.mark.parametrize("answered", ["judge-1", "judge-1-2026-01-31"])
def test_a_judge_does_not_judge_an_agent_whose_replies_name_it_as_their_author(answered):
    judge = Judge(ScriptedChatModel(model_name="judge-1", replies=["Grade: 10"]))
    request = REQUEST.override(model=None)
    reply = AIMessage("42", response_metadata={"model_name": answered})
    assert judged(judge, reply, request=request)[0].outcome == "abstain"
    other = AIMessage("42", response_metadata={"model_name": "judge-10"})
    flow = judge(request, [ModelResponse(result=[other])])
    assert next(flow).kind == "judge"
