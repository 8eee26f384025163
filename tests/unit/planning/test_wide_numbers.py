"""Whole numbers that no checkpointer keeps are named where they come from, and end no run."""

import asyncio
import json

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from llmops_plugins.planning.experts.expert import Expert
from llmops_plugins.planning.graph import create_planner
from llmops_plugins.planning.plan.data_size import has_wide_number
from llmops_plugins.testing import ScriptedChatModel

WEI = 10**20
ASKED = {"messages": [("user", "q")]}
THREAD = {"configurable": {"thread_id": "1"}}


def plan(**arguments):
    return json.dumps({"tasks": [{"id": "t1", "kind": "w", "arguments": arguments}]})


def planner(function, *replies, **settings):
    controller = ScriptedChatModel(replies=[*replies, "It [t1]."])
    experts = [Expert(name="e", kinds=["w"], runnable=function)]
    return create_planner(controller, experts, plan="always", checkpointer=InMemorySaver(), **settings)


def drive(graph, way):
    if way == "sync":
        return graph.invoke(ASKED, THREAD)
    return asyncio.run(graph.ainvoke(ASKED, THREAD))


@pytest.mark.parametrize("stream_plan", [False, True])
@pytest.mark.parametrize("way", ["sync", "async"])
class TestInAPlanner:
    def test_an_expert_that_gives_one_has_failed(self, way, stream_plan):
        def balance(city: str) -> int:
            """Return a balance."""
            return WEI

        outcome = drive(planner(balance, plan(city="x"), stream_plan=stream_plan), way)["outcomes"]["t1"]
        assert outcome["status"] == "failed"
        assert "more than 64 bits" in outcome["error"]

    def test_a_plan_that_holds_one_is_written_again(self, way, stream_plan):
        def sent(n: int) -> int:
            """Send so many."""
            return n

        state = drive(planner(sent, plan(n=WEI), plan(n=7), stream_plan=stream_plan), way)
        assert state["outcomes"]["t1"]["result"] == 7


@pytest.mark.parametrize("number", [-(2**63) - 1, -(2**63), 0, 2**64 - 1, 2**64, True, 1.5])
def test_it_is_what_langgraphs_own_serializer_refuses(number):
    nested = {"a": [1, {"b": number}]}
    try:
        JsonPlusSerializer().dumps_typed(nested)
        kept = True
    except TypeError:
        kept = False
    assert has_wide_number(nested) is not kept


def test_arguments_that_do_not_fit_are_named_in_the_error():
    def greeting(name: str) -> str:
        """Greet."""
        return name

    def count() -> int:
        """Count."""
        return 5

    tasks = [
        {"id": "t1", "kind": "count", "arguments": {}},
        {"id": "t2", "kind": "greet", "arguments": {"name": {"ref": "t1"}}},
    ]
    controller = ScriptedChatModel(replies=[json.dumps({"tasks": tasks}), "It [t1]."])
    experts = [
        Expert(name="count", kinds=["count"], runnable=count, output={}),
        Expert(name="greet", kinds=["greet"], runnable=greeting),
    ]
    state = create_planner(controller, experts, plan="always").invoke(ASKED)
    assert state["outcomes"]["t2"]["error"].endswith("name: Input should be a valid string")
