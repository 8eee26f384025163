"""However deep a planner stands in other graphs, each question of its experts is listed once."""

import asyncio

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt

from llmops_plugins.planning.experts.expert import Expert
from llmops_plugins.planning.graph import create_planner
from tests.unit.planning.planner_world import ASKED, controller, plan_text, team, weather

CONFIG = {"configurable": {"thread_id": "1"}}
SAID = ["May I?", "Really?", "Now?"]


def ask(question: str) -> str:
    """Ask a person."""
    return interrupt(question)


def run(app, way, given):
    if way == "sync":
        return app.invoke(given, CONFIG)
    return asyncio.run(app.ainvoke(given, CONFIG))


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("depth", [0, 1, 2])
@pytest.mark.parametrize("questions", [1, 2])
def test_each_is_listed_once_and_answered(way, streamed, depth, questions):
    asking = [
        {"id": f"a{number}", "kind": "ask", "arguments": {"question": SAID[number]}}
        for number in range(questions)
    ]
    model = controller(plan_text(weather("t1"), *asking), "It has 3 degrees [t1].")
    person = Expert(name="person", kinds=["ask"], runnable=ask)
    planner = create_planner(
        model,
        team(person),
        plan="always",
        stream_plan=streamed,
        checkpointer=None if depth else InMemorySaver(),
    )
    app = planner
    for level in range(depth):
        outer = StateGraph(MessagesState)
        outer.add_node("inner", app)
        outer.add_edge(START, "inner")
        app = outer.compile(checkpointer=InMemorySaver() if level == depth - 1 else None)
    asked, output = [], run(app, way, ASKED)
    while "__interrupt__" in output:
        asked += [one.value for one in output["__interrupt__"]]
        assert len(app.get_state(CONFIG).interrupts) == len(output["__interrupt__"])
        answers = {one.id: "yes" for one in output["__interrupt__"]}
        output = run(app, way, Command(resume=answers))
    assert sorted(asked) == SAID[:questions]
    assert output["messages"][-1].text == "It has 3 degrees [t1]."
    assert len(model.calls) == 2
