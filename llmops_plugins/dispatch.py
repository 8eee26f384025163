"""Puts decisions on the bus: LangChain custom events, and the metadata of the LangSmith run around them."""

from __future__ import annotations

import threading
from typing import Any

from langchain_core.callbacks import adispatch_custom_event, dispatch_custom_event
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config
from langsmith.run_helpers import get_current_run_tree

from llmops_plugins.events import DECISION_EVENT, Decision

__all__ = [
    "LANGSMITH_DECISIONS_KEY",
    "adispatch_decision",
    "adispatch_event",
    "dispatch_decision",
    "dispatch_event",
]

_NOTING = threading.Lock()

LANGSMITH_DECISIONS_KEY = "llmops_decisions"
"""Key in a LangSmith run's metadata under which the decisions made in that run are listed."""


def dispatch_event(name: str, data: dict[str, Any]) -> None:
    """Dispatch a custom event to the handlers of the current run; without one it is dropped."""
    config = ensure_config()
    if _has_parent_run(config):
        dispatch_custom_event(name, data, config=config)


async def adispatch_event(name: str, data: dict[str, Any]) -> None:
    """Dispatch a custom event to the handlers of the current run; without one it is dropped."""
    config = ensure_config()
    if _has_parent_run(config):
        await adispatch_custom_event(name, data, config=config)


def dispatch_decision(decision: Decision) -> None:
    """Announce a decision to callback handlers and to the current LangSmith run."""
    data = decision.to_dict()
    dispatch_event(DECISION_EVENT, data)
    _note_in_langsmith_run(data)


async def adispatch_decision(decision: Decision) -> None:
    """Announce a decision to callback handlers and to the current LangSmith run."""
    data = decision.to_dict()
    await adispatch_event(DECISION_EVENT, data)
    _note_in_langsmith_run(data)


def _has_parent_run(config: RunnableConfig) -> bool:
    return getattr(config.get("callbacks"), "parent_run_id", None) is not None


def _note_in_langsmith_run(data: dict[str, Any]) -> None:
    """LangChain's LangSmith tracer ignores custom events, so the run's own metadata carries the decision."""
    run_tree = get_current_run_tree()
    if run_tree is None:
        return
    with _NOTING:  # gathered calls of one run decide at the same time
        decisions = run_tree.metadata.get(LANGSMITH_DECISIONS_KEY, [])
        run_tree.add_metadata({LANGSMITH_DECISIONS_KEY: [*decisions, data]})
