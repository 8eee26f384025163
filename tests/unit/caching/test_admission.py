"""Stored is what is complete, blocked by nobody, without secrets and harmless when replayed."""

import pytest
from langchain.agents.middleware.types import ModelResponse
from langchain.agents.structured_output import ToolStrategy
from langchain_core.messages import AIMessage, AIMessageChunk, ToolMessage
from pydantic import BaseModel

from llmops_plugins.caching.admission import Admission, storable_reply
from llmops_plugins.caching.conversation import read_conversation
from llmops_plugins.events import BLOCKED_KEY
from tests.unit.caching.fakes import request

SECRET = "sk-" + "a1B2" * 6
CALL = {"name": "weather", "args": {"city": "Berlin"}, "id": "1"}


class City(BaseModel):
    name: str


def refusal(message, *, question="Which city?", admission=None, parsed=None, **settings):
    asked = request(question, **settings)
    messages = message if isinstance(message, list) else [message]
    response = ModelResponse(result=messages, structured_response=parsed)
    return (admission or Admission()).refusal(asked, read_conversation(asked), response)


def ended(key, value):
    return AIMessage("Berlin is", response_metadata={key: value})


def test_a_complete_answer_is_stored():
    assert refusal(AIMessage("Berlin.")) is None
    for key, value in {"finish_reason": "stop", "stop_reason": "end_turn", "status": "completed"}.items():
        assert refusal(ended(key, value)) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("finish_reason", "length"),
        ("finish_reason", "content_filter"),
        ("finish_reason", "MAX_TOKENS"),
        ("finish_reason", "SAFETY"),
        ("stop_reason", "max_tokens"),
        ("stop_reason", "refusal"),
        ("stopReason", "guardrail_intervened"),
        ("done_reason", "length"),
        ("status", "incomplete"),
    ],
)
def test_an_answer_that_was_cut_off_is_not(key, value):
    assert refusal(ended(key, value)) == "the reply is not complete"


@pytest.mark.parametrize(
    "message",
    [
        AIMessage(""),
        AIMessage(" \n"),
        AIMessage([]),
        AIMessage("", invalid_tool_calls=[{"name": "a", "args": "{", "id": "1", "error": None}]),
        [ToolMessage("done", tool_call_id="1")],
        AIMessage("No.", response_metadata={BLOCKED_KEY: True}),
        AIMessage("No.", additional_kwargs={"refusal": "I must not"}),
    ],
)
def test_nothing_is_stored_that_says_nothing_or_was_blocked(message):
    assert refusal(message)


@pytest.mark.parametrize(
    "message",
    [
        AIMessage(f"It is {SECRET}."),
        AIMessage(f"It is\n{SECRET}"),
        AIMessage([{"type": "reasoning", "reasoning": f"\t{SECRET}"}, {"type": "text", "text": "Yes."}]),
        AIMessage("Yes.", additional_kwargs={"reasoning_content": SECRET}),
        AIMessage("", tool_calls=[{**CALL, "args": {"header": [f"\n{SECRET}"]}}]),
        [AIMessage("Yes."), ToolMessage(SECRET, tool_call_id="1")],
    ],
)
def test_no_secret_is_stored(message):
    admission = Admission(cacheable_tools=frozenset({"weather"}))
    assert refusal(message, admission=admission) == "a key or token is in it"


def test_nor_a_question_that_holds_one():
    assert refusal(AIMessage("Yes."), question=f"Is {SECRET} yours?") == "a key or token is in it"


def test_calls_of_tools_are_stored_only_where_all_are_declared():
    other = {**CALL, "name": "book"}
    admission = Admission(cacheable_tools=frozenset({"weather"}))
    assert refusal(AIMessage("", tool_calls=[CALL]), admission=admission) is None
    for calls in ([other], [CALL, other]):
        assert "not declared cacheable" in refusal(AIMessage("", tool_calls=calls), admission=admission)
    assert "not declared cacheable" in refusal(AIMessage("", tool_calls=[CALL]))


def test_structured_output_is_stored_where_it_parsed():
    settings = {"response_format": ToolStrategy(City)}
    reply = [AIMessage("", tool_calls=[{**CALL, "name": "City"}]), ToolMessage("Done", tool_call_id="1")]
    assert refusal(reply, parsed=City(name="Berlin"), **settings) is None
    assert "response format" in refusal(AIMessage("Berlin, I think"), **settings)


def test_a_users_own_condition_is_asked_last():
    asked = []
    admission = Admission(admit=lambda request, message: asked.append(message) or "Berlin" in message.text)
    assert refusal(AIMessage("Berlin."), admission=admission) is None
    assert "admit" in refusal(AIMessage("Paris."), admission=admission)
    assert refusal(AIMessage(""), admission=admission) == "the reply is empty"
    assert len(asked) == 2


def test_what_is_stored_is_whole_and_plain():
    chunk = AIMessageChunk(
        "Berlin.",
        response_metadata={"model_name": "m", "finish_reason": "stop", "headers": object(), "logprobs": [1]},
        additional_kwargs={"parsed": City(name="Berlin"), "tool_calls": [{"id": "1"}], "citation": "a"},
    )
    (message,) = storable_reply(ModelResponse(result=[chunk]))
    assert type(message) is AIMessage
    assert message.response_metadata == {"model_name": "m", "finish_reason": "stop"}
    assert message.additional_kwargs == {"citation": "a"}


REASONING = [
    {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"},
    {"type": "thinking", "thinking": "Hm.", "signature": "x"},
    {"type": "redacted_thinking", "data": "x"},
]
TEXT = {"type": "text", "text": "Berlin.", "id": "msg_1", "annotations": [{"url": "https://example.org"}]}


def test_a_last_reply_is_stored_without_reasoning_and_ids_of_the_one_response_that_had_them():
    reply = AIMessage([*REASONING, TEXT, "Bye."])
    (message,) = storable_reply(ModelResponse(result=[reply]))
    assert message.content == [{key: TEXT[key] for key in ("type", "text", "annotations")}, "Bye."]
    assert reply.content == [*REASONING, TEXT, "Bye."]  # the user's own message stays as it is


def test_a_reply_that_calls_tools_keeps_them_since_providers_want_them_back_beside_the_call():
    (message,) = storable_reply(ModelResponse(result=[AIMessage([*REASONING, TEXT], tool_calls=[CALL])]))
    assert message.content == [*REASONING, TEXT]


def test_a_reply_of_reasoning_alone_says_nothing():
    assert refusal(AIMessage(REASONING)) == "the reply is empty"


def test_plain_text_is_stored_as_it_is():
    (message,) = storable_reply(ModelResponse(result=[AIMessage("Berlin. \n")]))
    assert message.content == "Berlin. \n"
