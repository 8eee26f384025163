"""The planner in front of any agent: what decomposes goes to the experts, the rest to the agent as before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Unpack

from langchain.agents.middleware.types import ModelResponse
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.runnables.config import ensure_config
from langgraph.graph.state import CompiledStateGraph

from llmops_plugins.effects import Emit, Flow, Forward, Invoke, Request, Response
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.events import Decision, Mode
from llmops_plugins.flow_middleware import FlowMiddleware
from llmops_plugins.planning.earlier import Earlier
from llmops_plugins.planning.experts.expert import Expert
from llmops_plugins.planning.experts.outcomes import Standings
from llmops_plugins.planning.graph import planning_graph
from llmops_plugins.planning.plan_cost import estimate_plan
from llmops_plugins.planning.planner import Planner, PlannerSettings
from llmops_plugins.planning.planner_state import assignments_in, outcomes_in
from llmops_plugins.planning.planning_flow import Planning, plan_flow
from llmops_plugins.planning.responding import cited, failure_message, planning_decision, response_prompt
from llmops_plugins.planning.turn_memory import TurnMemory
from llmops_plugins.verification.verdict import answer_message

__all__ = ["PlannerMiddleware"]


class PlannerMiddleware(FlowMiddleware):
    """Let experts do what a request splits into, before the agent begins to work on it step by step.

    On the first model call of a turn it is decided whether the request needs a plan. If so, the plan is made
    and executed, and the agent's model writes the answer from the results, streamed as ever; else, and
    whenever planning fails or no task gives a result, the call is made as it would have been. Only if an
    expert with side effects may have had them though it failed, the answer says that, and the agent does not
    try too. Calls with structured output pass by.

    Where middleware outside of it makes the same call again (a retry, a fallback to another model), the plan
    is not executed again: the answer is written from what was done. If that is not known, since the execution
    broke off, the agent answers without experts.

    In an agent with a checkpointer, an interrupted plan resumes without doing tasks twice. Around a bare
    model (``with_middleware``) nothing is kept.

    Args:
        experts: Who can do which kinds of tasks.
        controller: Who plans; None is the agent's own model.
        mode: ``"shadow"`` plans in the background, and records the plan and what it is thought to cost; no
            expert is asked. See :class:`~llmops_plugins.flow_middleware.FlowMiddleware`.
        settings: See :class:`~llmops_plugins.planning.planner.Planner`. The responder is the agent's model
            unless one is given; ``on_invalid`` is always ``"answer"``.

    Raises:
        ConfigurationError: If there are no experts, two have one name, or a setting is wrong.

    Example:
        >>> from langchain.agents import create_agent
        >>> from llmops_plugins.testing import ScriptedChatModel
        >>> def degrees(city: str) -> int:
        ...     "Return how warm it is in a city."
        ...     return {"Oslo": 3, "Rome": 19}[city]
        >>> plan = '{"tasks": [{"id": "t1", "kind": "weather", "arguments": {"city": "Oslo"}}]}'
        >>> model = ScriptedChatModel(replies=[plan, "It has 3 degrees [t1]."])
        >>> experts = [Expert(name="degrees", kinds=["weather"], runnable=degrees)]
        >>> agent = create_agent(model, [], middleware=[PlannerMiddleware(experts, plan="always")])
        >>> agent.invoke({"messages": ["How warm is it in Oslo?"]})["messages"][-1].text
        'It has 3 degrees [t1].'
    """

    capability: ClassVar[str] = "planning"

    def __init__(
        self,
        experts: Sequence[Expert],
        *,
        controller: BaseChatModel | str | None = None,
        mode: Mode = "on",
        **settings: Unpack[PlannerSettings],
    ) -> None:
        super().__init__(mode=mode)
        for name in ("on_invalid", "markers"):
            if name in settings:
                problem = "cannot be set here: the agent answers what has no plan, and streams markers"
                raise ConfigurationError(name, problem)
        self._planner = Planner(controller=controller, experts=experts, **settings)
        self._turns = TurnMemory()
        self._last: tuple[BaseChatModel, CompiledStateGraph[Any, Any, Any, Any]] | None = None

    def flow(self, request: Request) -> Flow[Response]:
        """Plan and do a request that decomposes, and let the agent's model answer from the results."""
        if not _begins_turn(request) or request.response_format is not None:
            reply: Response = yield Forward(request, live=True)
            return reply
        turn = self._turns.turn(request.messages[-1])
        state = turn.state
        if state is None:
            if not turn.begin():
                reply = yield Forward(request, live=True)
                yield Emit(_not_again(answer_message(reply)))
                return reply
            graph = turn.keeping(self._graph(request.model))
            # Copies, since LangGraph writes ids into those that have none.
            state = yield Invoke(graph, {"messages": [one.model_copy() for one in request.messages]})
        if not state["planned"]:
            reply = yield Forward(request, live=True)
            yield Emit(planning_decision(state, answer_message(reply)))
            return reply
        return (yield from self._answered(request, state))

    def shadow_flow(self, request: Request, reply: Response) -> Flow[None]:
        """Plan the request, and note what would have been done and what that is thought to cost."""
        if not _begins_turn(request) or request.response_format is not None:
            return
        planner = self._planner_of(request.model)
        tenant = planner.tenant_of(ensure_config())
        planning = yield from plan_flow(planner, request.messages, tenant)
        kinds = [one.task.kind for one in planning.assignments]
        standings = yield from planner.chooser.standings_flow(tenant, kinds)
        yield Emit(_shadow_decision(planner, planning, standings, answer_message(reply)))

    def _answered(self, request: Request, state: Mapping[str, Any]) -> Flow[Response]:
        tasks, outcomes = [one.task for one in assignments_in(state)], outcomes_in(state)
        if not any(one.usable for one in outcomes.values()):
            return (yield from self._nothing_done(request, state))
        system, material = response_prompt(request.messages, tasks, outcomes)
        own = f"{request.system_message.text}\n\n" if request.system_message is not None else ""
        asked = request.override(
            messages=[material],
            system_message=SystemMessage(f"{own}{system.text}"),
            tools=[],
            tool_choice=None,
            model=request.model if self._planner.responder is None else self._planner.model("responder"),
        )
        reply: Response = yield Forward(asked, live=True)
        result = [cited(one, tasks, "keep") if isinstance(one, AIMessage) else one for one in reply.result]
        yield Emit(planning_decision(state, answer_message(reply)))
        return replace(reply, result=result)

    def _nothing_done(self, request: Request, state: Mapping[str, Any]) -> Flow[Response]:
        """Let the agent do what no expert could, unless one may have had its effect all the same."""
        earlier = Earlier(assignments=assignments_in(state), outcomes=outcomes_in(state))
        if earlier.touched:
            failed = failure_message([one.task for one in earlier.assignments], earlier.outcomes)
            yield Emit(planning_decision(state, failed))
            return ModelResponse(result=[failed])
        reply: Response = yield Forward(request, live=True)
        decision = planning_decision(state, answer_message(reply))
        reason = "No task gave a result, the agent answers."
        yield Emit(replace(decision, outcome="failed_open", reason=reason))
        return reply

    def _graph(self, model: BaseChatModel) -> CompiledStateGraph[Any, Any, Any, Any]:
        last = self._last
        if last is None or last[0] is not model:
            last = self._last = (model, planning_graph(self._planner_of(model), answers=False))
        return last[1]

    def _planner_of(self, model: BaseChatModel) -> Planner:
        own = self._planner.controller is not None
        return self._planner if own else self._planner.with_controller(model)


def _begins_turn(request: Request) -> bool:
    """Tell whether nothing was done yet for what the person said last."""
    return bool(request.messages) and isinstance(request.messages[-1], HumanMessage)


def _not_again(reply: AIMessage | None) -> Decision:
    reason = (
        "The plan was begun before in this run and broke off: it is not executed again, the agent answers."
    )
    return Decision(
        capability=PlannerMiddleware.capability,
        outcome="failed_open",
        reason=reason,
        returned=reply.id if reply is not None else None,
    )


def _shadow_decision(
    planner: Planner, planning: Planning, standings: Standings, reply: AIMessage | None
) -> Decision:
    estimate = estimate_plan(planning.assignments, planner.experts, standings)
    return Decision(
        capability=PlannerMiddleware.capability,
        outcome=planning.outcome,
        reason=planning.reason,
        mode="shadow",
        returned=reply.id if reply is not None else None,
        hidden=planning.hidden,
        details={
            "tasks": len(planning.assignments),
            "experts": {one.task.id: one.expert for one in planning.assignments},
            "complaints": [one.sentence for one in planning.complaints],
            "estimate": estimate.to_dict(),
        },
    )
