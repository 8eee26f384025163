"""How many of a node's durable tasks may run at once: they share the threads of the node's own run."""

from __future__ import annotations

import os
import threading
from typing import Any

from langgraph.config import get_config

from llmops_plugins.errors import ConfigurationError

__all__ = ["pool_room"]

_LEAST_STREAMED = 3
"""Threads of a streamed run: this node's, one that reads the stream, and one for a task."""
_RUNNER_KEY = "__pregel_call"
"""Where LangGraph keeps, for a node, what starts its durable tasks."""


def pool_room(*, threads: bool) -> int | None:
    """Return how many tasks may run at once beside this node and what writes results; None for any number.

    Args:
        threads: Whether tasks run in threads rather than in the event loop.

    Raises:
        ConfigurationError: If not even one thread is left: a task would wait for this node, and this for it.
    """
    config: Any = get_config()
    places: int | None = config.get("max_concurrency")
    if places is None:
        if not threads:
            return None
        processors: int = getattr(os, "process_cpu_count", os.cpu_count)() or 1
        places = min(32, processors + 4)
    if threads and places < _LEAST_STREAMED and _is_in_the_pool(config["configurable"].get(_RUNNER_KEY)):
        problem = f"is {places}, a plan whose run is streamed needs {_LEAST_STREAMED} threads or more"
        raise ConfigurationError("max_concurrency", problem)
    return max(1, places - 2)


def _is_in_the_pool(runner: Any) -> bool:
    """Tell whether this node has one of the threads itself; one that is alone and not streamed has none.

    No public name says so. Where LangGraph keeps it otherwise, nobody is refused.
    """
    submit = getattr(runner, "keywords", {}).get("submit")
    pool = getattr(getattr(submit() if callable(submit) else None, "__self__", None), "executor", None)
    return threading.current_thread() in getattr(pool, "_threads", ())
