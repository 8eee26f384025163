"""The planner's stages as nodes, for graphs that wire their own; :func:`create_planner` wires these."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from langchain_core.messages import AnyMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda

from llmops_plugins.effects import Flow
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.flow import arun, run
from llmops_plugins.planning.earlier import Earlier
from llmops_plugins.planning.execution.durable import aexecute_durably, execute_durably
from llmops_plugins.planning.experts.calls import ExpertCalls
from llmops_plugins.planning.node_updates import (
    begun,
    left_to_do,
    observer,
    plain_outcomes,
    replanned,
    said,
    settle_flow,
    usable_results,
)
from llmops_plugins.planning.planner import Planner
from llmops_plugins.planning.planner_state import PlannerState, assignments_in, outcomes_in
from llmops_plugins.planning.planning_flow import Planning, plan_flow, replan_flow
from llmops_plugins.planning.responding import answer_flow, respond_flow
from llmops_plugins.planning.streamed_node import aplan_streamed, plan_streamed
from llmops_plugins.setting_checks import check_instance

__all__ = [
    "after_execution",
    "after_planning",
    "after_replanning",
    "answer_node",
    "execute_node",
    "plan_node",
    "replan_node",
    "respond_node",
]

Node: TypeAlias = RunnableLambda[Any, dict[str, Any]]


def plan_node(planner: Planner) -> Node:
    """Return the node that plans a request and chooses experts; then :func:`after_planning` says where to go.

    With ``stream_plan`` it also does the tasks without side effects, as the plan is written.

    Args:
        planner: Who plans.
    """
    check_instance("planner", planner, Planner)

    def plan(state: PlannerState, config: RunnableConfig) -> dict[str, Any]:
        tenant, messages = planner.tenant_of(config), _messages(state)
        if planner.stream_plan:
            return plan_streamed(planner, messages, tenant)
        return said(begun(run(plan_flow(planner, messages, tenant)), tenant))

    async def aplan(state: PlannerState, config: RunnableConfig) -> dict[str, Any]:
        tenant, messages = planner.tenant_of(config), _messages(state)
        if planner.stream_plan:
            return await aplan_streamed(planner, messages, tenant)
        return said(begun(await arun(plan_flow(planner, messages, tenant)), tenant))

    return RunnableLambda(plan, aplan, name="plan")


def _messages(state: PlannerState) -> list[AnyMessage]:
    if not state.get("messages"):
        raise ConfigurationError("messages", "are missing, invoke the planner with {'messages': [...]}")
    return state["messages"]


def execute_node(planner: Planner) -> Node:
    """Return the node that does the tasks of the state's plan; then :func:`after_execution` says where to go.

    Each task is kept by the graph's checkpointer, so a run that was interrupted does none twice.

    Args:
        planner: Who plans.
    """
    check_instance("planner", planner, Planner)

    def executed(state: PlannerState) -> dict[str, Any]:
        calls, observe = ExpertCalls(planner.experts, planner.registry), observer()
        pending, ended = left_to_do(state, observe)
        done = execute_durably(
            pending,
            calls.ask,
            results=usable_results(ended),
            limits=planner.execution,
            observe=observe,
            costs=calls.costs,
        )
        run(settle_flow(planner, state["tenant"], pending, done.outcomes))
        return {"outcomes": plain_outcomes({**ended, **done.outcomes})}

    async def aexecuted(state: PlannerState) -> dict[str, Any]:
        calls, observe = ExpertCalls(planner.experts, planner.registry), observer()
        pending, ended = left_to_do(state, observe)
        done = await aexecute_durably(
            pending,
            calls.aask,
            results=usable_results(ended),
            limits=planner.execution,
            observe=observe,
            costs=calls.costs,
        )
        await arun(settle_flow(planner, state["tenant"], pending, done.outcomes))
        return {"outcomes": plain_outcomes({**ended, **done.outcomes})}

    return RunnableLambda(executed, aexecuted, name="execute")


def replan_node(planner: Planner) -> Node:
    """Return the node that plans what is still missing once tasks have failed.

    Args:
        planner: Who plans.
    """
    check_instance("planner", planner, Planner)

    def flow(state: PlannerState) -> Flow[Planning]:
        earlier = Earlier(assignments=assignments_in(state), outcomes=outcomes_in(state))
        return replan_flow(planner, state["messages"], state["tenant"], earlier)

    def replan(state: PlannerState) -> dict[str, Any]:
        return said(replanned(state, run(flow(state))))

    async def areplan(state: PlannerState) -> dict[str, Any]:
        return said(replanned(state, await arun(flow(state))))

    return RunnableLambda(replan, areplan, name="replan")


def respond_node(planner: Planner) -> Node:
    """Return the node that answers from the tasks' results, streamed.

    Args:
        planner: Who plans.
    """
    check_instance("planner", planner, Planner)

    def respond(state: PlannerState) -> dict[str, Any]:
        return {"messages": [run(respond_flow(planner, state))]}

    async def arespond(state: PlannerState) -> dict[str, Any]:
        return {"messages": [await arun(respond_flow(planner, state))]}

    return RunnableLambda(respond, arespond, name="respond")


def answer_node(planner: Planner) -> Node:
    """Return the node in which the controller answers what is not planned, streamed.

    Args:
        planner: Who plans.
    """
    check_instance("planner", planner, Planner)

    def answer(state: PlannerState) -> dict[str, Any]:
        return {"messages": [run(answer_flow(planner, state))]}

    async def aanswer(state: PlannerState) -> dict[str, Any]:
        return {"messages": [await arun(answer_flow(planner, state))]}

    return RunnableLambda(answer, aanswer, name="answer")


def after_planning(state: PlannerState) -> Literal["execute", "answer"]:
    """Return where a request goes once it was planned, or was not."""
    return "execute" if state["planned"] else "answer"


def after_execution(planner: Planner) -> Callable[[PlannerState], Literal["replan", "respond"]]:
    """Return what says where a request goes once its tasks have ended.

    Args:
        planner: Who plans.
    """
    check_instance("planner", planner, Planner)

    def after(state: PlannerState) -> Literal["replan", "respond"]:
        statuses = {one["status"] for one in state["outcomes"].values()}
        # What is cancelled ran out of time, and planning again takes more of it.
        again = planner.replan and not state["replans"] and "failed" in statuses
        return "replan" if again and "cancelled" not in statuses else "respond"

    return after


def after_replanning(state: PlannerState) -> Literal["execute", "respond"]:
    """Return where a request goes once it was planned again."""
    return "execute" if state["planning"]["outcome"] == "replanned" else "respond"
