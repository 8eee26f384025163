"""The planner on a real server: whatever it says, all of it is billed as the server counts.

The tiny model writes no plan of its own, so a scripted one plans where a plan has to run.
"""

import json

import pytest

from llmops_plugins.planning.experts.expert import Expert
from llmops_plugins.planning.graph import create_planner
from llmops_plugins.planning.middleware import PlannerMiddleware
from llmops_plugins.planning.plan.plan import Plan
from llmops_plugins.testing import ScriptedChatModel
from tests.integration.vllm.conftest import agent_graph, assert_agrees, watch

TWO = "Look up order A1023 and tell me when you are open."
TASKS = [
    {"id": "t1", "kind": "order_status", "arguments": {"order_id": "A1023"}},
    {"id": "t2", "kind": "question", "arguments": {"question": "When are you open?"}},
]
QUESTION = {"type": "object", "properties": {"question": {"type": "string"}}, "required": ["question"]}
KINDS = {"decider": "route", "router": "route", "expert": "step", "responder": "answer"}


def order_status(order_id: str) -> str:
    """Return how far an order is."""
    return {"A1023": "delivered"}[order_id]


def desk(model, name="desk"):
    described = "Answers questions about the shop."
    return Expert(name=name, kinds=["question"], runnable=model, arguments=QUESTION, description=described)


def experts(*desks):
    return [Expert(name="orders", kinds=["order_status"], runnable=order_status, cost_usd=0.0), *desks]


def scripted(*replies):
    return ScriptedChatModel(replies=list(replies), model_name="scripted")


def plan_of(tasks):
    return json.dumps({"tasks": tasks})


def of_server(server, books):
    return [call for call in books.calls if call.model == server.model]


@pytest.mark.parametrize("role", KINDS)
def test_the_calls_of_each_role_are_what_the_server_counts(server, books, role, asynchronous):
    models = {
        "decider": scripted("yes"),
        "router": scripted("1"),
        "expert": scripted("From nine to six."),
        "responder": scripted("It was delivered [t1]."),
        role: server.chat(max_tokens=60),
    }
    expert = models.pop("expert")
    team = experts(desk(expert), desk(expert, "other desk"))
    graph = create_planner(scripted(plan_of(TASKS), "as it is"), team, **models)
    before = server.counters()
    shown, state = watch(graph, TWO, books.config, asynchronous)
    calls = of_server(server, books)
    assert_agrees(calls, server.counters() - before)
    assert {call.kind for call in calls} == {KINDS[role]}
    assert {call.hidden for call in calls} == {role != "responder"}
    assert "".join(shown) == state["messages"][-1].text


def test_a_server_that_writes_no_plan_is_told_so_once_and_then_answers(server, books, asynchronous):
    model = server.chat(max_tokens=60)
    graph = create_planner(model, experts(desk(model)), plan="always", stream_plan=True)
    plain = model.invoke(TWO).text
    before = server.counters()
    shown, state = watch(graph, TWO, books.config, asynchronous)
    calls = books.calls
    assert_agrees(calls, server.counters() - before)
    assert [(call.kind, call.hidden) for call in calls] == [
        ("plan", True),
        ("plan", True),
        ("answer", False),
    ]
    assert calls[1].input_tokens > calls[0].input_tokens
    assert "".join(shown) == state["messages"][-1].text == plain
    assert not state["planned"]
    (decision,) = books.decisions
    assert (decision.outcome, decision.details["tasks"]) == ("invalid", 0)
    assert decision.details["complaints"]


def test_a_plan_that_breaks_off_is_paid_for(server, books, asynchronous):
    """Guided to a plan by the server, and out of tokens before its end."""
    model = server.chat(max_tokens=8)
    graph = create_planner(model, experts(desk(model)), plan="always")
    before = server.counters()
    shown, state = watch(graph, TWO, books.config, asynchronous)
    calls = books.calls
    assert_agrees(calls, server.counters() - before)
    assert [call.kind for call in calls] == ["plan", "plan", "answer"]
    assert "".join(shown) == state["messages"][-1].text


def test_what_is_guided_to_a_plan_is_no_prose(server):
    model = server.chat(max_tokens=8)
    assert model.invoke("Hello!").text.startswith("Hello!")
    guided = model.with_structured_output(Plan, method="function_calling", include_raw=True)
    (broken_off,) = guided.invoke("Hello!")["raw"].invalid_tool_calls
    assert broken_off["args"].startswith('{"tasks"')


def test_experts_asked_at_once(server, books, asynchronous):
    tasks = [{**TASKS[1], "id": f"t{number}"} for number in range(8)]
    controller = scripted(plan_of(tasks), "We are open [t1].")
    graph = create_planner(controller, experts(desk(server.chat(max_tokens=60))), plan="always")
    before = server.counters()
    _, state = watch(graph, TWO, books.config, asynchronous)
    calls = of_server(server, books)
    assert_agrees(calls, server.counters() - before)
    assert sorted(call.user_metadata["task"] for call in calls) == [task["id"] for task in tasks]
    assert {call.user_metadata["expert"] for call in calls} == {"desk"}
    assert all(outcome["status"] == "succeeded" for outcome in state["outcomes"].values())


def test_an_agent_answers_from_what_the_planner_in_front_of_it_found(server, books, asynchronous):
    model = server.chat(max_tokens=60)
    team = experts(desk(server.chat(max_tokens=60)))
    planner = PlannerMiddleware(team, controller=scripted(plan_of(TASKS)), plan="always")
    before = server.counters()
    shown, state = watch(agent_graph(model, middleware=[planner]), TWO, books.config, asynchronous)
    calls = of_server(server, books)
    assert_agrees(calls, server.counters() - before)
    assert [(call.kind, call.hidden) for call in calls] == [("step", True), ("answer", False)]
    assert "".join(shown) == state["messages"][-1].text
