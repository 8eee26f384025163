"""All of a conversation is looked up exactly; only a lone question may be found by its meaning."""

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from llmops_plugins.caching.conversation import read_conversation
from tests.unit.caching.fakes import QUESTION, request


def read(*messages, **settings):
    return read_conversation(request(messages=list(messages), **settings))


def run_with(call_id, *, content="", message_id=None, result="sunny", **extra):
    call = {"name": "weather", "args": {"city": "Berlin"}, "id": call_id}
    return [
        HumanMessage("Weather in Berlin?", id=message_id),
        AIMessage(content, tool_calls=[call], id=message_id, **extra),
        ToolMessage(result, tool_call_id=call_id, name="weather"),
    ]


def test_the_first_question_is_one():
    conversation = read(HumanMessage(f"  {QUESTION}\n"))
    assert conversation.question == QUESTION
    assert conversation.key == conversation.opening_key
    assert conversation.refusal is None


def test_leading_system_messages_belong_to_the_partition():
    assert read(SystemMessage("Be brief."), HumanMessage(QUESTION)).key == read(HumanMessage(QUESTION)).key
    inside = read(HumanMessage(QUESTION), SystemMessage("Be brief."), HumanMessage(QUESTION))
    assert inside.key != read(HumanMessage(QUESTION), HumanMessage(QUESTION)).key
    own = read(HumanMessage(QUESTION), system_message=SystemMessage("Be brief."))
    assert own.key == read(HumanMessage(QUESTION)).key


@pytest.mark.parametrize(
    "message",
    [
        HumanMessage(QUESTION, name="ada"),
        HumanMessage(QUESTION, additional_kwargs={"locale": "de"}),
        HumanMessage([{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": QUESTION}]),
    ],
    ids=["somebody's", "with extras", "with more than words"],
)
def test_a_question_that_says_more_than_its_words_is_found_exactly_only(message):
    conversation = read(message)
    assert (conversation.question, conversation.refusal) == (None, None)
    assert conversation.key != read(HumanMessage(QUESTION)).key


def test_a_later_turn_has_no_question_of_its_own():
    turns = [HumanMessage("Hi"), AIMessage("Hello"), HumanMessage(QUESTION)]
    assert read(*turns).question is None
    assert read(*turns).key != read(HumanMessage("Hey"), *turns[1:]).key


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([], "nobody asked"),
        ([AIMessage("Hi")], "nobody asked"),
        ([HumanMessage("")], "no text"),
        ([HumanMessage(" \n")], "no text"),
        ([HumanMessage([{"type": "image_url", "image_url": {"url": "data:,"}}])], "no text"),
        (
            [HumanMessage([{"type": "text", "text": "What is this?"}, {"type": "image", "url": "a"}])],
            "more than text",
        ),
        (
            [HumanMessage([{"type": "text", "text": "Sum up"}, {"type": "text-plain", "text": "A book"}])],
            "more than text",
        ),
        ([HumanMessage([{"type": "image", "url": "a"}]), HumanMessage("What is this?")], "more than text"),
    ],
)
def test_no_text_and_more_than_text_pass_by(messages, reason):
    assert reason in read(*messages).refusal


def test_ids_do_not_count():
    plain = read(*run_with("call_1", message_id="a"))
    assert plain.key == read(*run_with("call_2", message_id="b")).key
    in_content = [
        read(*run_with(one, content=[{"type": "tool_use", "id": one, "name": "weather", "index": index}]))
        for index, one in enumerate(("call_1", "call_2"))
    ]
    assert in_content[0].key == in_content[1].key
    repeated = [read(*run_with(one, additional_kwargs={"tool_calls": [{"id": one}]})) for one in ("1", "2")]
    assert repeated[0].key == repeated[1].key == plain.key


def test_which_result_belongs_to_which_call_counts():
    calls = [{"name": "weather", "args": {}, "id": one} for one in "ab"]

    def answered(first, second):
        results = [ToolMessage("sunny", tool_call_id=first), ToolMessage("rainy", tool_call_id=second)]
        return read(HumanMessage("?"), AIMessage("", tool_calls=calls), *results)

    assert answered("a", "b").key != answered("b", "a").key


def test_what_was_said_since_the_person_spoke_are_steps():
    messages = run_with("call_1")
    conversation = read(*messages)
    assert list(conversation.steps) == messages[1:]
    assert conversation.opening_key == read(messages[0]).key
    assert conversation.question == "Weather in Berlin?"
    assert conversation.tools_called == {"weather"}
    assert conversation.key != read(*run_with("call_1", result="rainy")).key


def test_a_call_that_did_not_parse_is_of_no_known_tool():
    broken = AIMessage("", invalid_tool_calls=[{"name": "a", "args": "{", "id": "1", "error": None}])
    assert read(HumanMessage("?"), broken).tools_called == {""}
