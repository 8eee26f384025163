"""In graphs and agents, rejected drafts reach neither the state nor the user's stream."""

import asyncio
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, wrap_model_call
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import MessagesState, StateGraph
from langgraph.types import Command, interrupt

from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.wrapped_model.wrap import with_middleware

pytestmark = pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")

QUESTION = {"messages": [("user", "hi")]}


def joined(chunks):
    whole = None
    for chunk in chunks:
        whole = chunk if whole is None else whole + chunk
    return whole


def graph_of(node, anode):

    return (
        StateGraph(MessagesState)
        .add_node("n", RunnableLambda(node, anode))
        .add_edge("__start__", "n")
        .compile()
    )


def node_that_invokes(scenario):
    def node(state):
        return {"messages": [scenario.wrapped.invoke(state["messages"])]}

    async def anode(state):
        return {"messages": [await scenario.wrapped.ainvoke(state["messages"])]}

    return graph_of(node, anode)


def node_that_streams(scenario):
    def node(state):
        return {"messages": [joined(scenario.wrapped.stream(state["messages"]))]}

    async def anode(state):
        return {"messages": [joined([one async for one in scenario.wrapped.astream(state["messages"])])]}

    return graph_of(node, anode)


APPS = {
    "create_agent(middleware)": lambda s, tools=(), **settings: create_agent(
        s.users, list(tools), middleware=[s.middleware], **settings
    ),
    "create_agent(model)": lambda s, tools=(), **settings: create_agent(s.wrapped, list(tools), **settings),
    "node that invokes": node_that_invokes,
    "node that streams": node_that_streams,
}
AGENTS = [name for name in APPS if name.startswith("create_agent")]


class Seen(NamedTuple):
    """What a user of the graph saw: the streamed pieces, if it was streamed, and the last message."""

    pieces: list | None
    final: str


def by_invoke(app, config):
    return Seen(None, app.invoke(QUESTION, config)["messages"][-1].text)


def by_ainvoke(app, config):
    return Seen(None, asyncio.run(app.ainvoke(QUESTION, config))["messages"][-1].text)


def by_stream(app, config):
    pieces, state = [], None
    for mode, part in app.stream(QUESTION, config, stream_mode=["messages", "values"]):
        if mode == "messages":
            pieces.append(part[0].text)
        else:
            state = part
    return Seen(pieces, state["messages"][-1].text)


def by_astream(app, config):
    async def collect():
        pieces, state = [], None
        async for mode, part in app.astream(QUESTION, config, stream_mode=["messages", "values"]):
            if mode == "messages":
                pieces.append(part[0].text)
            else:
                state = part
        return Seen(pieces, state["messages"][-1].text)

    return asyncio.run(collect())


def by_events_v3(app, config):
    run = app.stream_events(QUESTION, config, version="v3")
    texts = ["".join(message.text) for message in run.messages]
    return Seen(texts, run.output["messages"][-1].text)


def by_async_events_v3(app, config):
    async def collect():
        run = await app.astream_events(QUESTION, config, version="v3")
        texts = [await message.text async for message in run.messages]
        return Seen(texts, (await run.output())["messages"][-1].text)

    return asyncio.run(collect())


WAYS = {
    "invoke": by_invoke,
    "ainvoke": by_ainvoke,
    "stream": by_stream,
    "astream": by_astream,
    "events v3": by_events_v3,
    "async events v3": by_async_events_v3,
}


@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("way", WAYS)
def test_the_user_sees_the_answer_and_no_draft(scenario, listener, app, way):
    seen = WAYS[way](APPS[app](scenario), {"callbacks": [listener]})
    assert seen.final == scenario.text
    if seen.pieces is not None:
        whole = (
            [scenario.text] if app != "node that streams" else []
        )  # version 3 shows no inner stream() at all
        assert [piece for piece in seen.pieces if piece] == (whole if "events" in way else scenario.chunks)
    assert listener.model_names == scenario.models
    assert sorted(listener.ended) == sorted(listener.model_runs)
    assert listener.outcomes == [scenario.outcome]
    assert all(listener.metadata[one]["langgraph_node"] in ("n", "model") for one in listener.model_runs)


@pytest.mark.parametrize("app", APPS)
def test_the_state_holds_the_question_and_one_answer(scenario, app):
    messages = APPS[app](scenario).invoke(QUESTION)["messages"]
    assert [message.text for message in messages] == ["hi", scenario.text]


@pytest.mark.parametrize("app", APPS)
def test_updates_tell_of_the_answer_once(scenario, app):
    updates = list(APPS[app](scenario).stream(QUESTION, stream_mode="updates"))
    (update,) = [values for one in updates for values in one.values()]
    assert [message.text for message in update["messages"]] == [scenario.text]


@pytest.mark.parametrize("app", APPS)
def test_events_v2_without_hidden_calls_hold_no_rejected_draft(scenario, app):
    async def texts():
        events = APPS[app](scenario).astream_events(QUESTION, version="v2", exclude_tags=["nostream"])
        return [
            event["data"]["chunk"].text async for event in events if event["event"] == "on_chat_model_stream"
        ]

    assert [text for text in asyncio.run(texts()) if text] == ([] if scenario.accept else scenario.chunks)


@wrap_model_call
def second_thoughts(request, handler):
    handler(request)
    return handler(request)


class AsyncSecondThoughts(AgentMiddleware):
    async def awrap_model_call(self, request, handler):
        await handler(request)
        return await handler(request)


@pytest.mark.parametrize("build", [node_that_invokes, node_that_streams])
@pytest.mark.parametrize("way", ["stream", "astream"])
def test_a_reply_that_a_strangers_middleware_throws_away_is_not_streamed(build, way):
    stranger = second_thoughts if way == "stream" else AsyncSecondThoughts()
    model = with_middleware(ScriptedChatModel(replies=["thrown away", "kept answer"]), stranger)
    seen = WAYS[way](build(SimpleNamespace(wrapped=model)), {})
    if build is node_that_streams:
        assert [piece for piece in seen.pieces if piece] == ["kept answer"]
    assert seen.final == "kept answer"


# --- tools ---------------------------------------------------------------------------------------


def double(x: int) -> str:
    """Double a number."""
    return str(2 * x)


CALLS = ({"name": "double", "args": {"x": 1}, "id": "1"}, {"name": "double", "args": {"x": 2}, "id": "2"})


@pytest.mark.parametrize("app", AGENTS)
@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
def test_parallel_tool_calls_keep_working(scenario, listener, app, way):
    scenario = scenario.calling(*CALLS)
    agent = APPS[app](scenario, [double])
    seen = WAYS[way](agent, {"callbacks": [listener]})
    assert seen.final == scenario.text
    assert listener.model_names == scenario.models * 2
    asked = scenario.cheap.calls[1]
    assert [message.text for message in asked if message.type == "tool"] == ["2", "4"]


@pytest.mark.parametrize("app", AGENTS)
def test_streamed_tool_calls_arrive_whole(scenario, app):
    agent = APPS[app](scenario.calling(*CALLS), [double])
    whole = {}
    for chunk, metadata in agent.stream(QUESTION, stream_mode="messages"):
        if metadata["langgraph_node"] == "model":
            whole[chunk.id] = whole[chunk.id] + chunk if chunk.id in whole else chunk
    calls = [(call["name"], call["args"]) for message in whole.values() for call in message.tool_calls]
    assert calls == [("double", {"x": 1}), ("double", {"x": 2})]


@pytest.mark.parametrize("app", AGENTS)
def test_an_interrupt_in_a_tool_pauses_and_resumes_around_it(scenario, listener, app):
    def ask(q: str) -> str:
        """Ask a person."""
        return f"person says {interrupt(q)}"

    scenario = scenario.calling({"name": "ask", "args": {"q": "really?"}, "id": "1"})
    agent = APPS[app](scenario, [ask], checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}, "callbacks": [listener]}
    assert agent.invoke(QUESTION, config)["__interrupt__"][0].value == "really?"
    assert listener.model_names == scenario.models
    assert agent.invoke(Command(resume="yes"), config)["messages"][-1].text == scenario.text
    assert listener.model_names == scenario.models * 2
    assert [one.text for one in scenario.cheap.calls[1] if one.type == "tool"] == ["person says yes"]


# --- leaving early -------------------------------------------------------------------------------


@pytest.mark.parametrize("app", APPS)
def test_an_abandoned_stream_leaves_nothing_running(scenario, app):
    stream = APPS[app](scenario).stream(QUESTION, stream_mode="messages")
    assert next(stream)[0].text == scenario.chunks[0]
    stream.close()


@pytest.mark.parametrize("app", APPS)
async def test_a_cancelled_stream_leaves_no_task_behind(scenario, app):
    scenario.cheap.delay = scenario.strong.delay = 0.05
    graph = APPS[app](scenario)

    async def use():
        return [one async for one in graph.astream(QUESTION, stream_mode="messages")]

    task = asyncio.create_task(use())
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.02)
    assert scenario.strong.calls == []
    assert len(asyncio.all_tasks()) == 1


def test_version_3_shows_what_it_would_show_of_a_bare_model():
    bare = ScriptedChatModel(replies=["one two"])

    def texts(model):
        def node(state):
            return {"messages": [joined(model.stream(state["messages"]))]}

        run = graph_of(node, node).stream_events(QUESTION, version="v3")
        return ["".join(message.text) for message in run.messages]

    assert texts(with_middleware(bare)) == texts(bare)
