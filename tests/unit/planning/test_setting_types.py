"""Whatever stands in a setting, it works or is refused when built, in one sentence that names the setting."""

import math

import numpy
import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.graph import START, StateGraph

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.planning.execution.assignment import ExecutionLimits
from llmops_plugins.planning.execution.attempts import Attempts
from llmops_plugins.planning.experts.choice import ExpertChooser
from llmops_plugins.planning.experts.expert import Expert
from llmops_plugins.planning.experts.health import ExpertHealth
from llmops_plugins.planning.experts.outcomes import ExpertOutcomes
from llmops_plugins.planning.experts.selection import SelectionRules
from llmops_plugins.planning.graph import create_planner, planning_graph
from llmops_plugins.planning.middleware import PlannerMiddleware
from llmops_plugins.planning.nodes import (
    after_execution,
    answer_node,
    execute_node,
    plan_node,
    replan_node,
    respond_node,
)
from llmops_plugins.planning.plan.limits import PlanLimits
from llmops_plugins.planning.planner import Planner
from llmops_plugins.planning.planner_state import PlannerState
from tests.unit.planning.expert_stubs import TEXT
from tests.unit.planning.planner_world import PLAN, controller, team


async def late(config: RunnableConfig) -> str:
    return "late"


COUNT = ["3", True, None, math.nan, math.inf, 2.5, -1, [], b"3"]
NUMBER = ["3", True, None, math.nan, math.inf, -math.inf, -1, [], 1 + 2j, 10**400]
SECONDS = ["3", True, math.nan, math.inf, -1, 0, [], 1e10, 10**400]
FLAG = ["yes", 1, 0, None, []]
MODEL = [7, True, [], {}, len, b"openai:gpt-4o-mini"]
THING = ["one", 7, True, [], {}, object()]
NAME = [None, 7, True, "", b"x", ["x"]]


def planner(**settings):
    return Planner(**{"controller": controller(PLAN), "experts": team(), **settings})


def created(**settings):
    return create_planner(**{"controller": controller(PLAN), "experts": team(), **settings})


def middleware(**settings):
    return PlannerMiddleware(**{"experts": team(), **settings})


def expert(**settings):
    return Expert(**{"name": "it", "kinds": ["work"], "arguments": TEXT, **settings})


def chooser(**settings):
    return ExpertChooser(team(), **settings)


SHARED = {
    "experts": [None, 7, True, "one", [None], {"a": 1}, team()[0]],
    "plan": [None, 7, True, "sometimes", [], {}],
    "limits": [None, *THING],
    "execution": [None, *THING],
    "selection": [None, *THING],
    "outcomes": THING,
    "health": THING,
    "registry": THING,
    "router": MODEL,
    "decider": MODEL,
    "responder": MODEL,
    "controller": MODEL,
    "stream_plan": FLAG,
    "replan": FLAG,
    "tenant": [None, 7, True, "", [], late],
}
ANSWERS = {"on_invalid": [None, 7, True, "ask", []], "markers": [None, 7, True, "some", []]}
WRONG = {
    PlanLimits: {name: [*COUNT, 0] for name in ("tasks", "depth", "width", "argument_characters")},
    Attempts: {"timeout_s": SECONDS, "retries": COUNT, "backoff_s": NUMBER},
    ExecutionLimits: {
        "concurrency": [*COUNT, 0],
        "deadline_s": SECONDS,
        "attempts": [None, *THING],
        "result_characters": [*COUNT, 0],
        "argument_characters": [*COUNT, 0],
    },
    SelectionRules: {
        "minimum_success": [*NUMBER, 1],
        "similar_price": [*NUMBER, 0.5],
        "side_effects": FLAG,
        "short_list": [*COUNT, 1, 21],
    },
    ExpertOutcomes: {"store": THING, "lifetime_days": [None, *SECONDS], "clock": [None, 7, "now"]},
    ExpertHealth: {
        "failures": [*COUNT, 0],
        "pause_s": [None, *SECONDS],
        "probe_every_s": [None, *SECONDS],
        "probe_timeout_s": [None, *SECONDS],
        "clock": [None, 7, "now"],
    },
    expert: {
        "name": NAME,
        "kinds": [None, 7, True, "work", [], [None], [7], [""], iter(["work"])],
        "runnable": [7, True, [], {}, b"x"],
        "description": [None, 7, True, [], b"x"],
        "arguments": [7, True, "object", [], int],
        "output": [7, True, "object", [], int],
        "cost_usd": [*NUMBER[:2], *NUMBER[3:]],
        "latency_seconds": [*NUMBER[:2], *NUMBER[3:]],
        "side_effects": FLAG,
        "max_input_tokens": ["3", True, math.nan, 2.5, 0, -1, []],
        "model": MODEL,
        "healthy": [7, True, "yes", []],
        "timeout": SECONDS,
    },
    chooser: {
        "router": MODEL,
        "outcomes": THING,
        "health": THING,
        "rules": THING,
        "timeout_s": [None, *SECONDS],
    },
    planner: {**SHARED, **ANSWERS, "plans_only": FLAG},
    created: {
        **SHARED,
        **ANSWERS,
        "controller": [None, *MODEL],
        "checkpointer": ["memory", 7, [], object()],
    },
    middleware: {**SHARED, "mode": [None, 7, True, "maybe", []]},
}
CASES = [
    pytest.param(build, field, value, id=f"{build.__name__}-{field}-{value!r:.20}")
    for build, fields in WRONG.items()
    for field, values in fields.items()
    for value in values
]


@pytest.mark.parametrize(("build", "field", "value"), CASES)
def test_a_setting_of_a_wrong_type_is_refused_by_its_name_when_built(build, field, value):
    with pytest.raises(ConfigurationError) as refused:
        build(**{field: value})
    named = refused.value.field.replace("rules", "selection")
    assert field.replace("rules", "selection") in named
    assert "\n" not in str(refused.value)
    assert len(refused.value.problem.split()) > 3


def test_an_array_s_number_is_refused_with_how_to_give_it():
    with pytest.raises(ConfigurationError, match=r"must be an int from 1, got int64: write int\(\.\.\.\)"):
        PlanLimits(tasks=numpy.int64(3))


@pytest.mark.parametrize(
    "build",
    [
        plan_node,
        execute_node,
        replan_node,
        respond_node,
        answer_node,
        after_execution,
        planning_graph,
    ],
)
@pytest.mark.parametrize("value", [None, "planner", controller(PLAN), Planner])
def test_a_node_of_what_is_no_planner_is_refused(build, value):
    with pytest.raises(ConfigurationError, match=r"planner: must be Planner\(\.\.\.\)"):
        build(value)


@pytest.mark.parametrize("build", [execute_node, replan_node, respond_node])
def test_a_node_in_a_state_without_a_plan_says_what_is_missing(build):
    graph = StateGraph(PlannerState).add_node("node", build(planner())).add_edge(START, "node").compile()
    with pytest.raises(ConfigurationError, match=r"state: lacks .*, and have plan_node run before"):
        graph.invoke({"messages": [("user", "q")]})


@pytest.mark.parametrize("gives", [None, "", 7])
def test_a_tenant_that_is_none_is_refused_before_anything_is_done_for_it(gives):
    with pytest.raises(ConfigurationError, match="tenant: must give a name"):
        planner(tenant=lambda config: gives).tenant_of({})


@pytest.mark.parametrize(
    ("build", "settings"),
    [
        (Attempts, {"timeout_s": None, "retries": 0, "backoff_s": 0}),
        (ExecutionLimits, {"deadline_s": None, "concurrency": 1}),
        (SelectionRules, {"minimum_success": 0, "similar_price": 1}),
        (expert, {"cost_usd": 0, "timeout": 1, "kinds": ("a", "b")}),
        (planner, {"controller": None, "tenant": lambda config: "acme", "experts": tuple(team())}),
        (created, {"checkpointer": True, "experts": iter(team())}),
    ],
)
def test_what_is_on_the_edge_is_taken(build, settings):
    assert build(**settings) is not None
