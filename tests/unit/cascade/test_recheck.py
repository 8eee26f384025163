"""Asking the reference again for an accepted answer: what is compared, noted and announced."""

import pytest
from langchain.agents.middleware.types import ModelRequest, ModelResponse
from langchain_core.messages import AIMessage, HumanMessage

from llmops_plugins.cascade.recheck import Recheck
from llmops_plugins.drift_monitor import DriftMonitor
from llmops_plugins.flow import Emit, Forward
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.answers import extract_answer

REFERENCE = ScriptedChatModel(replies=["x"], model_name="reference")
REQUEST = ModelRequest(model=ScriptedChatModel(replies=["x"]), messages=[HumanMessage("6 * 7?")])
CALL = {"type": "tool_call", "name": "f", "args": {}, "id": "1"}


def said(text, **fields):
    return ModelResponse(result=[AIMessage(text, **fields)])


@pytest.fixture
def monitor():
    return DriftMonitor(bound=0.1, confidence=0.9, share=1.0, most_an_hour=5)


@pytest.fixture
def recheck(monitor, simulation):
    return Recheck(
        reference=REFERENCE,
        monitor=monitor,
        extract=extract_answer,
        policy=simulation.agreement_policy(),
    )


def drive(recheck, accepted, again):
    """Send the reference's reply; return what it was asked, and the decisions announced."""
    flow = recheck.flow(REQUEST, accepted)
    asked = next(flow)
    announced = [flow.send(again), *flow]
    assert all(isinstance(effect, Emit) for effect in announced)
    return asked, [effect.decision for effect in announced]


def test_the_reference_is_asked_the_same_and_its_reply_reaches_nobody(recheck):
    asked, _ = drive(recheck, said("42"), said("42"))
    assert isinstance(asked, Forward)
    assert not asked.live
    assert asked.request.model is REFERENCE
    assert asked.request.messages == REQUEST.messages


@pytest.mark.parametrize(
    ("accepted", "again", "differs"),
    [
        (said("42"), said("The answer is 42."), False),
        (said("42"), said("43"), True),
        (said(""), said(""), True),  # no answer equals none
        (said("42"), said(""), True),
        (said("42", tool_calls=[CALL]), said("42"), True),
    ],
)
def test_final_answers_are_compared(recheck, monitor, accepted, again, differs):
    _, (decision,) = drive(recheck, accepted, again)
    assert decision.details["differs"] is differs
    assert decision.details["differing"] == int(differs)


def test_a_reference_that_calls_tools_says_nothing_about_drift(recheck, monitor):
    _, (decision,) = drive(recheck, said("42"), said("42", id="again", tool_calls=[CALL]))
    assert (decision.outcome, decision.hidden) == ("recheck_not_comparable", ("again",))
    assert monitor.record(differs=False).checked == 1  # it was not counted


def test_each_check_is_announced_with_the_hidden_call_and_what_is_known_by_now(recheck):
    drive(recheck, said("42"), said("42"))
    _, (decision,) = drive(recheck, said("42", id="accepted"), said("43", id="again"))
    assert (decision.capability, decision.outcome, decision.mode) == ("cascade", "rechecked", "shadow")
    assert decision.hidden == ("again",)
    assert decision.returned is None
    details = decision.details
    assert (details["checked"], details["differing"], details["margin"]) == (2, 1, 0.0)
    assert 0.5 < details["differing_upper"] < 1
    assert details["data_fingerprint"] == "made up"


def test_a_breach_is_announced_besides_with_the_counts_that_show_it(recheck, monitor, caplog):
    seen = []
    while not seen or seen[-1].outcome != "bound_breached":
        seen += drive(recheck, said("42"), said("43"))[1]
    checks, breach = seen[:-1], seen[-1]
    assert {one.outcome for one in checks} == {"rechecked"}
    assert (breach.mode, breach.hidden) == ("shadow", ())  # the call was counted with the check
    assert f"{len(checks)} of {len(checks)} accepted answers differ" in breach.reason
    assert "calibrate anew" in breach.reason
    assert breach.details["margin"] == recheck.margin == 0.05
    assert "42" not in breach.reason


def test_each_breach_doubles_what_staying_must_be_worth_more(recheck):
    assert recheck.margin == 0.0
    seen = [drive(recheck, said("42"), said("43"))[1] for _ in range(12)]
    margins = [one.details["margin"] for each in seen for one in each if one.outcome == "bound_breached"]
    assert margins[:3] == [0.05, 0.1, 0.2]
    assert recheck.margin == margins[-1]


def test_it_is_due_when_the_monitor_says(recheck):
    assert [recheck.is_due() for _ in range(7)] == [True] * 5 + [False] * 2


def test_a_reference_that_fails_says_nothing_of_the_bound(recheck, monitor):
    flow = recheck.flow(REQUEST, said("42"))
    next(flow)
    with pytest.raises(ConnectionError):
        flow.throw(ConnectionError("down"))
    assert monitor.record(differs=False).checked == 1
