"""What the ledger takes down on the caller's path: references and clock readings, nothing computed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from langchain_core.messages import BaseMessage
from langchain_core.outputs import LLMResult
from langgraph.types import Command

__all__ = [
    "ABORTS",
    "CallStatus",
    "Observed",
    "ObservedCall",
    "ObservedDecision",
    "ObservedEmbedding",
    "RootEnded",
    "Run",
    "RunTree",
]

CallStatus = Literal["ok", "error", "aborted", "refused"]
"""``aborted``: a stream nobody read to its end, or a call cancelled; ``refused``: vetoed, so never sent."""


ABORTS = (GeneratorExit, asyncio.CancelledError, KeyboardInterrupt)
"""Errors that say nobody waits for the reply any more."""


@dataclass(slots=True, eq=False, weakref_slot=True)
class RunTree:
    """A root run and everything below it: told apart by identity, since a user may give two runs one id.

    Args:
        root: Id of the first run of the tree that was seen.
        metadata: The root's metadata.
        inputs: What the root was given.
        started_at: When, as ``time.time()``.
        interrupted: Whether it ended waiting for a human.
        interrupted_at: The checkpoint that it then stood at.
        resumed: Whether a graph in it went on from where it, or another process, had stopped.
        resumed_at: The checkpoint that it went on from.
        aborted: Whether it was cancelled or its stream abandoned.
        rootless: Whether its end will never be seen, because the ledger is attached to a model alone.
        open_calls: Its model calls that have not ended.
    """

    root: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    inputs: Any = None
    started_at: float = 0.0
    interrupted: bool = False
    interrupted_at: str | None = None
    resumed: bool = False
    resumed_at: str | None = None
    aborted: bool = False
    rootless: bool = False
    open_calls: set[ObservedCall] = field(default_factory=set)

    @property
    def goes_on(self) -> bool:
        """Whether what it does was begun in another tree, of this process or of another."""
        return self.resumed or isinstance(self.inputs, Command)

    def end(self) -> None:
        """Let go of what it was given."""
        self.resumed, self.inputs = self.goes_on, None


@dataclass(slots=True, eq=False)
class Run:
    """Where a run stands: its tree, and the tool it happens in, if any."""

    tree: RunTree
    tool: str | None = None

    @property
    def root(self) -> str:
        """Id of the tree's root."""
        return self.tree.root


@dataclass(slots=True, eq=False)
class ObservedCall:
    """One model call, from its start; the rest is filled in when it ends.

    A call whose end never came was vetoed by another handler, or cancelled: LangChain tells of neither when
    the call is asynchronous. ``task`` and ``may_be_vetoed`` are there to tell one from the other.
    """

    run_id: str
    parent_id: str | None
    run: Run
    messages: Sequence[BaseMessage]
    metadata: Mapping[str, Any]
    parameters: Mapping[str, Any]
    started_at: float
    started_clock: float
    given: Any = None
    first_token_clock: float | None = None
    last_token_clock: float | None = None
    read_bytes: int = 0
    ended_clock: float | None = None
    result: LLMResult | None = None
    error: BaseException | None = None
    traced_run: Any = None
    task: asyncio.Task[Any] | None = None
    may_be_vetoed: bool = True
    given_up: str | None = None
    same_id: ObservedCall | None = None

    @property
    def cannot_end(self) -> bool:
        """Whether the task that made the call is done, so that no end of it can come."""
        return self.task is not None and self.task.done()

    @property
    def was_sent(self) -> bool:
        """Whether a call whose end never came was sent all the same."""
        if self.first_token_clock is not None:
            return True
        if self.task is None:
            return False
        return self.task.cancelled() or self.run.tree.aborted or not self.may_be_vetoed


@dataclass(slots=True, eq=False)
class ObservedDecision:
    """A decision from the bus, with the run that made it."""

    data: Mapping[str, Any]
    run_id: str
    run: Run
    metadata: Mapping[str, Any]
    at: float


@dataclass(slots=True, eq=False)
class ObservedEmbedding:
    """An embedding call from the bus, with the run that made it."""

    data: Mapping[str, Any]
    run_id: str
    run: Run
    metadata: Mapping[str, Any]
    at: float


@dataclass(slots=True, eq=False)
class RootEnded:
    """The end of a whole run tree: only now is it known which reply was the answer."""

    tree: RunTree
    outputs: Any
    at: float


Observed = ObservedCall | ObservedDecision | ObservedEmbedding | RootEnded
"""Everything the bookkeeper judges."""
