"""An answer comes back from a store as it went in, under new ids; what nobody can read is none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, ToolMessage

from llmops_plugins.caching.entry import CacheEntry, RecordedUsage, recorded_usage

CALLS = [{"name": name, "args": {"x": 1}, "id": f"call_{name}", "type": "tool_call"} for name in "ab"]
USAGE = {
    "input_tokens": 1000,
    "output_tokens": 100,
    "total_tokens": 1100,
    "input_token_details": {"cache_read": 512},
}


def entry(*reply, **settings):
    return CacheEntry(
        **{
            "question": "Q?",
            "reply": reply or (AIMessage("A."),),
            "usage": None,
            "created_at": 5.0,
            **settings,
        }
    )


def stored(one):
    return CacheEntry.from_value(json.loads(json.dumps(one.to_value())))


def test_an_entry_comes_back_as_it_was():
    usage = RecordedUsage(provider="p", model="m", calls=2, input_tokens=None, output_tokens=3)
    one = entry(
        AIMessage("", tool_calls=CALLS, response_metadata={"model_name": "m"}),
        ToolMessage("done", tool_call_id="call_a"),
        usage=usage,
        tenant="ada",
        corpus_version="7",
        tags=("x",),
        expires_at=9.5,
        checked=4,
        differing=1,
    )
    assert stored(one) == one


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(sorted(entry().to_value())), JSON)
def test_garbage_in_any_place_is_no_entry_or_one_that_can_be_served(name, garbage):
    found = CacheEntry.from_value({**entry().to_value(), name: garbage})
    if found is not None:
        assert found.message.text is not None
        assert found.question is None or isinstance(found.question, str)
        assert found.is_fresh(0.0) in (True, False)
        assert found.replayed("exact")


@pytest.mark.parametrize("value", [{}, {"version": 2}, {"version": 1}, {"question": "Q?", "answer": "A."}])
def test_what_another_version_or_program_wrote_is_none(value):
    assert CacheEntry.from_value(value) is None


def test_every_replay_has_new_ids_that_agree():
    content = [
        {"type": "text", "text": "Let me see."},
        {"type": "tool_use", "id": "call_a", "name": "a", "input": {"x": 1}},
        {"type": "function_call", "id": "fc_1", "call_id": "call_b", "name": "b"},
    ]
    one = entry(
        AIMessage(content, id="m1", tool_calls=CALLS), ToolMessage("A!", tool_call_id="call_a", id="t1")
    )
    ids = set()
    for _ in range(2):
        message, result = one.replayed("exact")
        first, second = (call["id"] for call in message.tool_calls)
        assert (message.content[1]["id"], message.content[2]["call_id"]) == (first, second)
        assert result.tool_call_id == first
        assert message.text == "Let me see."
        ids |= {message.id, result.id, first, second}
    assert len(ids) == 8
    assert not ids & {"m1", "t1", "call_a", "call_b"}
    assert one.message.content == content  # what is stored stays as it was


def test_a_replay_took_no_tokens_and_says_where_it_is_from():
    (message,) = entry(AIMessage("A.", usage_metadata=USAGE)).replayed("semantic")
    assert message.usage_metadata == {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    assert message.response_metadata["llmops_cache"] == "semantic"


def test_usage_of_several_calls_is_added_up_and_one_that_is_unknown_makes_it_unknown():
    known = AIMessage("", usage_metadata=USAGE)
    usage = recorded_usage([known, known], "p", "m")
    assert (usage.calls, usage.input_tokens, usage.output_tokens, usage.cache_read_tokens) == (
        2,
        2000,
        200,
        1024,
    )
    usage = recorded_usage([known, AIMessage("")], "p", "m")
    assert (usage.calls, usage.input_tokens, usage.output_tokens) == (2, None, None)


def test_an_entry_is_served_until_it_expires():
    assert entry(expires_at=None).is_fresh(1e12)
    assert entry(expires_at=10.0).is_fresh(9.99)
    assert not entry(expires_at=10.0).is_fresh(10.0)


def test_a_reply_whose_calls_have_their_results_calls_no_tools():
    calling = AIMessage("", tool_calls=CALLS[:1])
    assert entry(calling).calls_tools
    assert not entry(calling, ToolMessage("A!", tool_call_id="call_a")).calls_tools
