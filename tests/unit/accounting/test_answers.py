"""Which replies came out at the root."""

from dataclasses import dataclass

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.types import Command
from pydantic import BaseModel

from llmops_plugins.accounting.answers import ai_messages, answers_among, read_output


def reply(text="", id="r1", **calls):
    tool_calls = [{"name": name, "args": args, "id": "c"} for name, args in calls.items()]
    return AIMessage(text, id=id, tool_calls=tool_calls)


def answers(outputs, *replies, **settings):
    return answers_among(replies, read_output(outputs), **settings)


class Order(BaseModel):
    """An order."""

    number: int
    note: str = ""


@dataclass
class Place:
    city: str


HUMAN, TOOL = HumanMessage("?"), ToolMessage("3", tool_call_id="c")
STEP = reply(id="step", add={"a": 1})


@pytest.mark.parametrize(
    "outputs",
    [
        reply("yes"),
        {"messages": [HUMAN, reply("yes")]},
        {"inner": {"messages": [reply("yes")]}},
        [reply("yes")],
        Command(update={"messages": [reply("yes")]}),
        "yes",
        " yes\n",
        {"answer": "yes"},
        {"messages": [HUMAN, AIMessage("yes", id="made anew")]},
    ],
)
def test_a_reply_that_came_out_is_the_answer(outputs):
    assert answers(outputs, reply("yes")) == {0}


@pytest.mark.parametrize("outputs", [None, "no", {"n": 3}, {"messages": [HUMAN]}, [], b"yes", object()])
def test_one_that_did_not_is_not(outputs):
    assert answers(outputs, reply("yes")) == set()


def test_a_message_found_by_its_id_leaves_no_room_for_a_guess_by_text():
    outputs = {"messages": [HUMAN, reply("yes", "r1")], "verdict": "yes"}
    assert answers(outputs, reply("yes", "judge"), reply("yes", "r1")) == {1}


def test_of_equal_texts_the_latest_is_the_answer_as_often_as_the_text_came_out():
    said = [reply("x", "1"), reply("x", "2"), reply("x", "3")]
    assert answers("x", *said) == {2}
    assert answers({"a": "x", "b": "x"}, *said) == {1, 2}


def test_a_text_that_was_given_did_not_come_out():
    assert answers({"question": "x", "answer": "y"}, reply("x"), inputs={"question": "x"}) == set()


def test_a_text_of_an_earlier_turn_did_not_either():
    old = AIMessage("x", id="old")
    assert answers({"messages": [old, HUMAN, AIMessage("y", id="new")]}, reply("x")) == set()


class TestToolCalls:
    def test_a_step_is_no_answer(self):
        assert answers({"messages": [STEP, TOOL, reply("three")]}, STEP, reply("three")) == {1}

    def test_the_last_of_all_is_one_for_the_caller_to_carry_out(self):
        assert answers({"messages": [HUMAN, STEP]}, STEP) == {0}

    def test_but_not_where_it_waits_for_approval(self):
        assert answers({"messages": [HUMAN, STEP]}, STEP, interrupted=True) == set()

    def test_nor_where_its_tool_gave_the_result(self):
        assert answers({"messages": [HUMAN, STEP, TOOL]}, STEP) == set()

    @pytest.mark.parametrize(
        ("value", "said"),
        [
            (Order(number=3), reply(Order={"number": 3})),
            (Order(number=3), reply(Order={"number": "3"})),
            (Order(number=3), reply('{"number": 3}')),
            ({"number": 3, "note": ""}, reply(Anything={"number": 3})),
            (Place("Bern"), reply(Other={"city": "Bern"})),
        ],
    )
    def test_a_structured_value_was_parsed_from_it(self, value, said):
        assert answers(value, said) == {0}
        ends_with_tool = {"messages": [HUMAN, said, TOOL], "structured_response": value}
        assert answers(ends_with_tool, said) == {0}

    def test_another_value_was_not(self):
        assert answers({"number": 4}, reply(Other={"number": 3})) == set()


def test_ai_messages_are_found_at_any_depth_and_in_order():
    value = {"a": [reply("1", "1")], "b": {"c": (reply("2", "2"), HUMAN)}}
    assert [message.id for message in ai_messages(value)] == ["1", "2"]


def test_endless_outputs_end():
    loop: dict = {}
    loop["loop"] = loop
    assert answers(loop, reply("x")) == set()
    assert answers([["x"] * 300] * 300, reply("y")) == set()
