"""What a flow can ask for: its effects. They are values; ``flow.py`` performs them."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from langchain.agents.middleware.types import ModelRequest, ModelResponse
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import Runnable
from langgraph.errors import GraphBubbleUp
from langgraph.store.base import BaseStore, Op

from llmops_plugins.errors import BudgetExceeded
from llmops_plugins.events import Decision, Kind

__all__ = [
    "NEVER_SWALLOWED",
    "CallModel",
    "Effect",
    "Embed",
    "Emit",
    "Flow",
    "Forward",
    "Gather",
    "Interrupt",
    "Invoke",
    "ModelReply",
    "Request",
    "Response",
    "Result",
    "Spawn",
    "StoreOps",
    "Wait",
]

NEVER_SWALLOWED = (GraphBubbleUp, BudgetExceeded)
"""Interrupts are exceptions in LangGraph, and a veto is final: whatever fails open passes these on.

The drivers never offer them to a flow; who calls a user's code outside of an effect must re-raise them.
"""

Result = TypeVar("Result")
Request: TypeAlias = ModelRequest[Any]
Response: TypeAlias = ModelResponse[Any]
Flow: TypeAlias = Generator["Effect", Any, Result]
"""A generator of effects: a capability. Its return value is the result."""


@dataclass(frozen=True)
class Forward:
    """Pass the wrapped model call on; resumes with its ``ModelResponse``.

    Args:
        request: The request, usually ``request.override(...)``.
        live: Promises that the reply is returned unchanged, so it may stream as it comes. Any other reply is
            held back from the user's stream; the ledger still sees it.
    """

    request: Request
    live: bool = False


@dataclass(frozen=True)
class CallModel:
    """A hidden call the capability makes itself, never streamed; resumes with a :class:`ModelReply`.

    Args:
        model: The chat model, or a model bound to settings.
        messages: What it is sent.
        kind: What the call is for. Required, so that no hidden call goes uncounted.
        schema: Optional schema for structured output.
    """

    model: BaseChatModel
    messages: Sequence[BaseMessage]
    kind: Kind
    schema: type[Any] | dict[str, Any] | None = None


@dataclass(frozen=True)
class Embed:
    """Embed texts; resumes with one vector each. Counted, though LangChain's embeddings fire no callbacks."""

    embeddings: Embeddings
    texts: Sequence[str]


@dataclass(frozen=True)
class StoreOps:
    """Operations on a LangGraph store, in one batch; resumes with their results in order."""

    store: BaseStore
    ops: Iterable[Op]


@dataclass(frozen=True)
class Invoke:
    """Invoke anything else runnable; resumes with its output.

    Args:
        runnable: What to invoke.
        input: What it is given.
        live: Promises that the output goes to the user as it is, so it may stream as it comes. Any other is
            held back from the user's stream; the ledger still sees it.
    """

    runnable: Runnable[Any, Any]
    input: Any
    live: bool = False


@dataclass(frozen=True)
class Gather:
    """Perform several effects at once; resumes with a list of results in order, a failure as its exception.

    Args:
        effects: What to perform. None may be live: only one reply can be the user's stream.
        timeout: Seconds for all of them together; one that is late comes back as ``TimeoutError``. Under
            asyncio it is cancelled; a thread cannot be, so there it ends unheeded, and is still counted.
    """

    effects: Sequence[Effect]
    timeout: float | None = None

    def __post_init__(self) -> None:
        if any(isinstance(effect, Forward | Invoke) and effect.live for effect in self.effects):
            raise ValueError("effects: a live effect cannot be gathered, yield it on its own")


@dataclass(frozen=True)
class Spawn:
    """Run a flow in the background, bounded; resumes at once with None. A failure is counted, never seen."""

    flow: Flow[Any]


@dataclass(frozen=True)
class Wait:
    """Wait for what another run brings about; resumes with the future's result, or its exception.

    Args:
        future: Shared by threads and event loops. Cancelling the run that waits leaves it alone.
        timeout: Seconds, after which the flow is given a ``TimeoutError``; None waits.
    """

    future: Future[Any]
    timeout: float | None = None


@dataclass(frozen=True)
class Interrupt:
    """Pause the graph until a person answers (LangGraph's ``interrupt``); resumes with the answer.

    The node around it runs again from its start, in another process perhaps, so what must not repeat has to
    be a LangGraph ``@task`` or lie in a node before.

    Args:
        value: What the person is shown; JSON values only.
    """

    value: Any


@dataclass(frozen=True)
class Emit:
    """Put a decision on the bus; resumes with None. Without a parent run it is dropped, never an error."""

    decision: Decision


Effect: TypeAlias = Forward | CallModel | Embed | StoreOps | Invoke | Gather | Spawn | Wait | Interrupt | Emit
"""Everything a flow can ask for. A new one is a design decision."""


@dataclass(frozen=True, kw_only=True)
class ModelReply:
    """What a hidden call answered.

    Args:
        message: The model's message; its id names the call in a ``Decision``.
        parsed: The value parsed by ``schema``, or None without one or when the reply did not parse.
    """

    message: AIMessage
    parsed: Any = None
