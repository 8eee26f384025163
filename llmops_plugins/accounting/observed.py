"""What the ledger takes down on the caller's path: references and clock readings, nothing computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from langchain_core.messages import BaseMessage
from langchain_core.outputs import LLMResult

__all__ = ["CallStatus", "ObservedCall", "ObservedDecision", "ObservedEmbedding", "RootEnded", "Run"]

CallStatus = Literal["ok", "error", "aborted", "refused"]
"""``aborted``: a stream nobody read to its end, or a call cancelled; ``refused``: vetoed before it was sent."""


@dataclass(slots=True)
class Run:
    """Where a run stands: the first run of its tree that was seen, and the tool it happens in, if any."""

    root: str
    tool: str | None = None
    inputs: Any = None


@dataclass(slots=True)
class ObservedCall:
    """One model call, from its start; the rest is filled in when it ends."""

    run_id: str
    parent_id: str | None
    run: Run
    messages: Sequence[BaseMessage]
    metadata: Mapping[str, Any]
    parameters: Mapping[str, Any]
    started_at: float
    started_clock: float
    nostream: bool = False
    first_token_clock: float | None = None
    ended_clock: float | None = None
    result: LLMResult | None = None
    error: BaseException | None = None
    traced_run: Any = None
    posted_kind: str | None = None
    given_up: str | None = None


@dataclass(slots=True)
class ObservedDecision:
    """A decision from the bus, with the run that made it."""

    data: Mapping[str, Any]
    run_id: str
    run: Run
    metadata: Mapping[str, Any]
    at: float


@dataclass(slots=True)
class ObservedEmbedding:
    """An embedding call from the bus, with the run that made it."""

    data: Mapping[str, Any]
    run_id: str
    run: Run
    metadata: Mapping[str, Any]
    at: float


@dataclass(slots=True)
class RootEnded:
    """The end of a whole run tree: only now is it known which reply was the answer."""

    root: str
    inputs: Any
    outputs: Any
    error: BaseException | None
    interrupted: bool
    metadata: Mapping[str, Any] = field(default_factory=dict)
    at: float = 0.0
