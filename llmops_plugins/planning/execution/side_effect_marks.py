"""Which tasks with side effects were begun, written down before each of them begins.

That a ``@task`` returned does not say that it was kept: LangGraph writes its result in the background, and
a process that is killed meanwhile forgets it. A mark must not be forgotten, so it is a note of its own (see
:mod:`~llmops_plugins.planning.execution.node_notes`). That is found again only if the checkpoint which the
run would resume from was written too, so the first mark waits for that.

A task that interrupts has not ended, but neither is it in doubt what it did: LangGraph runs it again from its
start once it is answered. So that is written down too, and takes back that it was begun.
"""

from __future__ import annotations

import asyncio
import operator
import time
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import StateSnapshot

from llmops_plugins.errors import LlmopsError
from llmops_plugins.planning.execution.node_notes import NodeNotes, notes_graph

__all__ = ["CheckpointMissingError", "SideEffectMarks"]

_PATIENCE = 5.0
_PAUSE = 0.005
"""Seconds between two looks whether a checkpoint was written, which nothing says; and for how long in all."""


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
        self._notes = NodeNotes("side_effects", _marks())

    def kept(self) -> bool:
        """Return whether there is a checkpointer that keeps them."""
        return self._notes.kept()

    async def akept(self) -> bool:
        """Return whether there is a checkpointer that keeps them; the async twin of :meth:`kept`."""
        return await self._notes.akept()

    def count(self, task_id: str) -> int:
        """Return how often the task was begun and nobody knows how it went, in this run and those before."""
        return _count(self._notes.read(), task_id) if self.kept() else 0

    def add(self, task_id: str) -> None:
        """Write down that the task begins now; it may, once this returns.

        Raises:
            CheckpointMissingError: If the run could not be resumed, as with ``durability="exit"``.
        """
        if self.kept():
            self._await_checkpoints()
            self._notes.write({"begun": [task_id]})

    def interrupted(self, task_id: str) -> None:
        """Write down that the task has interrupted after it was begun, and runs again once it is answered."""
        if self.kept():
            self._notes.write({"interrupted": [task_id]})

    async def acount(self, task_id: str) -> int:
        """Return how often the task was begun; the async twin of :meth:`count`."""
        return _count(await self._notes.aread(), task_id) if await self.akept() else 0

    async def aadd(self, task_id: str) -> None:
        """Write down that the task begins now; the async twin of :meth:`add`."""
        if await self.akept():
            await self._aawait_checkpoints()
            await self._notes.awrite({"begun": [task_id]})

    async def ainterrupted(self, task_id: str) -> None:
        """Write down that the task has interrupted; the async twin of :meth:`interrupted`."""
        if await self.akept():
            await self._notes.awrite({"interrupted": [task_id]})

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
        checkpoints = self._notes.checkpoints
        while checkpoints:
            namespace, checkpoint_id = next(iter(checkpoints.items()))
            yield self._notes.config(namespace, checkpoint_id)
            del checkpoints[namespace]


@cache
def _marks() -> CompiledStateGraph[Any, Any, Any, Any]:
    return notes_graph(_Marked)


def _count(marked: Mapping[str, Any], task_id: str) -> int:
    begun, interrupted = (marked.get(key, []).count(task_id) for key in ("begun", "interrupted"))
    return int(begun - interrupted)


def _is_written(state: StateSnapshot) -> bool:
    return state.created_at is not None


def _check(patience: float) -> None:
    if time.monotonic() > patience:
        raise CheckpointMissingError(
            "the checkpoint to resume from is not written, run the graph with durability 'async' or 'sync'"
        )
