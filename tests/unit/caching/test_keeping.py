"""A reply is kept where a later request finds it: a run's last one as the answer to the whole run."""

from langchain.agents.middleware.types import ModelResponse
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from llmops_plugins.caching.keeping import keep
from llmops_plugins.caching.place import find_place
from llmops_plugins.flow import run
from tests.unit.caching.fakes import QUESTION, Cached, request

USAGE = {"input_tokens": 100, "output_tokens": 10, "total_tokens": 110}
STEPS = [
    AIMessage(
        "",
        usage_metadata=USAGE,
        tool_calls=[{"name": name, "args": {}, "id": name} for name in ("weather", "clock")],
    ),
    ToolMessage("sunny", tool_call_id="weather", name="weather"),
    ToolMessage("noon", tool_call_id="clock", name="clock"),
]
LAST = AIMessage("Sunny at noon.", usage_metadata=USAGE)


def kept(cached, *messages, reply=LAST, question=QUESTION):
    asked = request(messages=[HumanMessage(QUESTION), *messages])
    cache = cached.middleware.cache
    place = find_place(asked, cache.partition)
    result = run(keep(asked, place, ModelResponse(result=[reply]), cache))
    return place, result, cache.store.search(("llmops_cache",))


def test_an_answer_is_kept_under_its_whole_conversation():
    place, result, (item,) = kept(Cached(tags=["b", "a"], tenant="ada", corpus_version="7"))
    assert (item.namespace, item.key) == (place.partition.namespace, place.conversation.key)
    assert item.value["tags"] == ["a", "b"]
    assert (item.value["tenant"], item.value["corpus_version"]) == ("ada", "7")
    assert result.entry.usage.input_tokens == 100


def test_a_run_whose_tools_are_all_declared_is_kept_under_what_began_it():
    cached = Cached(cacheable_tools=["weather", "clock"])
    place, result, (item,) = kept(cached, *STEPS)
    assert item.key == place.conversation.opening_key
    assert item.value["question"] == QUESTION
    assert (result.entry.usage.calls, result.entry.usage.input_tokens) == (2, 200)


def test_one_undeclared_tool_keeps_a_run_from_being_answered_whole():
    place, _, (item,) = kept(Cached(cacheable_tools=["weather"]), *STEPS)
    assert item.key == place.conversation.key != place.conversation.opening_key
    assert item.value["question"] is None


def test_a_step_on_the_way_is_kept_exactly_only():
    step = AIMessage("", tool_calls=[{"name": "clock", "args": {}, "id": "1"}])
    place, _, (item,) = kept(Cached(cacheable_tools=["weather", "clock"]), *STEPS, reply=step)
    assert item.key == place.conversation.key
    assert item.value["question"] is None


def test_a_users_function_that_fails_keeps_nothing():
    def fails(request):
        raise LookupError("no such class")

    _, result, items = kept(Cached(tags=fails))
    assert (result.failed, result.reason, result.entry) == (True, "LookupError", None)
    assert items == []
