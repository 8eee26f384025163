"""Each request ends in one planning decision, also where it ends in an error; experts' words stay inside."""

import asyncio

import pytest
from langchain.agents import create_agent
from langchain_core.callbacks import BaseCallbackHandler
from langgraph.graph import START, MessagesState, StateGraph

from llmops_plugins.planning.experts.expert import Expert
from llmops_plugins.planning.graph import create_planner
from llmops_plugins.planning.middleware import PlannerMiddleware
from llmops_plugins.planning.plan.errors import PlanFailedError, PlanInvalidError
from llmops_plugins.testing import ScriptedChatModel
from tests.unit.planning.planner_world import ASKED, controller, plan_text, team, weather

ASKING = {"type": "object", "properties": {"question": {"type": "string"}}}


class Heard(BaseCallbackHandler):
    def __init__(self):
        self.planning = []

    def on_custom_event(self, name, data, **rest):
        self.planning += [data] if data["outcome"] != "selected" else []


@pytest.mark.parametrize(
    "drive",
    [lambda *given: given[0].invoke(*given[1:]), lambda *given: asyncio.run(given[0].ainvoke(*given[1:]))],
    ids=["sync", "async"],
)
@pytest.mark.parametrize("stream_plan", [False, True])
@pytest.mark.parametrize(
    ("replies", "error", "outcome"),
    [
        (["No plan.", "Still none."], PlanInvalidError, "invalid"),
        ([OSError("down")], OSError, "failed"),
        ([plan_text(weather("t1", "Atlantis")), "[]"], PlanFailedError, "failed"),
    ],
)
def test_a_request_that_ends_in_an_error_is_announced_before(drive, stream_plan, replies, error, outcome):
    heard = Heard()
    graph = create_planner(
        controller(*replies), team(), plan="always", on_invalid="fail", stream_plan=stream_plan
    )
    with pytest.raises(error):
        drive(graph, ASKED, {"callbacks": [heard]})
    assert [one["outcome"] for one in heard.planning] == [outcome]
    assert heard.planning[0]["reason"].endswith("that is an error.")


def planner(*replies):
    inner = create_agent(ScriptedChatModel(replies=["inner words"]), [])
    experts = [
        Expert(name="agent", kinds=["agent"], runnable=inner, arguments=ASKING),
        Expert(name="chat", kinds=["chat"], runnable=controller("inner words"), arguments=ASKING),
    ]
    tasks = [{"id": f"t{n}", "kind": kind, "arguments": {"question": "q"}} for n, kind in enumerate("ab")]
    tasks = [{**task, "kind": kind} for task, kind in zip(tasks, ["agent", "chat"], strict=True)]
    return controller(plan_text(*tasks), "The answer [t0]."), experts


def bare():
    return create_planner(*planner(), plan="always")


def as_a_node():
    builder = StateGraph(MessagesState)
    builder.add_node("planner", bare())
    builder.add_edge(START, "planner")
    return builder.compile()


def before_an_agent():
    model, experts = planner()
    return create_agent(model, [], middleware=[PlannerMiddleware(experts, plan="always")])


@pytest.mark.parametrize("build", [bare, as_a_node, before_an_agent])
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_experts_words_are_in_no_stream_of_messages(build, asynchronous):
    settings = {"stream_mode": "messages", "subgraphs": True}

    async def read():
        return [item async for item in build().astream(ASKED, **settings)]

    items = asyncio.run(read()) if asynchronous else list(build().stream(ASKED, **settings))
    assert "".join(chunk.text for _, (chunk, _) in items) == "The answer [t0]."
