"""Planning and doing at once, in one node: tasks start while the controller writes the plan."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from typing import Any

from langchain_core.messages import AnyMessage

from llmops_plugins.effects import NEVER_SWALLOWED, Emit, Flow
from llmops_plugins.flow import arun, run
from llmops_plugins.planning.execution.assignment import Assignment, ExecutionResult
from llmops_plugins.planning.execution.durable import aexecute_durably, execute_durably
from llmops_plugins.planning.experts.calls import ExpertCalls
from llmops_plugins.planning.need_flow import Need, need_flow
from llmops_plugins.planning.node_updates import (
    Outcomes,
    begun,
    observer,
    plain_outcomes,
    said,
    settle_flow,
)
from llmops_plugins.planning.plan.errors import PlanInvalidError
from llmops_plugins.planning.plan_making import MadePlan
from llmops_plugins.planning.plan_streaming import StreamedPlan
from llmops_plugins.planning.planner import Planner
from llmops_plugins.planning.planning_flow import Planning, error_decision, failed_open, planned
from llmops_plugins.planning.written_plan import WrittenPlan, WrittenPlanNotes

__all__ = ["aplan_streamed", "plan_streamed"]


def plan_streamed(planner: Planner, messages: Sequence[AnyMessage], tenant: str) -> dict[str, Any]:
    """Plan a request and do what can be done meanwhile; return the update of the state.

    Args:
        planner: Who plans.
        messages: The conversation.
        tenant: Whose it is.

    Raises:
        GraphBubbleUp, BudgetExceeded: From an expert or the controller.
        Exception: If planning failed and such a request is not answered otherwise.
    """
    notes = WrittenPlanNotes()
    written = notes.read()
    need = run(need_flow(planner, messages)) if written is None else written.need
    if not need.needed:
        return begun(_direct(need), tenant)
    plan = StreamedPlan(planner, messages, tenant)
    try:
        outcomes = _begun_early(planner, plan, _tasks(plan, need, written, notes), tenant, notes)
        made, kept = run(plan.finish_flow(outcomes))
        return _joined(planner, plan, need, made, {one: outcomes[one] for one in kept}, tenant)
    except NEVER_SWALLOWED:
        notes.learn(plan.early)
        raise
    except Exception as error:  # noqa: BLE001 - it is raised again if it is to be
        if isinstance(error, PlanInvalidError):
            notes.refuse()
        else:
            notes.learn(plan.early)
        return run(_not_streamed_flow(planner, plan, need, error, tenant))


async def aplan_streamed(planner: Planner, messages: Sequence[AnyMessage], tenant: str) -> dict[str, Any]:
    """Plan a request and do what can be done meanwhile; the async twin of :func:`plan_streamed`."""
    notes = WrittenPlanNotes()
    written = await notes.aread()
    need = await arun(need_flow(planner, messages)) if written is None else written.need
    if not need.needed:
        return begun(_direct(need), tenant)
    plan = StreamedPlan(planner, messages, tenant)
    try:
        outcomes = await _abegun_early(planner, plan, _atasks(plan, need, written, notes), tenant, notes)
        made, kept = await arun(plan.finish_flow(outcomes))
        return _joined(planner, plan, need, made, {one: outcomes[one] for one in kept}, tenant)
    except NEVER_SWALLOWED:
        await notes.alearn(plan.early)
        raise
    except Exception as error:  # noqa: BLE001 - it is raised again if it is to be
        if isinstance(error, PlanInvalidError):
            await notes.arefuse()
        else:
            await notes.alearn(plan.early)
        return await arun(_not_streamed_flow(planner, plan, need, error, tenant))


def _begun_early(
    planner: Planner,
    plan: StreamedPlan,
    tasks: Iterator[Assignment],
    tenant: str,
    notes: WrittenPlanNotes,
) -> Outcomes:
    """Return how the tasks ended that started while the plan was written, which is then read no further.

    After a plan that was refused none starts: what its tasks came to would be told of those of the new one.
    """
    calls = ExpertCalls(planner.experts, planner.registry)
    try:
        if notes.refused:
            plan.starts_early = False
            for _ in tasks:
                pass
            return {}
        done = execute_durably(
            tasks, calls.ask, limits=planner.execution, observe=observer(), costs=calls.costs
        )
    finally:
        plan.stop()
    plan.settle(done)
    run(settle_flow(planner, tenant, _news(done, notes), done.outcomes))
    return done.outcomes


def _tasks(
    plan: StreamedPlan, need: Need, written: WrittenPlan | None, notes: WrittenPlanNotes
) -> Iterator[Assignment]:
    """Yield the tasks that start early; the plan is kept before the last of them can interrupt."""
    if written is not None:
        plan.restore(written)
        yield from written.early
    else:
        yield from plan.read()
        if plan.complete and not notes.refused:
            notes.keep(plan.written(need))


async def _abegun_early(
    planner: Planner,
    plan: StreamedPlan,
    tasks: AsyncIterator[Assignment],
    tenant: str,
    notes: WrittenPlanNotes,
) -> Outcomes:
    calls = ExpertCalls(planner.experts, planner.registry)
    try:
        if notes.refused:
            plan.starts_early = False
            async for _ in tasks:
                pass
            return {}
        done = await aexecute_durably(
            tasks, calls.aask, limits=planner.execution, observe=observer(), costs=calls.costs
        )
    finally:
        plan.stop()
    plan.settle(done)
    await arun(settle_flow(planner, tenant, _news(done, notes), done.outcomes))
    return done.outcomes


async def _atasks(
    plan: StreamedPlan, need: Need, written: WrittenPlan | None, notes: WrittenPlanNotes
) -> AsyncIterator[Assignment]:
    if written is not None:
        plan.restore(written)
        for one in written.early:
            yield one
    else:
        async for one in plan.aread():
            yield one
        if plan.complete and not notes.refused:
            await notes.akeep(plan.written(need))


def _news(done: ExecutionResult, notes: WrittenPlanNotes) -> list[Assignment]:
    """Return the tasks of whose end nothing was learned before the node was tried again."""
    learned = done.replayed & notes.learned
    return [one for task_id, one in done.assignments.items() if task_id not in learned]


def _direct(need: Need) -> Planning:
    return Planning(outcome="direct", reason=f"It needs no plan: {need.reason}.", hidden=need.hidden)


def _joined(
    planner: Planner, plan: StreamedPlan, need: Need, made: MadePlan, outcomes: Outcomes, tenant: str
) -> dict[str, Any]:
    """Return the update of a plan of which some tasks were done as it was written."""
    done = tuple(plan.early[task_id] for task_id in outcomes)
    whole = replace(made, assignments=(*done, *made.assignments))
    hidden = [*need.hidden, *plan.hidden]
    planning = planned(planner, whole, hidden, f"It needs a plan: {need.reason}.")
    update = begun(planning, tenant)
    return said({**update, "outcomes": plain_outcomes(outcomes) if update["planned"] else {}})


def _not_streamed_flow(
    planner: Planner, plan: StreamedPlan, need: Need, error: Exception, tenant: str
) -> Flow[dict[str, Any]]:
    hidden = [*need.hidden, *plan.hidden]
    if planner.on_invalid == "fail":
        yield Emit(error_decision(error, hidden))
        raise error
    return begun(failed_open(planner, error, hidden), tenant)
