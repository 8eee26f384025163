"""Which tasks with side effects were begun, written down before each of them begins.

That a ``@task`` returned does not say that it was kept: LangGraph writes its result in the background, and
a process that is killed meanwhile forgets it. A mark must not be forgotten, so it is a checkpoint of its
own, under the node's namespace in the graph's own checkpointer, written by ``update_state``, which returns
once the checkpointer has it. It is found again by the node's task id; a run that resumes has the same one
if the checkpoint it resumes from was written too, so the first mark waits for that.
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
_BEGUN = "begun"


class CheckpointMissingError(LlmopsError):
    """The checkpoint that a run would resume from is not written, so no task with side effects may begin."""


class _Begun(TypedDict):
    task_ids: Annotated[list[str], operator.add]


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
        self.kept = self._has_checkpointer()
        """Whether there is a checkpointer that keeps them."""

    def count(self, task_id: str) -> int:
        """Return how often the task was begun, in this run and those before."""
        if not self.kept:
            return 0
        return _count(_marks().get_state(self._marks_config()), task_id)

    def add(self, task_id: str) -> None:
        """Write down that the task begins now; it may, once this returns.

        Raises:
            CheckpointMissingError: If the run could not be resumed, as with ``durability="exit"``.
        """
        if self.kept:
            self._await_checkpoints()
            _marks().update_state(self._marks_config(), {"task_ids": [task_id]}, as_node=_BEGUN)

    async def acount(self, task_id: str) -> int:
        """Return how often the task was begun; the async twin of :meth:`count`."""
        if not self.kept:
            return 0
        return _count(await _marks().aget_state(self._marks_config()), task_id)

    async def aadd(self, task_id: str) -> None:
        """Write down that the task begins now; the async twin of :meth:`add`."""
        if self.kept:
            await self._aawait_checkpoints()
            await _marks().aupdate_state(self._marks_config(), {"task_ids": [task_id]}, as_node=_BEGUN)

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

    def _has_checkpointer(self) -> bool:
        try:
            _marks().get_state(self._marks_config())
        except ValueError:
            return False
        return True

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
    graph = StateGraph(_Begun)
    graph.add_node(_BEGUN, lambda state: {})
    graph.add_edge(START, _BEGUN)
    graph.add_edge(_BEGUN, END)
    return graph.compile()


def _count(state: StateSnapshot, task_id: str) -> int:
    return int(state.values.get("task_ids", []).count(task_id))


def _is_written(state: StateSnapshot) -> bool:
    return state.created_at is not None


def _check(patience: float) -> None:
    if time.monotonic() > patience:
        raise CheckpointMissingError(
            "the checkpoint to resume from is not written, run the graph with durability 'async' or 'sync'"
        )
