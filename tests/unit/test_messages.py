"""A whole message and its chunk are the same message."""

from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk, message_chunk_to_message
from langchain_core.messages.tool import invalid_tool_call, tool_call

from llmops_plugins.messages import chunk_of_message

ARGUMENTS = st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=5), max_size=3)
CALLS = st.builds(
    tool_call, name=st.text(min_size=1, max_size=5), args=ARGUMENTS, id=st.text(min_size=1, max_size=4)
)
INVALID = st.builds(
    invalid_tool_call,
    name=st.text(min_size=1, max_size=5),
    args=st.just('["not", "an object'),
    id=st.text(min_size=1, max_size=4),
    error=st.none(),
)
MESSAGES = st.builds(
    AIMessage,
    content=st.text(max_size=20) | st.just([{"type": "text", "text": "a"}]),
    tool_calls=st.lists(CALLS, max_size=3),
    id=st.text(min_size=1, max_size=8),
    name=st.none() | st.text(min_size=1, max_size=5),
    response_metadata=st.dictionaries(st.sampled_from(["model_name", "finish_reason"]), st.text(max_size=4)),
    additional_kwargs=st.dictionaries(st.sampled_from(["refusal"]), st.text(max_size=4)),
    usage_metadata=st.none() | st.just({"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}),
)


@given(message=MESSAGES)
@settings(deadline=None)
def test_a_message_survives_being_a_chunk(message):
    chunk = chunk_of_message(message)
    assert isinstance(chunk, AIMessageChunk)
    assert chunk.chunk_position == "last"
    assert message_chunk_to_message(chunk) == message


@given(invalid=st.lists(INVALID, min_size=1, max_size=2), calls=st.lists(CALLS, max_size=2))
@settings(deadline=None)
def test_calls_that_did_not_parse_are_not_lost(invalid, calls):
    chunk = chunk_of_message(AIMessage("", tool_calls=calls, invalid_tool_calls=invalid))
    assert [one["args"] for one in chunk.invalid_tool_calls] == [one["args"] for one in invalid]
    assert [one["id"] for one in chunk.tool_calls] == [one["id"] for one in calls]


def test_a_chunk_is_left_alone():
    chunk = AIMessageChunk("x")
    assert chunk_of_message(chunk) is chunk
