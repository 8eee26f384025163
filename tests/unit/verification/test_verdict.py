from __future__ import annotations

import dataclasses

import pytest
from langchain.agents.middleware.types import ModelResponse
from langchain_core.messages import AIMessage, ToolMessage

from llmops_plugins.verification.agreement import Agreement
from llmops_plugins.verification.predicate import Predicate
from llmops_plugins.verification.verdict import (
    PriceRank,
    Verdict,
    answer_message,
    message_ids,
    minimum_replies,
    price_rank,
)


@pytest.mark.parametrize(("outcome", "accepted"), [("accept", True), ("reject", False), ("abstain", False)])
def test_only_an_accepting_verdict_accepts(outcome, accepted):
    assert Verdict(outcome=outcome, reason="because").accepted is accepted


def test_a_verdict_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Verdict(outcome="accept", reason="because").outcome = "reject"


def test_the_models_message_is_found_beside_a_structured_outputs_tool_message():
    message = AIMessage("", tool_calls=[{"name": "Weather", "args": {}, "id": "1"}])
    response = ModelResponse(result=[message, ToolMessage("done", tool_call_id="1")])
    assert answer_message(response) is message


def test_a_reply_without_a_message_of_the_model_has_none():
    assert answer_message(ModelResponse(result=[])) is None


def test_a_verifier_needs_one_reply_unless_it_says_more():
    assert minimum_replies(Predicate(lambda message: True)) == 1
    assert minimum_replies(Agreement()) == 2


def test_a_verdict_is_free_unless_its_verifier_says_more():
    class Asks:
        price = PriceRank.MODEL_CALLS

    assert price_rank(Agreement()) == PriceRank.FREE < PriceRank.EMBEDDING < price_rank(Asks())


def test_only_messages_with_an_id_name_a_call():
    assert message_ids([AIMessage("a", id="1"), None, AIMessage("b"), AIMessage("c", id="2")]) == ("1", "2")
