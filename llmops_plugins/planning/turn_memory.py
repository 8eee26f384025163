"""What became of the plans of late turns, so that a call which is made again does nothing twice.

Middleware outside of the planner's may make the same call again: a retry, a fallback to another model. What
experts did by then is done.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from itertools import islice
from typing import Any

from langchain_core.messages import AnyMessage
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langchain_core.runnables.config import ensure_config
from langgraph.errors import GraphBubbleUp

__all__ = ["Turn", "TurnMemory"]

_MOST_TURNS = 4_096
_MOST_STATES = 256
_AGAIN = frozenset({"failed_open", "invalid"})
"""Outcomes of a planning after which it may be tried once more: no expert was asked."""


class Turn:
    """One request's plan, in one run.

    Args:
        message: What was said last; held, so that its identity stays its own.
    """

    def __init__(self, message: AnyMessage) -> None:
        self.state: Mapping[str, Any] | None = None
        """What the plan came to, or None where that is not known, or no longer."""
        self._message = message
        self._lock = threading.Lock()
        self._begun = False

    def begin(self) -> bool:
        """Tell whether the request may be planned and done: nobody has begun to."""
        with self._lock:
            begun, self._begun = self._begun, True
        return not begun

    def keeping(self, graph: Runnable[Any, Any]) -> Runnable[Any, Any]:
        """Return a planner's graph that notes here what it came to.

        After an interrupt it may be run again, since that is how it is resumed; after an error it may not.
        """

        def keep(given: Any, config: RunnableConfig) -> Any:
            try:
                return self._kept(graph.invoke(given, config))
            except GraphBubbleUp:
                self._begun = False
                raise

        async def akeep(given: Any, config: RunnableConfig) -> Any:
            try:
                return self._kept(await graph.ainvoke(given, config))
            except GraphBubbleUp:
                self._begun = False
                raise

        return RunnableLambda(keep, akeep, name="planner")

    def _kept(self, state: Any) -> Any:
        if state["planning"]["outcome"] in _AGAIN:
            self._begun = False
        else:
            self.state = state
        return state


class TurnMemory:
    """The latest turns of a process; safe to share between threads and event loops.

    What a plan came to is kept for the latest 256 turns, and of some thousands that they were begun.
    """

    def __init__(self) -> None:
        self._turns: OrderedDict[Hashable, Turn] = OrderedDict()
        self._lock = threading.Lock()

    def turn(self, message: AnyMessage) -> Turn:
        """Return the turn that a call belongs to: the same run, asked the same.

        Args:
            message: What was said last.
        """
        run = getattr(ensure_config().get("callbacks"), "parent_run_id", None)
        key = (run, id(message) if run is None else _digest(message))
        with self._lock:
            turn = self._turns.setdefault(key, Turn(message))
            self._turns.move_to_end(key)
            while len(self._turns) > _MOST_TURNS:
                self._turns.popitem(last=False)
            older = islice(reversed(self._turns.values()), _MOST_STATES, _MOST_STATES + 1)
            for one in older:
                one.state = None
        return turn


def _digest(message: AnyMessage) -> str:
    # Ids would not do: LangGraph gives a message one on the way.
    return hashlib.sha256(str(message.content).encode("utf-8", "surrogatepass")).hexdigest()
