"""What a node writes down while it runs, to find it again when an interrupted run comes back to it.

A note is a checkpoint of its own, under the node's namespace in the graph's own checkpointer, written by
``update_state``, which returns once the checkpointer has it: unlike a ``@task``'s result, which LangGraph
writes in the background. It is found again by the node's task id, which a run that resumes has too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.config import get_config
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

__all__ = ["NodeNotes", "notes_graph"]

_WRITE = "note"
_MISSING = "No checkpointer set"
"""What LangGraph says, as a ValueError, where there is no checkpointer; nothing else says it for sure."""


class NodeNotes:
    """The notes of one node under one name; made inside the node.

    Without a checkpointer there are none: what ends with the process cannot be resumed.

    Args:
        name: What they are about.
        graph: From :func:`notes_graph`.
    """

    def __init__(self, name: str, graph: CompiledStateGraph[Any, Any, Any, Any]) -> None:
        configurable: dict[str, Any] = dict(get_config()["configurable"])
        self.checkpoints: dict[str, str] = configurable.pop("checkpoint_map", {})
        """Where this run would be resumed: ids of checkpoints by namespace, the outermost graph's first."""
        self._configurable = configurable
        self._place = f"{configurable.get('checkpoint_ns', '')}|{name}"
        self._graph = graph
        self._kept: bool | None = None

    def kept(self) -> bool:
        """Return whether there is a checkpointer that keeps them.

        Raises:
            Exception: If there is one that cannot read them.
        """
        if self._kept is None:
            self._kept = self.read_if_kept() is not None
        return self._kept

    async def akept(self) -> bool:
        """Return whether there is a checkpointer that keeps them; the async twin of :meth:`kept`."""
        # Checkpointers of an event loop cannot be asked in it but so.
        if self._kept is None:
            self._kept = await self.aread_if_kept() is not None
        return self._kept

    def read_if_kept(self) -> Mapping[str, Any] | None:
        """Return what was written down, or None where there is no checkpointer that keeps it.

        Raises:
            Exception: If there is one that cannot read it.
        """
        try:
            found = self.read()
        except ValueError as error:
            self._kept = _unless_missing(error)
            return None
        self._kept = True
        return found

    async def aread_if_kept(self) -> Mapping[str, Any] | None:
        """Return what was written down, or None; the async twin of :meth:`read_if_kept`."""
        try:
            found = await self.aread()
        except ValueError as error:
            self._kept = _unless_missing(error)
            return None
        self._kept = True
        return found

    def read(self) -> Mapping[str, Any]:
        """Return what was written down.

        Raises:
            ValueError: If there is no checkpointer.
        """
        return self._graph.get_state(self.config(self._place, None)).values

    async def aread(self) -> Mapping[str, Any]:
        """Return what was written down; the async twin of :meth:`read`."""
        return (await self._graph.aget_state(self.config(self._place, None))).values

    def write(self, update: Mapping[str, Any]) -> None:
        """Write something down; it is kept once this returns.

        Args:
            update: What, as an update of the notes' state.

        Raises:
            ValueError: If there is no checkpointer.
            Exception: If there is one that cannot write it.
        """
        self._graph.update_state(self.config(self._place, None), dict(update), as_node=_WRITE)

    async def awrite(self, update: Mapping[str, Any]) -> None:
        """Write something down; the async twin of :meth:`write`."""
        await self._graph.aupdate_state(self.config(self._place, None), dict(update), as_node=_WRITE)

    def config(self, namespace: str, checkpoint_id: str | None) -> RunnableConfig:
        """Return where a checkpoint is; the node's own settings lend the notes' graph the checkpointer.

        Args:
            namespace: The namespace of the graph that it is of.
            checkpoint_id: Its id; None for the latest.
        """
        return {
            "configurable": {
                **self._configurable,
                "checkpoint_ns": namespace,
                "checkpoint_id": checkpoint_id,
            }
        }


def _unless_missing(error: ValueError) -> bool:
    """Return False where there is no checkpointer, or raise what a checkpointer failed with."""
    if str(error) != _MISSING:
        raise error
    return False


def notes_graph(schema: type[Any]) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Return a graph that is never run: its state is the notes.

    Args:
        schema: A ``TypedDict`` of them.
    """
    graph = StateGraph(schema)
    graph.add_node(_WRITE, lambda state: {})
    graph.add_edge(START, _WRITE)
    graph.add_edge(_WRITE, END)
    return graph.compile()
