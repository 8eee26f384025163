"""One call's input: what it was made of, and what of it had been sent before."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from llmops_plugins.accounting.breakdown import (
    PART_KEY,
    InputBreakdown,
    SentBefore,
    break_down,
    estimate_tokens,
)
from llmops_plugins.errors import ConfigurationError

TEN = "x" * 40  # ten tokens under the estimator
SUMMARY = {"lc_source": "summarization"}
WEATHER = {
    "type": "function",
    "function": {"name": "weather", "description": TEN, "parameters": {"type": "object", "properties": {}}},
}


def call(name, **args):
    return {"name": name, "args": args, "id": "call_1"}


def parts(messages, tools=()):
    """The non-zero parts of an estimate, scaffolding left out."""
    found = break_down(messages, tools, None).to_dict()
    for key in ("billed", "resent", "scaffolding", "tools"):
        del found[key]
    return {part: tokens for part, tokens in found.items() if tokens}


# --- the estimator ---


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), ("abcd", 1), ("ab", 0.5), ("é" * 4, 2), ("日本", 1.5), ("😀", 1), ("\ud83d", 0.75)],
)
def test_tokens_are_utf8_bytes_over_four(text, tokens):
    assert estimate_tokens(text) == tokens


# --- which part a message belongs to ---


@pytest.mark.parametrize(
    ("message", "part"),
    [
        (SystemMessage(TEN), "system"),
        (ChatMessage(TEN, role="developer"), "system"),
        (ChatMessage(TEN, role="system"), "system"),
        (HumanMessage(TEN), "user"),
        (ChatMessage(TEN, role="user"), "user"),
        (AIMessage(TEN), "history"),
        (AIMessageChunk(content=TEN), "history"),
        (ChatMessage(TEN, role="narrator"), "history"),
        (ToolMessage(TEN, tool_call_id="1"), "tool_results"),
        (FunctionMessage(name="f", content=TEN), "tool_results"),
        (HumanMessage(TEN, additional_kwargs=SUMMARY), "memory"),
        (HumanMessage(TEN, additional_kwargs={PART_KEY: "memory"}), "memory"),
        (SystemMessage(TEN, additional_kwargs={PART_KEY: "demonstrations"}), "demonstrations"),
        (AIMessage(TEN, response_metadata={PART_KEY: "demonstrations"}), "demonstrations"),
        (HumanMessage(TEN, additional_kwargs={PART_KEY: "nonsense"}), "user"),
        (HumanMessage(TEN, example=True), "demonstrations"),
        (AIMessage(TEN, name="example_assistant"), "demonstrations"),
        (SystemMessage(TEN, name="example_user"), "demonstrations"),
        (ToolMessage(TEN, tool_call_id="1", name="example_search"), "tool_results"),
    ],
)
def test_a_message_belongs_to_one_part(message, part):
    assert parts([message]) == {part: 10}


def test_the_last_human_turn_is_the_user_and_earlier_turns_are_history():
    assert parts([HumanMessage(TEN), AIMessage(TEN), HumanMessage(TEN), HumanMessage(TEN)]) == {
        "history": 20,
        "user": 20,
    }


def test_the_question_stays_the_user_part_while_the_agent_works_on_it():
    working = [
        HumanMessage(TEN),
        AIMessage("", tool_calls=[call("f")]),
        ToolMessage(TEN, tool_call_id="call_1"),
    ]
    assert parts(working)["user"] == 10


def test_a_recalled_memory_does_not_cut_the_human_turn_short():
    recalled = HumanMessage(TEN, additional_kwargs={PART_KEY: "memory"})
    assert parts([HumanMessage(TEN), recalled, SystemMessage(TEN), HumanMessage(TEN)]) == {
        "user": 20,
        "memory": 10,
        "system": 10,
    }


def test_a_summary_at_the_end_is_not_mistaken_for_the_user():
    summary = HumanMessage(TEN, additional_kwargs=SUMMARY)
    assert parts([HumanMessage(TEN), AIMessage(TEN), summary]) == {"user": 10, "history": 10, "memory": 10}


def test_tool_calls_are_history_with_their_names_and_arguments():
    plain = parts([AIMessage(TEN)])["history"]
    called = parts([AIMessage(TEN, tool_calls=[call("weather", city="x" * 391)])])["history"]
    assert called == plain + (len("weather") + len('{"city":""}') + 391 + 2) // 4


def test_tool_calls_that_could_not_be_parsed_are_sent_and_counted_too():
    unparsed = {"name": "f", "args": "x" * 39, "id": "1", "error": None, "type": "invalid_tool_call"}
    assert parts([AIMessage("", invalid_tool_calls=[unparsed])]) == {"history": 10}


def test_a_tool_call_repeated_in_the_content_is_counted_once():
    block = {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": TEN}}
    listed = AIMessage([block], tool_calls=[call("weather", city=TEN)])
    unlisted = HumanMessage([block])  # no tool_calls to stand for it
    once = parts([AIMessage("", tool_calls=[call("weather", city=TEN)])])["history"]
    assert parts([listed]) == {"history": once}
    assert parts([unlisted]) == {"user": once}


def test_blocks_may_claim_a_part_of_their_own():
    message = HumanMessage(
        [
            {"type": "text", "text": TEN},
            {"type": "text", "text": TEN, PART_KEY: "memory"},
            {"type": "text", "text": TEN, "extras": {PART_KEY: "demonstrations"}},
            {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": TEN}]},
            {"type": "tool_result", "tool_use_id": "2", "content": TEN},
        ]
    )
    assert parts([message]) == {"user": 10, "memory": 10, "demonstrations": 10, "tool_results": 20}


def test_a_block_says_more_than_its_message_and_a_marked_message_keeps_its_tool_results():
    blocks = [{"type": "text", "text": TEN, PART_KEY: "memory"}, {"type": "tool_result", "content": TEN}]
    demonstration = HumanMessage(blocks, additional_kwargs={PART_KEY: "demonstrations"})
    assert parts([demonstration]) == {"memory": 10, "demonstrations": 10}


def test_a_message_may_list_the_parts_of_its_first_blocks():
    blocks = [{"type": "text", "text": TEN}, TEN, {"type": "text", "text": TEN}]
    listed = HumanMessage(blocks, additional_kwargs={PART_KEY: ["demonstrations", "memory"]})
    assert parts([listed]) == {"demonstrations": 10, "memory": 10, "user": 10}
    assert parts([HumanMessage(TEN, additional_kwargs={PART_KEY: ["memory"]})]) == {"user": 10}
    assert parts([HumanMessage([TEN], additional_kwargs={PART_KEY: [["memory"], 7]})]) == {"user": 10}


def test_every_message_and_tool_brings_scaffolding():
    one = break_down([HumanMessage("")], [], None).scaffolding
    assert one > 0
    assert break_down([HumanMessage("")] * 3, [], None).scaffolding == 3 * one
    assert break_down([HumanMessage("")], [WEATHER], None).scaffolding > one


# --- tools ---


@pytest.mark.parametrize(
    ("tool", "name"),
    [
        (WEATHER, "weather"),
        ({"name": "weather", "description": TEN, "input_schema": {"type": "object"}}, "weather"),
        ({"toolSpec": {"name": "weather", "inputSchema": {"json": {}}}}, "weather"),
        ({"type": "custom", "custom": {"name": "shell"}}, "shell"),
        ({"type": "web_search_20250305", "name": "web_search"}, "web_search"),
        ({"type": "web_search_preview"}, "web_search_preview"),
        ({"title": "Answer", "type": "object", "properties": {}}, "Answer"),
        ({"type": "json_schema", "json_schema": {"name": "answer", "schema": {"title": "Answer"}}}, "answer"),
        ({"type": "json_schema", "json_schema": {"schema": {"title": "Answer"}}}, "Answer"),
        ({"type": "json_schema", "schema": {"title": "Answer"}}, "Answer"),
        ({"type": "function", "function": {"description": TEN}}, "tool[1]"),
        ({"type": "object", "properties": {}}, "tool[1]"),
        ({"type": ["object"], "name": 7}, "tool[1]"),
        ("not a mapping", "tool[1]"),
    ],
)
def test_tools_are_named_in_every_providers_format(tool, name):
    found = break_down([], [{"name": "first"}, tool], None).tools
    assert list(found) == ["first", name]
    assert found[name] > 0


def test_tools_of_one_name_add_up():
    five_tokens = {"name": "a", "d": "x"}
    assert break_down([], [five_tokens, five_tokens], None).tools == {"a": 10}


def test_a_longer_schema_takes_a_larger_share():
    short = {"name": "short", "description": TEN}
    long = {"name": "long", "description": TEN * 10}
    found = break_down([], [short, long], 1000).tools
    assert found["long"] > 4 * found["short"]


# --- the bill ---


def test_parts_are_scaled_to_the_bill():
    found = break_down([SystemMessage(TEN * 3), HumanMessage(TEN)], [], 4800)
    assert found.billed
    assert (found.system, found.user, found.scaffolding, found.unknown) == (3000, 1000, 800, 0)
    assert found.total == 4800


def test_without_usage_the_parts_are_estimates():
    found = break_down([SystemMessage(TEN * 3), HumanMessage(TEN)], [], None)
    assert not found.billed
    assert (found.system, found.user, found.total) == (30, 10, 48)


def test_a_negative_count_is_no_usage():
    assert break_down([HumanMessage(TEN)], [], -1) == break_down([HumanMessage(TEN)], [], None)


OPAQUE_BLOCKS = [
    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    {"type": "image", "source_type": "base64", "data": "AAAA"},
    {"type": "input_audio", "input_audio": {"data": "AAAA"}},
    {"type": "file", "file": {"file_id": "f"}},
    {"type": "document", "source": {"data": "AAAA"}},
    {"image": {"format": "png", "source": {"bytes": b"\x00"}}},
    {"type": "redacted_thinking", "data": "AAAA"},
    {"type": "thinking", "thinking": "a summary", "signature": "AAAA"},
    {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "AAAA"},
    {"type": "reasoning", "reasoning": "a summary", "extras": {"signature": "AAAA"}},
    {"type": "reasoning", "id": "rs_1", "summary": []},
    {"type": "something_new", "payload": "AAAA"},
]


@pytest.mark.parametrize("block", OPAQUE_BLOCKS)
def test_what_cannot_be_estimated_is_unknown_and_never_spread_over_the_text(block):
    text = break_down([HumanMessage([{"type": "text", "text": TEN}])], [], None)
    found = break_down([HumanMessage([{"type": "text", "text": TEN}, block])], [], 1000)
    assert (found.user, found.scaffolding) == (text.user, text.scaffolding)
    assert found.unknown == 1000 - text.total


def test_an_image_in_a_tool_result_is_unknown_too():
    message = HumanMessage([{"type": "tool_result", "content": [OPAQUE_BLOCKS[0]]}])
    assert break_down([message], [], 1000).unknown > 900


def test_text_estimates_above_the_bill_are_scaled_down():
    found = break_down([HumanMessage([{"type": "text", "text": TEN * 100}, OPAQUE_BLOCKS[0]])], [], 500)
    assert (found.total, found.unknown) == (500, 0)


@pytest.mark.parametrize(
    "block",
    [
        TEN,
        {"type": "input_text", "text": TEN},
        {"type": "text-plain", "text": TEN},
        {"type": "reasoning", "reasoning": TEN},
        {"type": "thinking", "thinking": TEN},
        {"text": TEN},
    ],
)
def test_text_blocks_of_every_provider_are_text(block):
    assert parts([HumanMessage([block])]) == {"user": 10}


# --- what had been sent before ---


def test_a_conversation_resends_what_its_earlier_calls_sent():
    sent, first = SentBefore(), [SystemMessage(TEN), HumanMessage(TEN)]
    opening = break_down(first, [WEATHER], None, sent, "t")
    assert opening.resent == 0
    second = break_down([*first, AIMessage(TEN), HumanMessage(TEN * 2)], [WEATHER], None, sent, "t")
    assert second.resent == opening.total
    again = break_down([*first, AIMessage(TEN), HumanMessage(TEN * 2)], [WEATHER], None, sent, "t")
    assert again.resent == again.total == second.total


def test_resent_tokens_are_scaled_like_the_parts():
    sent = SentBefore()
    break_down([SystemMessage(TEN * 3)], [], None, sent, "t")
    found = break_down([SystemMessage(TEN * 3), HumanMessage(TEN * 3)], [], 6800, sent, "t")
    assert found.resent == 3400


def test_unknown_tokens_are_never_called_resent():
    sent, message = SentBefore(), HumanMessage([{"type": "text", "text": TEN}, OPAQUE_BLOCKS[0]])
    break_down([message], [], 1000, sent, "t")
    found = break_down([message], [], 1000, sent, "t")
    assert found.resent == found.total - found.unknown


def test_the_same_word_said_again_is_new():
    sent, yes, reply = SentBefore(), HumanMessage("yes" * 40), AIMessage("and now?")
    first = break_down([yes], [], None, sent, "t")
    second = break_down([yes, reply, yes], [], None, sent, "t")
    assert second.resent == first.total


def test_threads_do_not_know_of_each_other():
    sent = SentBefore()
    break_down([HumanMessage(TEN)], [], None, sent, "a")
    assert break_down([HumanMessage(TEN)], [], None, sent, "b").resent == 0


@pytest.mark.parametrize(
    ("sent", "like_it"),
    [
        (HumanMessage(TEN), SystemMessage(TEN)),
        (HumanMessage(TEN), ToolMessage(TEN, tool_call_id="1")),
        (AIMessage("", tool_calls=[call("f", x=1)]), AIMessage("", tool_calls=[call("f", x=2)])),
        (AIMessage("", tool_calls=[call("f", x=1)]), AIMessage("", tool_calls=[call("g", x=1)])),
    ],
)
def test_the_same_text_in_another_role_or_call_is_another_part(sent, like_it):
    memory, question = SentBefore(), HumanMessage("question")
    break_down([question, sent], [], None, memory, "t")
    found = break_down([question, like_it], [], None, memory, "t")
    assert found.resent == break_down([question], [], None).total


def test_a_message_is_the_same_whatever_its_id():
    memory = SentBefore()
    break_down([HumanMessage(TEN, id="1")], [], None, memory, "t")
    again = break_down([HumanMessage(TEN, id="2")], [], None, memory, "t")
    assert again.resent == again.total


def test_without_a_thread_or_a_memory_nothing_is_known():
    assert break_down([HumanMessage(TEN)], [], 100, SentBefore(), None).resent is None
    assert break_down([HumanMessage(TEN)], [], 100, None, "t").resent is None


def test_a_conversation_begun_elsewhere_is_unknown_once():
    sent, begun = SentBefore(), [HumanMessage("hello"), AIMessage("good day"), HumanMessage(TEN)]
    assert break_down(begun, [], None, sent, "t").resent is None
    after = break_down([*begun, AIMessage(TEN), HumanMessage(TEN)], [], None, sent, "t")
    assert after.resent == break_down(begun, [], None).total


def test_a_guard_called_first_does_not_hide_that_a_conversation_was_begun_elsewhere():
    sent, question = SentBefore(), HumanMessage(TEN)
    assert break_down([SystemMessage("judge this"), question], [], None, sent, "t").resent == 0
    assert break_down([HumanMessage("hello"), AIMessage("hi"), question], [], None, sent, "t").resent is None


def test_marked_demonstrations_do_not_make_a_conversation_look_begun_elsewhere():
    demonstrations = [HumanMessage("2+2", name="example_user"), AIMessage("4", name="example_assistant")]
    assert break_down([*demonstrations, HumanMessage(TEN)], [], None, SentBefore(), "t").resent == 0


def test_a_summary_written_within_a_known_conversation_is_new_and_the_rest_is_known():
    sent, reply = SentBefore(), AIMessage(TEN * 4)
    break_down([HumanMessage(TEN)], [], None, sent, "t")
    break_down([HumanMessage(TEN), reply, HumanMessage(TEN)], [], None, sent, "t")
    summary = HumanMessage("said so far", additional_kwargs=SUMMARY)
    folded = break_down([summary, reply, HumanMessage(TEN * 2)], [], None, sent, "t")
    assert folded.resent == break_down([reply], [], None).total


def test_the_least_recently_used_thread_is_forgotten_first():
    sent, message = SentBefore(max_threads=2), [HumanMessage(TEN)]
    for thread in ("a", "b", "a", "c"):
        break_down(message, [], None, sent, thread)
    assert break_down(message, [], None, sent, "a").resent > 0
    assert break_down(message, [], None, sent, "b").resent == 0


def test_the_parts_least_recently_sent_are_forgotten_first():
    sent = SentBefore(max_parts_per_thread=2)
    assert sent.record("t", [1, 2]) == [False, False]
    assert sent.record("t", [1, 3]) == [True, False]
    assert sent.record("t", [2]) == [False]
    assert sent.record("t", [3]) == [True]


@pytest.mark.parametrize("limit", ["max_threads", "max_parts_per_thread"])
def test_a_memory_that_can_hold_nothing_is_refused(limit):
    with pytest.raises(ConfigurationError, match=limit):
        SentBefore(**{limit: 0})


# --- strange content never raises ---


class Hostile:
    def __repr__(self):
        raise RuntimeError("no")


def cyclic():
    value = {"name": "loop"}
    value["self"] = value
    return value


def deep():
    value = []
    for _ in range(100_000):
        value = [value]
    return {"name": "deep", "schema": value}


def nested_result():
    block = {"type": "tool_result"}
    block["content"] = [block, "text"]
    return block


@pytest.mark.parametrize(
    "message",
    [
        HumanMessage.model_construct(content=None),
        HumanMessage.model_construct(content=7),
        HumanMessage.model_construct(content={"text": 1}),
        HumanMessage.model_construct(
            content=[None, 7, b"bytes", ["list"], Hostile(), {"type": ["x"]}, {"text": None}]
        ),
        HumanMessage.model_construct(content=[nested_result(), {"type": "tool_result"}]),
        HumanMessage.model_construct(content="x", additional_kwargs=None, response_metadata=3, name=4),
        HumanMessage("x", additional_kwargs={PART_KEY: ["memory"]}),
        AIMessage.model_construct(
            content="", tool_calls=[None, {"args": Hostile()}, {"name": 3, "args": {(1,): 2}}]
        ),
        AIMessage.model_construct(content=[{"type": "reasoning", "extras": "x"}], tool_calls=None),
        HumanMessage("\ud83d lone \udc00"),
        HumanMessage("long " * 2_000_000),
        BaseMessage.model_construct(),
    ],
    ids=range(12),
)
def test_strange_messages_are_counted_without_raising(message):
    sent = SentBefore()
    for _ in range(2):
        found = break_down([message], [], 1000, sent, "t")
        assert found.total == 1000
        json.dumps(found.to_dict())


@pytest.mark.parametrize(
    "tool",
    [
        None,
        {},
        {"name": "x", "f": Hostile()},
        {(1, 2): 3},
        cyclic(),
        deep(),
        {"name": "\ud83d"},
        {"schema": 3},
    ],
    ids=range(8),
)
def test_strange_tools_are_counted_without_raising(tool):
    found = break_down([], [tool], 1000, SentBefore(), "t")
    assert found.total == 1000
    json.dumps(found.to_dict())


def test_a_schema_that_is_no_json_is_still_sized():
    found = break_down([], [{"name": "odd", ("a", "tuple"): TEN * 10}], None)
    assert found.tools["odd"] > 100


# --- for any input ---

TEXTS = st.text(st.characters(), max_size=40)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
BLOCKS = (
    TEXTS
    | st.dictionaries(TEXTS, JSON, max_size=2)
    | st.builds(lambda text: {"type": "text", "text": text}, TEXTS)
    | st.sampled_from(OPAQUE_BLOCKS)
)
CONTENTS = TEXTS | st.lists(BLOCKS, max_size=3)
MARKS = st.sampled_from([{}, SUMMARY, {PART_KEY: "memory"}, {PART_KEY: "demonstrations"}])
MESSAGES = st.lists(
    st.builds(SystemMessage, content=CONTENTS)
    | st.builds(HumanMessage, content=CONTENTS, additional_kwargs=MARKS)
    | st.builds(ToolMessage, content=CONTENTS, tool_call_id=st.just("1"))
    | st.builds(AIMessage, content=CONTENTS, tool_calls=st.lists(st.just(call("f", x=1)), max_size=2)),
    max_size=8,
)
TOOLS = st.lists(
    st.sampled_from([WEATHER, {"type": "web_search"}]) | st.dictionaries(TEXTS, JSON), max_size=4
)
BILLS = st.integers(min_value=0, max_value=10**20)


def all_parts(found: InputBreakdown) -> list[int]:
    return [
        value for key, value in found.to_dict().items() if key not in {"tools", "billed", "resent"}
    ] + list(found.tools.values())


@settings(deadline=None)  # a busy machine is not a failure
@given(messages=MESSAGES, tools=TOOLS, billed=BILLS)
def test_the_parts_are_whole_tokens_and_add_up_to_any_bill(messages, tools, billed):
    found = break_down(messages, tools, billed)
    assert all(type(part) is int and part >= 0 for part in all_parts(found))
    assert sum(all_parts(found)) == found.total == billed
    assert found.billed


@settings(deadline=None)  # a busy machine is not a failure
@given(messages=MESSAGES, tools=TOOLS)
def test_without_a_bill_nothing_is_unknown(messages, tools):
    found = break_down(messages, tools, None)
    assert (found.billed, found.unknown) == (False, 0)
    assert sum(all_parts(found)) == found.total


@settings(deadline=None)  # a busy machine is not a failure
@given(messages=MESSAGES, tools=TOOLS, billed=st.none() | BILLS)
def test_a_call_repeated_resends_all_that_is_known(messages, tools, billed):
    sent = SentBefore()
    first = break_down(messages, tools, billed, sent, "t")
    again = break_down(messages, tools, billed, sent, "t")
    assert first.resent in (0, None)
    assert again.resent == again.total - again.unknown


@settings(deadline=None)  # a busy machine is not a failure
@given(messages=MESSAGES, tools=TOOLS, billed=st.none() | BILLS)
def test_a_breakdown_survives_its_journey_through_json(messages, tools, billed):
    found = break_down(messages, tools, billed, SentBefore(), "t")
    assert InputBreakdown.from_dict(json.loads(json.dumps(found.to_dict()))) == found
