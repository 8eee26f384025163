"""A plan is asked for in structured output where the controller has it; a refusal is paid for once."""

import asyncio

import pytest
from langchain_core.runnables import RunnableLambda

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.planning import plan_making
from llmops_plugins.planning.experts import kinds
from llmops_plugins.planning.experts.expert import Expert
from llmops_plugins.planning.experts.health import ExpertHealth
from llmops_plugins.planning.experts.selection import SelectionRules
from llmops_plugins.planning.graph import create_planner
from llmops_plugins.planning.middleware import PlannerMiddleware
from llmops_plugins.planning.planner import Planner
from llmops_plugins.testing import ScriptedChatModel
from tests.unit.planning.planner_world import (
    ANSWER,
    ASKED,
    PLAN,
    controller,
    degrees,
    plan_text,
    team,
    weather,
)


class RefusedError(Exception):
    def __init__(self, text):
        super().__init__(text)
        self.status_code = 400


class Refusing(ScriptedChatModel):
    """A model whose provider refuses calls with structured output."""

    error: Exception
    refused: list

    def with_structured_output(self, schema, **settings):
        def refuse(_):
            self.refused.append(1)
            raise self.error

        return RunnableLambda(refuse)


def drives(graph):
    return [graph.invoke(ASKED), asyncio.run(graph.ainvoke(ASKED))]


REFUSALS = [
    NotImplementedError(),
    TypeError("tools are not supported"),
    RefusedError("Unknown parameter: response_format"),
    RefusedError("Invalid schema for function Plan"),
]


@pytest.mark.parametrize("error", REFUSALS)
def test_a_refusal_is_paid_for_once(error):
    replies = ["No plan.", PLAN, ANSWER]
    model = Refusing(replies=replies * 2, error=error, refused=[])
    for state in drives(create_planner(model, team(), plan="always")):
        assert state["outcomes"]["t3"]["result"] == 16
    assert len(model.refused) == 1


@pytest.mark.parametrize("error", REFUSALS[:1])
def test_an_agent_that_changes_between_models_pays_once_for_each(error):
    models = [Refusing(replies=["[]"] * 2, error=error, refused=[]) for _ in range(2)]
    middleware = PlannerMiddleware(team(), plan="always")
    for model in models * 2:
        middleware._graph(model).invoke(ASKED)
    assert [len(model.refused) for model in models] == [1, 1]


@pytest.mark.parametrize(
    "error",
    [
        ValueError("not so"),
        RefusedError("maximum context length is 8192 tokens (100 in the functions)"),
        RefusedError("Your account is not active"),
        ConnectionError("tools"),
    ],
)
def test_any_other_error_is_no_refusal(error):
    graph = create_planner(
        Refusing(replies=[PLAN], error=error, refused=[]), team(), plan="always", on_invalid="fail"
    )
    with pytest.raises(type(error)):
        graph.invoke(ASKED)


def test_experts_with_side_effects_can_be_forbidden():
    sender = Expert(name="sender", kinds=["weather"], runnable=degrees, side_effects=True)
    model = controller(plan_text(weather("t1")), "[]", "Nothing.")
    rules = SelectionRules(side_effects=False)
    state = create_planner(model, [sender], plan="always", selection=rules).invoke(ASKED)
    assert not state["planned"]
    assert "has side effects, and none are allowed" in model.calls[1][-1].text


def test_what_is_known_of_experts_health_can_be_shared():
    health = ExpertHealth(failures=1)
    health.record("first", reached=False, tenant="default")
    experts = [Expert(name=name, kinds=["weather"], runnable=degrees) for name in ("first", "second")]
    state = create_planner(
        controller(plan_text(weather("t1")), "3."), experts, plan="always", health=health
    ).invoke(ASKED)
    assert state["outcomes"]["t1"]["expert"] == "second"


@pytest.mark.parametrize(("name", "value"), [("selection", {}), ("health", 3)])
def test_what_is_no_rule_or_health_is_refused(name, value):
    with pytest.raises(ConfigurationError, match=name):
        Planner(experts=team(), **{name: value})


def test_what_kinds_there_are_is_worked_out_once(monkeypatch):
    counted = []
    for module in (kinds, plan_making):
        original = module.kind_specs
        monkeypatch.setattr(module, "kind_specs", lambda experts, f=original: counted.append(1) or f(experts))
    graph = create_planner(controller("No plan.", PLAN, ANSWER), team(), plan="always")
    assert graph.invoke(ASKED)["outcomes"]["t3"]["result"] == 16
    assert counted == []
