"""The planner under a real agent and around a bare model, with middleware outside that calls again."""

import asyncio
import json

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ModelFallbackMiddleware, ModelRetryMiddleware
from langgraph.checkpoint.memory import InMemorySaver

from llmops_plugins import Expert, PlannerMiddleware, with_middleware
from llmops_plugins.errors import BudgetExceeded
from llmops_plugins.testing import ScriptedChatModel

PLAN = json.dumps({"tasks": [{"id": "t1", "kind": "mail", "arguments": {"to": "bob"}}]})
BOTH = json.dumps(
    {
        "tasks": [
            {"id": "t1", "kind": "mail", "arguments": {"to": "bob"}},
            {"id": "t2", "kind": "call", "arguments": {"to": "bob"}, "after": ["t1"]},
        ]
    }
)
ANSWER = "It was sent [t1]."
ASKED = "Write to Bob."


class Post:
    """An expert that sends mail, and what it sent."""

    def __init__(self):
        self.sent = []

    def planner(self, *more):
        def send(to: str) -> str:
            """Send a mail."""
            self.sent.append(to)
            return "sent"

        expert = Expert(name="mailer", kinds=["mail"], runnable=send, side_effects=True)
        return PlannerMiddleware([expert, *more], plan="always")


def retry():
    return ModelRetryMiddleware(max_retries=2, initial_delay=0.0, jitter=False)


def fallback():
    return ModelFallbackMiddleware(model(ANSWER))


def model(*replies):
    return ScriptedChatModel(replies=list(replies))


def invoked(runnable, given, config):
    return runnable.invoke(given, config)


def awaited(runnable, given, config):
    return asyncio.run(runnable.ainvoke(given, config))


def streamed(runnable, given, config):
    return list(runnable.stream(given, config))[-1]


def astreamed(runnable, given, config):
    async def read():
        return [item async for item in runnable.astream(given, config)]

    return asyncio.run(read())[-1]


ways = pytest.mark.parametrize("drive", [invoked, awaited, streamed, astreamed])
outer = pytest.mark.parametrize("outside", [retry, fallback])
THREAD = {"configurable": {"thread_id": "1"}}


@ways
@outer
@pytest.mark.parametrize("saver", [lambda: None, InMemorySaver], ids=["no checkpointer", "checkpointer"])
def test_an_agents_model_that_is_called_again_does_not_do_the_plan_again(drive, outside, saver):
    post, own = Post(), model(PLAN, ConnectionError("503"), ANSWER)
    agent = create_agent(own, [], middleware=[outside(), post.planner()], checkpointer=saver())
    state = drive(agent, {"messages": [ASKED]}, THREAD)
    state = state.get("model", state)
    assert state["messages"][-1].text == ANSWER
    assert post.sent == ["bob"]


@pytest.mark.parametrize("drive", [invoked, awaited])
@outer
def test_a_bare_model_that_is_called_again_does_not_do_the_plan_again(drive, outside):
    post, own = Post(), model(PLAN, ConnectionError("503"), ANSWER)
    wrapped = with_middleware(own, outside(), post.planner())
    assert drive(wrapped, ASKED, None).text == ANSWER
    assert post.sent == ["bob"]


@pytest.mark.parametrize("drive", [streamed, astreamed])
def test_a_bare_model_streams_the_answer_to_a_plan(drive):
    post = Post()
    wrapped = with_middleware(model(PLAN, ANSWER), retry(), post.planner())
    drive(wrapped, ASKED, None)
    assert post.sent == ["bob"]


@ways
def test_the_same_request_in_another_run_is_another_request(drive):
    post, own = Post(), model(PLAN, ANSWER, PLAN, ANSWER)
    agent = create_agent(own, [], middleware=[retry(), post.planner()])
    for _ in range(2):
        drive(agent, {"messages": [ASKED]}, None)
    assert post.sent == ["bob", "bob"]


def test_an_agent_that_goes_on_after_its_model_failed_does_not_do_the_plan_again():
    post, own, saver = Post(), model(PLAN, ConnectionError("503"), ANSWER), InMemorySaver()
    agent = create_agent(own, [], middleware=[post.planner()], checkpointer=saver)
    with pytest.raises(ConnectionError):
        agent.invoke({"messages": [ASKED]}, THREAD)
    assert agent.invoke(None, THREAD)["messages"][-1].text == ANSWER
    assert post.sent == ["bob"]


@pytest.mark.parametrize("drive", [invoked, awaited])
def test_a_plan_that_broke_off_is_not_done_again(drive):
    def veto(to: str) -> str:
        raise BudgetExceeded("no more")

    post = Post()
    planner, own = post.planner(Expert(name="vetoed", kinds=["call"], runnable=veto)), model(BOTH, ANSWER)
    agent = create_agent(own, [], middleware=[retry(), planner])
    assert drive(agent, {"messages": [ASKED]}, None)["messages"][-1].text == ANSWER
    assert post.sent == ["bob"]
