"""The state of a planner's graph, as plain data that any checkpointer keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from langchain_core.messages import AnyMessage
from langgraph.graph import add_messages
from typing_extensions import TypedDict  # pydantic takes no other below Python 3.12

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.planning.execution.assignment import Assignment
from llmops_plugins.planning.execution.task_outcome import TaskOutcome

__all__ = ["PlannerInput", "PlannerOutput", "PlannerState", "assignments_in", "outcomes_in"]


class PlannerInput(TypedDict):
    """What a planner is given.

    Args:
        messages: The request, as a chat.
    """

    messages: Annotated[list[AnyMessage], add_messages]


class PlannerOutput(PlannerInput):
    """What a planner returns.

    Args:
        plan: The plan, ``{"tasks": [...]}``; None where none was made.
        outcomes: How each task ended, by id: ``status``, ``result``, ``error``, ``expert`` and so on.
        planned: Whether experts did it.
    """

    plan: dict[str, Any] | None
    outcomes: dict[str, dict[str, Any]]
    planned: bool


class PlannerState(PlannerOutput):
    """What a planner's nodes share; the state of a graph that has them has to have these.

    Args:
        assignments: The tasks, and who does each.
        replans: How often it was planned again.
        planning: What is to be said of the planning: ``outcome``, ``reason``, ``hidden`` and ``complaints``.
        tenant: Whose request it is.
    """

    assignments: list[dict[str, Any]]
    replans: int
    planning: dict[str, Any]
    tenant: str


def assignments_in(state: Mapping[str, Any]) -> list[Assignment]:
    """Return the assignments in a state.

    Args:
        state: A planner's.

    Raises:
        ConfigurationError: If the state is none.
    """
    return [Assignment.from_dict(one) for one in _field(state, "assignments")]


def outcomes_in(state: Mapping[str, Any]) -> dict[str, TaskOutcome]:
    """Return the outcomes in a state.

    Args:
        state: A planner's.

    Raises:
        ConfigurationError: If the state is none.
    """
    return {task_id: TaskOutcome.from_dict(one) for task_id, one in _field(state, "outcomes").items()}


def _field(state: Mapping[str, Any], name: str) -> Any:
    try:
        return state[name]
    except KeyError:
        problem = f"lacks {name}: give the graph PlannerState as its state, and have plan_node run before"
        raise ConfigurationError("state", problem) from None
