from __future__ import annotations

import pytest
from langchain.agents.middleware.types import ModelResponse
from langchain_core.messages import AIMessage

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.flow import CallModel
from llmops_plugins.verification.agreement import Agreement
from llmops_plugins.verification.first_applicable import FirstApplicable
from llmops_plugins.verification.predicate import Predicate
from llmops_plugins.verification.tool_calls import ValidToolCalls
from llmops_plugins.verification.verdict import Verdict


class Says:
    """A verifier with a fixed verdict that notes whether it was asked."""

    def __init__(self, outcome, *hidden):
        self.verdict = Verdict(outcome=outcome, reason=f"said {outcome}", hidden=hidden)
        self.asked = False

    def __call__(self, request, replies):
        yield from ()
        self.asked = True
        return self.verdict


@pytest.mark.parametrize("outcome", ["accept", "reject"])
def test_the_first_verifier_that_does_not_abstain_decides(judge, outcome):
    later = Says("reject" if outcome == "accept" else "accept")
    verdict = judge(FirstApplicable(Says("abstain"), Says(outcome), later), "an answer")
    assert (verdict.outcome, verdict.reason) == (outcome, f"said {outcome}")
    assert not later.asked


def test_hidden_calls_of_those_that_abstained_are_counted_too(judge):
    verdict = judge(FirstApplicable(Says("abstain", "judge-1"), Says("accept", "judge-2")), "an answer")
    assert verdict.hidden == ("judge-1", "judge-2")


def test_it_abstains_when_all_do_and_says_why(judge):
    verdict = judge(FirstApplicable(Says("abstain", "judge-1"), ValidToolCalls()), "an answer")
    assert verdict == Verdict(
        outcome="abstain", reason="said abstain; made no tool call", hidden=("judge-1",)
    )


def test_it_needs_as_many_replies_as_the_neediest():
    assert FirstApplicable(ValidToolCalls(), Agreement()).minimum_replies == 2
    assert FirstApplicable(ValidToolCalls(), Predicate(bool)).minimum_replies == 1


def test_effects_of_the_verifiers_reach_the_driver():
    effect = CallModel("a judge", [], kind="judge")

    def asks(request, replies):
        answer = yield effect
        return Verdict(outcome="accept", reason=answer)

    flow = FirstApplicable(asks)(None, [ModelResponse(result=[AIMessage("an answer")])])
    assert next(flow) is effect
    with pytest.raises(StopIteration) as stop:
        flow.send("well said")
    assert stop.value.value.reason == "well said"


def test_none_at_all_is_refused():
    with pytest.raises(ConfigurationError, match="verifiers: is empty"):
        FirstApplicable()
