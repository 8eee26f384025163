"""Which tasks with side effects were begun, written down before each of them begins.

That a ``@task`` returned does not say that it was kept: LangGraph writes its result in the background, and
a process that is killed meanwhile forgets it. A mark must not be forgotten, so it is a checkpoint of its
own, under the node's namespace in the graph's own checkpointer, written by ``update_state``, which returns
once the checkpointer has it. It is found again by the node's task id; a run that resumes has the same one
if the checkpoint it resumes from was written too, so the first mark waits for that.

A task that interrupts has not ended, but neither is it in doubt what it did: LangGraph runs it again from its
start once it is answered. So that is written down too, and takes back that it was begun.
"""

from __future__ import annotations

import asyncio
import operator
import time
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.config import get_config
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import StateSnapshot

from llmops_plugins.errors import LlmopsError

__all__ = ["CheckpointMissingError", "SideEffectMarks"]

_PATIENCE = 5.0
_PAUSE = 0.005
"""Seconds between two looks whether a checkpoint was written, which nothing says; and for how long in all."""
_MARK = "mark"


class CheckpointMissingError(LlmopsError):
    """The checkpoint that a run would resume from is not written, so no task with side effects may begin."""


class _Marked(TypedDict):
    begun: Annotated[list[str], operator.add]
    interrupted: Annotated[list[str], operator.add]


class SideEffectMarks:
    """The marks of one execution; made inside the node that it runs in.

    Without a checkpointer there are none: what ends with the process cannot be resumed.
    """

    def __init__(self) -> None:
        configurable: dict[str, Any] = dict(get_config()["configurable"])
        # Where this run would be resumed: the checkpoint of each graph from the outermost in.
        self._checkpoints: dict[str, str] = configurable.pop("checkpoint_map", {})
        self._configurable = configurable
        self._namespace = configurable.get("checkpoint_ns", "")
        self._kept: bool | None = None

    def kept(self) -> bool:
        """Return whether there is a checkpointer that keeps them."""
        if self._kept is None:
            try:
                _marks().get_state(self._marks_config())
                self._kept = True
            except ValueError:
                self._kept = False
        return self._kept

    async def akept(self) -> bool:
        """Return whether there is a checkpointer that keeps them; the async twin of :meth:`kept`."""
        # Checkpointers of an event loop cannot be asked in it but so.
        if self._kept is None:
            try:
                await _marks().aget_state(self._marks_config())
                self._kept = True
            except ValueError:
                self._kept = False
        return self._kept

    def count(self, task_id: str) -> int:
        """Return how often the task was begun and nobody knows how it went, in this run and those before."""
        if not self.kept():
            return 0
        return _count(_marks().get_state(self._marks_config()), task_id)

    def add(self, task_id: str) -> None:
        """Write down that the task begins now; it may, once this returns.

        Raises:
            CheckpointMissingError: If the run could not be resumed, as with ``durability="exit"``.
        """
        if self.kept():
            self._await_checkpoints()
            _marks().update_state(self._marks_config(), {"begun": [task_id]}, as_node=_MARK)

    def interrupted(self, task_id: str) -> None:
        """Write down that the task has interrupted after it was begun, and runs again once it is answered."""
        if self.kept():
            _marks().update_state(self._marks_config(), {"interrupted": [task_id]}, as_node=_MARK)

    async def acount(self, task_id: str) -> int:
        """Return how often the task was begun; the async twin of :meth:`count`."""
        if not await self.akept():
            return 0
        return _count(await _marks().aget_state(self._marks_config()), task_id)

    async def aadd(self, task_id: str) -> None:
        """Write down that the task begins now; the async twin of :meth:`add`."""
        if await self.akept():
            await self._aawait_checkpoints()
            await _marks().aupdate_state(self._marks_config(), {"begun": [task_id]}, as_node=_MARK)

    async def ainterrupted(self, task_id: str) -> None:
        """Write down that the task has interrupted; the async twin of :meth:`interrupted`."""
        if await self.akept():
            await _marks().aupdate_state(self._marks_config(), {"interrupted": [task_id]}, as_node=_MARK)

    def _await_checkpoints(self) -> None:
        patience = time.monotonic() + _PATIENCE
        for config in self._missing():
            while not _is_written(_marks().get_state(config)):
                _check(patience)
                time.sleep(_PAUSE)

    async def _aawait_checkpoints(self) -> None:
        patience = time.monotonic() + _PATIENCE
        for config in self._missing():
            while not _is_written(await _marks().aget_state(config)):
                _check(patience)
                await asyncio.sleep(_PAUSE)

    def _missing(self) -> Iterator[RunnableConfig]:
        while self._checkpoints:
            namespace, checkpoint_id = next(iter(self._checkpoints.items()))
            yield self._config(namespace, checkpoint_id)
            del self._checkpoints[namespace]

    def _marks_config(self) -> RunnableConfig:
        return self._config(f"{self._namespace}|side_effects", None)

    def _config(self, namespace: str, checkpoint_id: str | None) -> RunnableConfig:
        # The node's own settings lend the marks' graph the checkpointer.
        return {
            "configurable": {
                **self._configurable,
                "checkpoint_ns": namespace,
                "checkpoint_id": checkpoint_id,
            }
        }


@cache
def _marks() -> CompiledStateGraph[Any, Any, Any, Any]:
    """Return a graph that is never run: its state is the marks."""
    graph = StateGraph(_Marked)
    graph.add_node(_MARK, lambda state: {})
    graph.add_edge(START, _MARK)
    graph.add_edge(_MARK, END)
    return graph.compile()


def _count(state: StateSnapshot, task_id: str) -> int:
    begun, interrupted = (state.values.get(key, []).count(task_id) for key in ("begun", "interrupted"))
    return int(begun - interrupted)


def _is_written(state: StateSnapshot) -> bool:
    return state.created_at is not None


def _check(patience: float) -> None:
    if time.monotonic() > patience:
        raise CheckpointMissingError(
            "the checkpoint to resume from is not written, run the graph with durability 'async' or 'sync'"
        )
