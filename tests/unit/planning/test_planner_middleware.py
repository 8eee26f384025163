"""The planner in front of an agent and of a bare model: what decomposes is planned, the rest is as before."""

import asyncio

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt
from pydantic import BaseModel

from llmops_plugins import CostLedger, with_middleware
from llmops_plugins.background import BACKGROUND
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.flow import run
from llmops_plugins.planning.experts.expert import Expert
from llmops_plugins.planning.experts.outcomes import ExpertOutcomes
from llmops_plugins.planning.experts.standing import Outcome
from llmops_plugins.planning.middleware import PlannerMiddleware
from tests.unit.planning.planner_world import ANSWER, ASKED, PLAN, controller, plan_text, team, weather

ONE = plan_text(weather("t1"))
CITY = {"type": "object", "properties": {"city": {"type": "string"}}}
FRANCE = "What is the capital of France?"


@tool
def look_up(word: str) -> str:
    """Look a word up."""
    return word.upper()


def agent(model, experts=None, **settings):
    checkpointer = settings.pop("checkpointer", None)
    middleware = PlannerMiddleware(experts or team(), **{"plan": "always", **settings})
    return create_agent(
        model, [look_up], middleware=[middleware], system_prompt="Be kind.", checkpointer=checkpointer
    )


def both(graph, asked=ASKED, config=None):
    return [graph.invoke(asked, config), asyncio.run(graph.ainvoke(asked, config))]


def test_a_request_that_decomposes_goes_to_the_experts():
    model = controller(PLAN, ANSWER)
    for state in both(agent(model)):
        assert [type(message).__name__ for message in state["messages"]] == ["HumanMessage", "AIMessage"]
        said = state["messages"][-1]
        assert said.text == ANSWER
        assert said.response_metadata["llmops_statements"][0]["tasks"] == ["t3"]
    system, material = model.calls[1]
    assert system.text.startswith("Be kind.\n\nYou answer")
    assert "<task-t3-" in material.text


def test_the_answer_streams_and_the_plan_does_not():
    graph = agent(controller(PLAN, ANSWER))
    chunks = [chunk for chunk, _ in graph.stream(ASKED, stream_mode="messages")]
    assert len(chunks) > 3
    assert "".join(chunk.text for chunk in chunks) == ANSWER


def test_a_request_that_needs_no_plan_goes_on_as_before():
    call = {"name": "look_up", "args": {"word": "paris"}, "id": "1", "type": "tool_call"}
    model = controller(AIMessage("", tool_calls=[call]), "Paris.")
    for state in both(agent(model, plan="auto"), {"messages": [FRANCE]}):
        assert [message.type for message in state["messages"]] == ["human", "ai", "tool", "ai"]
    assert len(model.calls) == 4


@pytest.mark.parametrize(
    "replies", [["No plan.", "Still none.", "Hello."], [OSError("down"), "Hello."], ["[]", "Hello."]]
)
def test_without_a_plan_the_agent_answers_as_before(replies):
    for state in both(agent(controller(*replies))):
        assert state["messages"][-1].text == "Hello."


class Heard(BaseCallbackHandler):
    def __init__(self):
        self.planning = []

    def on_custom_event(self, name, data, **rest):
        self.planning += [data] if data["outcome"] != "selected" else []


def test_if_every_task_failed_the_agent_answers_with_its_own_tools():
    call = {"name": "look_up", "args": {"word": "atlantis"}, "id": "1", "type": "tool_call"}
    replies = [plan_text(weather("t1", "Atlantis")), AIMessage("", tool_calls=[call]), "It is no city."]
    for way in range(2):
        heard = Heard()
        state = both(agent(controller(*replies, *replies), replan=False), config={"callbacks": [heard]})[way]
        assert [message.type for message in state["messages"]] == ["human", "ai", "tool", "ai"]
        assert [one["outcome"] for one in heard.planning] == ["failed_open"] * 2
        assert heard.planning[0]["details"]["ended"] == {"t1": "failed"}


def test_if_a_task_failed_that_may_have_had_its_effect_the_answer_says_so_and_not_why():
    def send(city: str) -> int:
        raise ConnectionError("postgresql://app@10.0.0.3/hr: SELECT salary")

    expert = Expert(name="sender", kinds=["weather"], runnable=send, side_effects=True)
    for state in both(agent(controller(ONE, "[]", ONE, "[]"), [expert])):
        assert "weather (t1): failed (ConnectionError)" in state["messages"][-1].text
        assert "salary" not in state["messages"][-1].text


def test_another_model_plans_and_another_answers():
    planning, answering, own = controller(ONE), controller("3 [t1]."), controller("unused")
    state = agent(own, controller=planning, responder=answering).invoke(ASKED)
    assert state["messages"][-1].text == "3 [t1]."
    assert (len(planning.calls), len(answering.calls), len(own.calls)) == (1, 1, 0)


def test_whatever_model_the_agent_has_at_the_moment_plans():
    cheap, dear = controller(ONE, "3 [t1]."), controller("unused")

    class Cheaper(AgentMiddleware):
        def wrap_model_call(self, request, handler):
            return handler(request.override(model=cheap))

    graph = create_agent(dear, [], middleware=[Cheaper(), PlannerMiddleware(team(), plan="always")])
    assert graph.invoke(ASKED)["messages"][-1].text == "3 [t1]."
    assert (len(cheap.calls), len(dear.calls)) == (2, 0)


def test_a_call_with_structured_output_passes_by():
    class Weather(BaseModel):
        """The weather."""

        degrees: int

    call = {"name": "Weather", "args": {"degrees": 3}, "id": "1", "type": "tool_call"}
    middleware = PlannerMiddleware(team(), plan="always")
    graph = create_agent(
        controller(AIMessage("", tool_calls=[call])), [], middleware=[middleware], response_format=Weather
    )
    assert graph.invoke(ASKED)["structured_response"] == Weather(degrees=3)


def test_a_bare_model_has_it_too():
    model = with_middleware(controller(PLAN, ANSWER), PlannerMiddleware(team(), plan="always"))
    assert model.invoke("How much warmer?").text == ANSWER
    assert asyncio.run(model.ainvoke("How much warmer?")).text == ANSWER
    chunks = list(model.stream("How much warmer?"))
    assert len(chunks) > 3
    assert sum(chunks[1:], chunks[0]).text == ANSWER
    assert all(isinstance(chunk, AIMessageChunk) for chunk in chunks)


def test_an_interrupt_of_an_expert_reaches_the_person_and_resumes():
    asked = []

    def ask(city: str) -> int:
        asked.append(city)
        return interrupt(f"How warm is it in {city}?")

    expert = Expert(name="person", kinds=["weather"], runnable=ask)
    model = controller(ONE, "It has 7 degrees [t1].")
    graph = agent(model, [expert], checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "1"}}
    paused = graph.invoke(ASKED, thread)
    assert paused["__interrupt__"][0].value == "How warm is it in Oslo?"
    state = graph.invoke(Command(resume=7), thread)
    assert state["messages"][-1].text == "It has 7 degrees [t1]."
    assert "\n7\n" in model.calls[-1][-1].text
    assert len(model.calls) == 2  # it was not planned again


def test_shadow_plans_and_estimates_and_asks_no_expert():
    def forbidden(city: str) -> int:
        raise AssertionError("a shadow asked an expert")

    expert = Expert(name="forbidden", kinds=["weather"], runnable=forbidden, cost_usd=0.25)
    model = controller("It is warm.", ONE)
    with CostLedger("sqlite://") as ledger:
        graph = agent(model, [expert], mode="shadow")
        assert graph.invoke(ASKED)["messages"][-1].text == "It is warm."
        assert BACKGROUND.drain(5)
        ledger.flush()
        rows = ledger.report(by=["kind"]).rows
    assert {row.key["kind"] for row in rows} == {"answer", "plan"}


def test_a_shadows_estimate_is_by_what_experts_cost_so_far():
    expert = Expert(name="it", kinds=["weather"], runnable=lambda city: 3, arguments=CITY, cost_usd=0.25)
    outcomes = ExpertOutcomes()
    spent = Outcome(expert="it", kind="weather", succeeded=True, at=outcomes.now(), cost_usd=0.5)
    run(outcomes.record_flow("default", [spent]))
    heard = Heard()
    graph = agent(controller("It is warm.", ONE), [expert], mode="shadow", outcomes=outcomes)
    graph.invoke(ASKED, {"callbacks": [heard]})
    assert BACKGROUND.drain(5)
    assert heard.planning[-1]["details"]["estimate"]["cost_usd"] == 0.5


def test_off_passes_by():
    model = controller("It is warm.")
    assert agent(model, mode="off").invoke(ASKED)["messages"][-1].text == "It is warm."
    assert len(model.calls) == 1


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"on_invalid": "fail"}, "on_invalid: cannot be set here"),
        ({"markers": "drop"}, "markers: cannot be set here"),
        ({"mode": "maybe"}, "mode: must be one of"),
        ({"experts": []}, "experts: is empty"),
    ],
)
def test_bad_settings_are_refused_when_built(settings, problem):
    with pytest.raises(ConfigurationError, match=problem):
        PlannerMiddleware(**{"experts": team(), **settings})
