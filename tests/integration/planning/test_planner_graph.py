"""A planner as part of a program: its streams, its rows in the ledger, and as a node of another graph."""

import asyncio

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, interrupt

from llmops_plugins import CostLedger, ModelRegistry, ModelSpec, Price
from llmops_plugins.planning.execution.assignment import ExecutionLimits
from llmops_plugins.planning.execution.attempts import Attempts
from llmops_plugins.planning.experts.expert import Expert
from llmops_plugins.planning.graph import create_planner
from llmops_plugins.planning.nodes import after_planning, answer_node, execute_node, plan_node, respond_node
from llmops_plugins.planning.planner import Planner
from llmops_plugins.planning.planner_state import PlannerState
from llmops_plugins.testing import ScriptedChatModel
from tests.file_saver import FileSaver
from tests.unit.planning.planner_world import (
    ANSWER,
    ASKED,
    PLAN,
    controller,
    decisions,
    plan_text,
    team,
    weather,
)

MODES = ["custom", "updates", "messages"]
ONE = plan_text(weather("t1"))
REGISTRY = ModelRegistry(
    [ModelSpec(name=name, prices=(Price(input=1.0, output=1.0),)) for name in ("controller", "poet")]
)
TEXT = {"type": "object", "properties": {"about": {"type": "string"}}, "required": ["about"]}
POEM = {"id": "t4", "kind": "poem", "arguments": {"about": "${t3}"}}


def poet():
    model = ScriptedChatModel(replies=["Warm is the sand."], model_name="poet")
    return Expert(name="poet", kinds=["poem"], runnable=model, arguments=TEXT, description="Writes a line.")


def streamed(graph, way):
    if way == "stream":
        return list(graph.stream(ASKED, stream_mode=MODES))

    async def collected():
        return [item async for item in graph.astream(ASKED, stream_mode=MODES)]

    return asyncio.run(collected())


@pytest.mark.parametrize("way", ["stream", "astream"])
def test_streams_show_the_plan_its_tasks_and_the_answer(way):
    events = streamed(create_planner(controller(PLAN, ANSWER), team(), plan="always"), way)
    custom = [data for mode, data in events if mode == "custom"]
    assert custom[0]["type"] == "plan"
    assert custom[0]["experts"] == {"t1": "thermometer", "t2": "thermometer", "t3": "subtractor"}
    said = [(data["type"], data["task"]) for data in custom[1:]]
    for task_id in ("t1", "t2", "t3"):
        assert said.index(("task_started", task_id)) < said.index(("task_ended", task_id))
    assert said.index(("task_ended", "t2")) < said.index(("task_started", "t3"))
    updates = [name for mode, data in events if mode == "updates" for name in data]
    assert {"plan", "t1", "t2", "t3", "execute", "respond"} <= set(updates)
    text = "".join(chunk.text for mode, (chunk, *_) in messages_of(events))
    assert text == ANSWER


def messages_of(events):
    return [(mode, data) for mode, data in events if mode == "messages"]


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_the_ledger_shows_what_each_kind_expert_and_task_cost(way):
    plan = plan_text(
        weather("t1"),
        weather("t2", "Rome"),
        {"id": "t3", "kind": "difference", "arguments": {"a": {"ref": "t2"}, "b": {"ref": "t1"}}},
        {**POEM, "arguments": {"about": "${t3} degrees"}},
    )
    graph = create_planner(controller(plan, "Warm is the sand [t4]."), team(poet()), plan="always")
    ledger = CostLedger("sqlite://", registry=REGISTRY)
    config = {"callbacks": [ledger]}
    graph.invoke(ASKED, config) if way == "invoke" else asyncio.run(graph.ainvoke(ASKED, config))
    assert ledger.flush()
    rows = ledger.report(by=["kind", "expert", "task"]).rows
    found = {(row.key["kind"], row.key["expert"], row.key["task"]): row.calls for row in rows}
    assert found == {("plan", None, None): 1, ("step", "poet", "t4"): 1, ("answer", None, None): 1}
    assert len({row.key["trace"] for row in ledger.report(by=["trace"]).rows}) == 1
    ledger.close()


def outcomes_of(graph):
    async def collected():
        return [event async for event in graph.astream_events(ASKED, version="v2")]

    return decisions(asyncio.run(collected()))


@pytest.mark.parametrize(
    ("replies", "settings", "outcome"),
    [
        ([PLAN, ANSWER], {}, "planned"),
        (
            [plan_text(weather("t1"), weather("t2", "Atlantis")), plan_text(weather("t3", "Rome")), ANSWER],
            {},
            "replanned",
        ),
        (["[]", ANSWER], {}, "direct"),
        ([ANSWER], {"plan": "auto"}, "direct"),
        (["nothing", "nothing", ANSWER], {}, "invalid"),
        ([OSError("down"), ANSWER], {}, "failed_open"),
    ],
)
def test_each_request_ends_in_one_decision(replies, settings, outcome):
    execution = ExecutionLimits(attempts=Attempts(retries=0))
    graph = create_planner(
        controller(*replies), team(), **{"plan": "always", "execution": execution, **settings}
    )
    (decision,) = outcomes_of(graph)
    assert decision["outcome"] == outcome
    assert decision["returned"]
    hidden = len([one for one in replies[:-1] if isinstance(one, str)])
    assert len(decision["hidden"]) == hidden


def test_it_is_a_node_of_another_graph():
    planner = create_planner(controller(ONE, "It has 3 degrees [t1]."), team(), plan="always")
    builder = StateGraph(MessagesState)
    builder.add_node("planner", planner)
    builder.add_edge(START, "planner")
    builder.add_edge("planner", END)
    graph = builder.compile()
    assert graph.invoke(ASKED)["messages"][-1].text == "It has 3 degrees [t1]."
    chunks = [chunk.text for _, (chunk, _) in graph.stream(ASKED, stream_mode="messages", subgraphs=True)]
    assert "".join(chunks) == "It has 3 degrees [t1]."


def test_nodes_can_be_wired_otherwise():
    planner = Planner(controller=controller(ONE, "It has 3 degrees [t1]."), experts=team(), plan="always")
    builder = StateGraph(PlannerState)
    builder.add_node("plan", plan_node(planner))
    builder.add_node("approve", lambda state: {} if interrupt(state["plan"]) else {"planned": False})
    builder.add_node("execute", execute_node(planner))
    builder.add_node("respond", respond_node(planner))
    builder.add_node("answer", answer_node(planner))
    builder.add_edge(START, "plan")
    builder.add_edge("plan", "approve")
    builder.add_conditional_edges("approve", after_planning, ["execute", "answer"])
    builder.add_edge("execute", "respond")
    builder.add_edge("respond", END)
    builder.add_edge("answer", END)
    graph = builder.compile(checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "1"}}
    (paused,) = graph.invoke(ASKED, thread)["__interrupt__"]
    assert paused.value["tasks"][0]["kind"] == "weather"
    state = graph.invoke(Command(resume=True), thread)
    assert state["messages"][-1].text == "It has 3 degrees [t1]."


@pytest.mark.parametrize("way", ["sync", "async"])
def test_an_interrupted_plan_resumes_from_a_file_without_doing_tasks_twice(tmp_path, way):
    done = []

    def look(city: str) -> int:
        done.append(city)
        return 3

    def ask(question: str) -> str:
        return interrupt(question)

    def built():
        plan = plan_text(
            weather("t1"), {"id": "t2", "kind": "ask", "arguments": {"question": "Is ${t1} warm?"}}
        )
        model = controller(plan, "It is [t2].") if not done else controller("It is [t2].")
        experts = [
            Expert(name="looker", kinds=["weather"], runnable=look),
            Expert(name="person", kinds=["ask"], runnable=ask),
        ]
        return create_planner(model, experts, plan="always", checkpointer=FileSaver(tmp_path / "file"))

    def run(given):
        thread = {"configurable": {"thread_id": "1"}}
        graph = built()
        return graph.invoke(given, thread) if way == "sync" else asyncio.run(graph.ainvoke(given, thread))

    (paused,) = run(ASKED)["__interrupt__"]
    assert paused.value == "Is 3 warm?"
    state = run(Command(resume="yes"))
    assert state["outcomes"]["t2"]["result"] == "yes"
    assert state["messages"][-1].text == "It is [t2]."
    assert done == ["Oslo"]


def test_a_second_request_on_a_thread_begins_anew():
    model = controller(ONE, "It has 3 degrees [t1].", "[]", "You are welcome.")
    graph = create_planner(model, team(), plan="always", checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "1"}}
    assert graph.invoke(ASKED, thread)["outcomes"]
    state = graph.invoke({"messages": ["Thank you!"]}, thread)
    assert (state["plan"], state["outcomes"], state["planned"]) == (None, {}, False)
    assert [message.type for message in state["messages"]] == ["human", "ai", "human", "ai"]
    assert "assistant: It has 3 degrees [t1]." in model.calls[2][-1].text


def test_tenants_do_not_learn_from_each_other():
    def fails(city: str) -> int:
        raise OSError("down")

    cheap = Expert(name="cheap", kinds=["weather"], runnable=fails, cost_usd=0.0001)
    graph = create_planner(
        controller(ONE, "It has 3 degrees [t1]."),
        team(cheap),
        plan="always",
        execution=ExecutionLimits(attempts=Attempts(retries=0)),
        tenant=lambda config: config["configurable"]["tenant"],
    )

    def attempts(tenant):
        return graph.invoke(ASKED, {"configurable": {"tenant": tenant}})["outcomes"]["t1"]["attempts"]

    assert [attempts("a"), attempts("a"), attempts("b")] == [2, 2, 2]
