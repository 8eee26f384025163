"""The cache in agents and around bare models: whole runs, streams, structured output, modes, vetoes."""

import asyncio

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphInterrupt
from pydantic import BaseModel

from llmops_plugins import with_middleware
from llmops_plugins.background import BACKGROUND
from llmops_plugins.caching.middleware import CacheMiddleware
from llmops_plugins.errors import BudgetExceeded, ConfigurationError
from tests.unit.caching.fakes import IN_OTHER_WORDS, QUESTION, SameForAll, scripted, semantic

ASK = {"messages": [QUESTION]}
EXECUTED = []


@tool
def weather(city: str) -> str:
    """Tell the weather."""
    EXECUTED.append(f"weather in {city}")
    return "sunny"


@tool
def clock(city: str) -> str:
    """Tell the time."""
    EXECUTED.append(f"time in {city}")
    return "noon"


@pytest.fixture(autouse=True)
def executed():
    EXECUTED.clear()
    return EXECUTED


def calls(*names):
    return AIMessage(
        "", tool_calls=[{"name": name, "args": {"city": "Berlin"}, "id": f"call_{name}"} for name in names]
    )


def agent_of(model, *, tools=(weather, clock), cacheable=("weather", "clock"), agent=None, **settings):
    middleware = CacheMiddleware(":memory:", cacheable_tools=cacheable, **settings)
    return create_agent(model, list(tools), middleware=[middleware], **(agent or {}))


def invoked(agent, config=None):
    return agent.invoke(ASK, config)


def ainvoked(agent, config=None):
    return asyncio.run(agent.ainvoke(ASK, config))


@pytest.fixture(params=[invoked, ainvoked], ids=["sync", "async"])
def ask(request):
    return request.param


# --- whole runs ----------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [["weather"], ["weather", "clock"]], ids=["one tool", "two at once"])
def test_a_run_of_declared_tools_is_answered_whole_by_one_look_up(ask, steps, executed, listener):
    model = scripted(calls(*steps), "Sunny.")
    agent = agent_of(model)
    assert ask(agent)["messages"][-1].text == "Sunny."
    again = ask(agent, {"callbacks": [listener]})
    assert [message.type for message in again["messages"]] == ["human", "ai"]
    assert again["messages"][-1].text == "Sunny."
    assert len(model.calls) == 2
    assert len(executed) == len(steps)
    assert listener.outcomes == ["exact_hit"]
    assert "2 calls" in listener.decisions[0]["avoided"]["source"]


@pytest.mark.parametrize("steps", [["weather", "clock"]], ids=["at once"])
def test_a_run_with_an_undeclared_tool_is_never_answered_whole(ask, steps, executed):
    model = scripted(calls(*steps), "Sunny.", calls(*steps), "Rainy.")
    agent = agent_of(model, cacheable=["weather"])
    for number in (1, 2):
        ask(agent)
        assert executed.count("time in Berlin") == number
        assert executed.count("weather in Berlin") == number


def test_one_undeclared_tool_after_declared_ones_is_called_every_time(executed):
    agent = agent_of(
        scripted(calls("weather"), calls("clock"), "Sunny.", calls("clock"), "x"), cacheable=["weather"]
    )
    for number in (1, 2):
        assert invoked(agent)["messages"][-1].text == "Sunny."
        assert executed.count("time in Berlin") == number


def test_two_equal_answers_in_one_thread_both_stay(ask):
    agent = agent_of(scripted("Berlin."), agent={"checkpointer": InMemorySaver()}, cacheable=())
    ask(agent, {"configurable": {"thread_id": "first"}})
    for thread in ("second", "third"):
        config = {"configurable": {"thread_id": thread}}
        ask(agent, config)
        agent.update_state(config, {"messages": []})
    threads = [agent.get_state({"configurable": {"thread_id": one}}) for one in ("first", "second", "third")]
    ids = [state.values["messages"][-1].id for state in threads]
    assert len(set(ids)) == 3


def test_equal_turns_of_one_conversation_keep_their_answers():
    class LastQuestionOnly(AgentMiddleware):
        def wrap_model_call(self, request, handler):
            return handler(request.override(messages=request.messages[-1:]))

    cache = CacheMiddleware(":memory:")
    agent = create_agent(
        scripted("Berlin."), [], middleware=[LastQuestionOnly(), cache], checkpointer=InMemorySaver()
    )
    config = {"configurable": {"thread_id": "1"}}
    for _ in range(3):
        messages = invoked(agent, config)["messages"]
    assert [message.type for message in messages] == ["human", "ai"] * 3
    assert [message.text for message in messages[1::2]] == ["Berlin."] * 3


# --- streams -------------------------------------------------------------------------------------


def test_a_hit_arrives_in_every_way_to_stream_an_agent():
    agent = agent_of(scripted(calls("weather"), "It is sunny."))
    invoked(agent)
    parts = list(agent.stream(ASK, stream_mode="messages"))
    assert "".join(message.text for message, _ in parts) == "It is sunny."
    assert {metadata["langgraph_node"] for _, metadata in parts} == {"model"}
    (update,) = agent.stream(ASK, stream_mode="updates")
    assert update["model"]["messages"][-1].text == "It is sunny."
    *_, last = agent.stream(ASK, stream_mode="values")
    assert last["messages"][-1].text == "It is sunny."


async def test_a_hit_arrives_in_the_events_of_an_agent():
    agent = agent_of(scripted("It is sunny."))
    await agent.ainvoke(ASK)
    parts = [message.text async for message, _ in agent.astream(ASK, stream_mode="messages")]
    assert "".join(parts) == "It is sunny."
    events = [event async for event in agent.astream_events(ASK, version="v2")]
    assert not [event for event in events if event["event"].startswith("on_chat_model")]
    assert events[-1]["data"]["output"]["messages"][-1].text == "It is sunny."
    assert [event["data"]["outcome"] for event in events if event["event"] == "on_custom_event"] == [
        "exact_hit"
    ]


def test_a_hit_around_a_bare_model_streams_in_its_chunk_shape():
    chat = with_middleware(scripted("It is sunny."), CacheMiddleware(":memory:"))
    first, again = list(chat.stream(QUESTION)), list(chat.stream(QUESTION))
    assert len(first) > 1
    assert all(isinstance(chunk, AIMessageChunk) for chunk in again)
    assert "".join(chunk.text for chunk in again) == "It is sunny."
    assert again[0].response_metadata["llmops_cache"] == "exact"


async def test_the_same_in_tasks():
    chat = with_middleware(scripted("It is sunny."), CacheMiddleware(":memory:"))
    for _ in range(2):
        chunks = [chunk async for chunk in chat.astream(QUESTION)]
        assert "".join(chunk.text for chunk in chunks) == "It is sunny."
        assert chunks[-1].chunk_position == "last"


def test_a_stream_is_stored_after_its_end_only():
    model = scripted("one two three")
    chat = with_middleware(model, CacheMiddleware(":memory:"))
    for chunk in chat.stream(QUESTION):
        assert chunk.text == "one "
        break
    assert chat.invoke(QUESTION).text == "one two three"
    assert len(model.calls) == 2


# --- structured output ---------------------------------------------------------------------------


class City(BaseModel):
    """A city."""

    name: str


SCHEMA = {
    "title": "City",
    "description": "A city.",
    "type": "object",
    "properties": {"name": {"type": "string"}},
    "required": ["name"],
}
BERLIN = [(City, City(name="Berlin")), (SCHEMA, {"name": "Berlin"})]
CITY_CALL = AIMessage("", tool_calls=[{"name": "City", "args": {"name": "Berlin"}, "id": "city_1"}])


@pytest.mark.parametrize(("schema", "parsed"), BERLIN, ids=["pydantic", "dict"])
@pytest.mark.parametrize(
    ("strategy", "reply"), [(ToolStrategy, CITY_CALL), (ProviderStrategy, '{"name": "Berlin"}')]
)
def test_an_agents_structured_output_is_parsed_again(ask, schema, parsed, strategy, reply):
    model = scripted(reply)
    agent = agent_of(model, tools=(), agent={"response_format": strategy(schema)})
    assert ask(agent)["structured_response"] == parsed
    again = ask(agent)
    assert again["structured_response"] == parsed
    assert len(model.calls) == 1
    if strategy is ToolStrategy:
        _, message, result = again["messages"]
        assert result.tool_call_id == message.tool_calls[0]["id"] != "city_1"


def test_structured_output_after_tools_is_answered_whole(executed):
    model = scripted(calls("weather"), CITY_CALL)
    agent = agent_of(model, agent={"response_format": ToolStrategy(City)})
    for _ in range(2):
        assert invoked(agent)["structured_response"] == City(name="Berlin")
    assert (len(model.calls), len(executed)) == (2, 1)


@pytest.mark.parametrize(("schema", "parsed"), BERLIN, ids=["pydantic", "dict"])
@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_bare_models_structured_output_is_parsed_again(schema, parsed, asynchronous):
    model = scripted(CITY_CALL)
    chat = with_middleware(model, CacheMiddleware(":memory:"))

    def output(**settings):
        structured = chat.with_structured_output(schema, **settings)
        return asyncio.run(structured.ainvoke(QUESTION)) if asynchronous else structured.invoke(QUESTION)

    assert output() == output() == parsed
    raw = output(include_raw=True)
    assert raw["parsed"] == parsed
    assert raw["parsing_error"] is None
    assert raw["raw"].response_metadata["llmops_cache"] == "exact"
    assert len(model.calls) == 1


def test_a_call_without_a_result_is_replayed_exactly_only():
    model = scripted(CITY_CALL)
    cache = CacheMiddleware(":memory:", semantic=semantic(SameForAll()))
    structured = with_middleware(model, cache).with_structured_output(City)
    for question, calls_made in ((QUESTION, 1), (QUESTION, 1), (IN_OTHER_WORDS, 2)):
        assert structured.invoke(question) == City(name="Berlin")
        assert len(model.calls) == calls_made


# --- modes, vetoes, settings ---------------------------------------------------------------------


def test_off_looks_nothing_up_and_stores_nothing(tmp_path, listener):
    model = scripted("one", "two")
    chat = with_middleware(model, CacheMiddleware(tmp_path / "cache.db", mode="off"))
    assert [chat.invoke(QUESTION, {"callbacks": [listener]}).text for _ in range(2)] == ["one", "two"]
    assert listener.decisions == []
    assert not list(tmp_path.iterdir())


def test_shadow_stores_and_decides_and_serves_nothing(listener):
    model = scripted("one")
    chat = with_middleware(model, CacheMiddleware(":memory:", mode="shadow", semantic=semantic(SameForAll())))
    for question in (QUESTION, QUESTION, IN_OTHER_WORDS):
        assert "llmops_cache" not in chat.invoke(question, {"callbacks": [listener]}).response_metadata
        assert BACKGROUND.drain()
    assert len(model.calls) == 3
    hits = [(one["outcome"], one["mode"]) for one in listener.decisions if one["outcome"].endswith("hit")]
    assert hits == [("exact_hit", "shadow"), ("semantic_hit", "shadow")]
    assert listener.decisions[-1]["outcome"] == "rechecked"


@pytest.mark.parametrize("veto", [BudgetExceeded("too dear"), GraphInterrupt()])
@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_veto_passes_through_untouched_and_the_next_one_leads(veto, asynchronous):
    model = scripted(veto, "Berlin.")
    chat = with_middleware(model, CacheMiddleware(":memory:"))

    def invoke():
        return asyncio.run(chat.ainvoke(QUESTION)) if asynchronous else chat.invoke(QUESTION)

    with pytest.raises(type(veto)) as raised:
        invoke()
    assert raised.value is veto
    assert invoke().text == "Berlin."
    assert len(model.calls) == 2


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"semantic": 0.9}, "semantic"),
        ({"cacheable_tools": "weather"}, "cacheable_tools"),
        ({"tags": "x"}, "tags"),
        ({"patience_seconds": 0}, "patience_seconds"),
        ({"patience_seconds": float("nan")}, "patience_seconds"),
        ({"max_entries": 0}, "max_entries"),
        ({"mode": "maybe"}, "mode"),
        ({"store": 7}, "store"),
    ],
)
def test_bad_settings_are_refused_when_it_is_built(settings, field):
    with pytest.raises(ConfigurationError) as refused:
        CacheMiddleware(**{"store": ":memory:", **settings})
    assert refused.value.field == field
