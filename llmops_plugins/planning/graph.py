"""The planner as a compiled LangGraph: plan, execute, answer from the results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from langchain_core.language_models import BaseChatModel
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.planning.experts.expert import Expert
from llmops_plugins.planning.nodes import (
    after_execution,
    after_planning,
    after_replanning,
    answer_node,
    execute_node,
    plan_node,
    replan_node,
    respond_node,
)
from llmops_plugins.planning.planner import Planner, PlannerSettings
from llmops_plugins.planning.planner_state import PlannerInput, PlannerOutput, PlannerState
from llmops_plugins.setting_checks import check_checkpointer

__all__ = ["create_planner", "planning_graph"]


def create_planner(
    controller: BaseChatModel | str,
    experts: Sequence[Expert],
    *,
    checkpointer: Any = None,
    **settings: Unpack[PlannerSettings],
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Return a graph that splits a request into tasks, gives each to an expert, and answers from the results.

    HuggingGPT's four stages (Shen et al. 2023, https://arxiv.org/abs/2303.17580) with LLMCompiler's
    parallelism (Kim et al. 2023, https://arxiv.org/abs/2312.04511), and with a failure path. The graph takes
    and returns ``messages``, so it is a node for any graph that does. Tasks start as soon as what they need
    has ended. The answer streams; plans do not reach the stream of messages, and ``stream_mode="custom"``
    shows ``plan``, ``task_started`` and ``task_ended``.

    Args:
        controller: The chat model, or its ``init_chat_model`` string, that plans, and answers what needs no
            plan.
        experts: Who can do which kinds of tasks.
        checkpointer: As for any graph. With one, a run that was interrupted does no task twice, and a task
            with side effects that was begun and has no result asks a person.
        settings: See :class:`~llmops_plugins.planning.planner.Planner`.

    Returns:
        The compiled graph; see :class:`~llmops_plugins.planning.planner_state.PlannerOutput`.

    Raises:
        ConfigurationError: If there are no experts, two have one name, or a setting is wrong.

    Example:
        >>> from llmops_plugins.testing import ScriptedChatModel
        >>> def degrees(city: str) -> int:
        ...     "Return how warm it is in a city."
        ...     return {"Oslo": 3, "Rome": 19}[city]
        >>> plan = '{"tasks": [{"id": "t1", "kind": "weather", "arguments": {"city": "Oslo"}}]}'
        >>> controller = ScriptedChatModel(replies=[plan, "It has 3 degrees [t1]."])
        >>> experts = [Expert(name="degrees", kinds=["weather"], runnable=degrees)]
        >>> graph = create_planner(controller, experts, plan="always")
        >>> state = graph.invoke({"messages": ["How warm is it in Oslo?"]})
        >>> state["messages"][-1].text, state["outcomes"]["t1"]["result"]
        ('It has 3 degrees [t1].', 3)
    """
    if controller is None:
        raise ConfigurationError("controller", "is missing: give the chat model that plans, or its name")
    planner = Planner(controller=controller, experts=experts, **settings)
    return planning_graph(planner, checkpointer=checkpointer)


def planning_graph(
    planner: Planner, *, answers: bool = True, checkpointer: Any = None
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Return the graph of a planner.

    Args:
        planner: Who plans.
        answers: Whether it answers too, or ends with the results for somebody else to answer from.
        checkpointer: As for any graph.

    Returns:
        The compiled graph, as of :func:`create_planner`.

    Raises:
        ConfigurationError: If the planner or the checkpointer is none.
    """
    check_checkpointer("checkpointer", checkpointer)
    output = PlannerOutput if answers else PlannerState
    builder = StateGraph(PlannerState, input_schema=PlannerInput, output_schema=output)
    builder.add_node("plan", plan_node(planner))
    builder.add_node("execute", execute_node(planner))
    builder.add_node("replan", replan_node(planner))
    builder.add_edge(START, "plan")
    answer, respond = ("answer", "respond") if answers else (END, END)
    builder.add_conditional_edges("plan", after_planning, {"execute": "execute", "answer": answer})
    builder.add_conditional_edges(
        "execute", after_execution(planner), {"replan": "replan", "respond": respond}
    )
    builder.add_conditional_edges("replan", after_replanning, {"execute": "execute", "respond": respond})
    if answers:
        builder.add_node("answer", answer_node(planner))
        builder.add_node("respond", respond_node(planner))
        builder.add_edge("answer", END)
        builder.add_edge("respond", END)
    return builder.compile(checkpointer=checkpointer, name="planner")
