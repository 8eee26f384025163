"""A plan that was streamed, as it is kept once it is written: a run that resumes goes on with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, TypedDict

from langgraph.graph.state import CompiledStateGraph

from llmops_plugins.failures import warn_once
from llmops_plugins.planning.execution.assignment import Assignment
from llmops_plugins.planning.execution.node_notes import NodeNotes, notes_graph
from llmops_plugins.planning.need_flow import Need

__all__ = ["WrittenPlan", "WrittenPlanNotes"]

_REFUSED: dict[str, Any] = {}
_NOTING = "noting what was learned of experts"


@dataclass(frozen=True, kw_only=True)
class WrittenPlan:
    """What the controller wrote, and what was begun of it meanwhile.

    Args:
        need: Why it was asked for.
        text: What it wrote.
        hidden: Ids of the replies that it took.
        early: The tasks that started before it was complete.
    """

    need: Need
    text: str
    hidden: tuple[str, ...]
    early: tuple[Assignment, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "need": asdict(self.need),
            "text": self.text.encode("utf-8", "replace").decode(),  # no checkpointer takes half a surrogate
            "hidden": list(self.hidden),
            "early": [one.to_dict() for one in self.early],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> WrittenPlan:
        """Return the plan that :meth:`to_dict` gave as plain data.

        Args:
            data: What it gave.

        Raises:
            KeyError, TypeError: If it is something else.
        """
        need = {**data["need"], "hidden": tuple(data["need"]["hidden"])}
        return cls(
            need=Need(**need),
            text=data["text"],
            hidden=tuple(data["hidden"]),
            early=tuple(Assignment.from_dict(one) for one in data["early"]),
        )


class WrittenPlanNotes:
    """Where the node that streams a plan keeps it, if there is a checkpointer; made inside the node."""

    def __init__(self) -> None:
        self._notes = NodeNotes("written_plan", _graph())
        self.refused = False
        """Whether an earlier attempt wrote a plan that could not be used; known once they are read."""
        self.learned: frozenset[str] = frozenset()
        """Ids of the tasks of whose end an earlier attempt has learned; known once they are read."""

    def read(self) -> WrittenPlan | None:
        """Return the plan that an interrupted run has written to its end, if there is one.

        Raises:
            Exception: If the checkpointer cannot read it.
        """
        return self._plan(self._notes.read_if_kept() or {})

    def keep(self, plan: WrittenPlan) -> None:
        """Keep a plan; it is kept once this returns.

        Args:
            plan: The plan, written to its end.

        Raises:
            Exception: If the checkpointer cannot keep it.
        """
        if self._notes.kept():
            self._notes.write({"plan": plan.to_dict()})

    def refuse(self) -> None:
        """Forget the plan: it cannot be used, so the node writes another if it is tried again."""
        if self._notes.kept():
            self._notes.write({"plan": _REFUSED})

    def learn(self, task_ids: Iterable[str]) -> None:
        """Note that it was learned how tasks ended, for the attempts after one that fails.

        Args:
            task_ids: Their ids; where there are none, nothing is noted.
        """
        learned = [*task_ids]
        try:
            if learned and self._notes.kept():
                self._notes.write({"learned": learned})
        except Exception as error:  # noqa: BLE001 - checkpointers raise anything; learning fails open
            warn_once(_NOTING, error, "check the checkpointer")

    async def aread(self) -> WrittenPlan | None:
        """Return the plan that an interrupted run has written; the async twin of :meth:`read`."""
        return self._plan(await self._notes.aread_if_kept() or {})

    async def akeep(self, plan: WrittenPlan) -> None:
        """Keep a plan; the async twin of :meth:`keep`."""
        if await self._notes.akept():
            await self._notes.awrite({"plan": plan.to_dict()})

    async def arefuse(self) -> None:
        """Forget the plan; the async twin of :meth:`refuse`."""
        if await self._notes.akept():
            await self._notes.awrite({"plan": _REFUSED})

    async def alearn(self, task_ids: Iterable[str]) -> None:
        """Note that it was learned how tasks ended; the async twin of :meth:`learn`."""
        learned = [*task_ids]
        try:
            if learned and await self._notes.akept():
                await self._notes.awrite({"learned": learned})
        except Exception as error:  # noqa: BLE001 - checkpointers raise anything; learning fails open
            warn_once(_NOTING, error, "check the checkpointer")

    def _plan(self, notes: Mapping[str, Any]) -> WrittenPlan | None:
        self.learned = frozenset(notes.get("learned", ()))
        self.refused = notes.get("plan") == _REFUSED
        return WrittenPlan.from_dict(notes["plan"]) if "plan" in notes and not self.refused else None


class _Written(TypedDict):
    plan: dict[str, Any]
    learned: list[str]


@cache
def _graph() -> CompiledStateGraph[Any, Any, Any, Any]:
    return notes_graph(_Written)
