"""What a cache of tool results is made of, and where in it a call's result is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from langchain.agents.middleware.types import ToolCallRequest
from langchain_core.messages import ToolMessage
from langgraph.store.base import BaseStore
from langgraph.types import Command

from llmops_plugins.caching.identity import CannotNameError, digest, tool_identity
from llmops_plugins.caching.injected import takes_run_state
from llmops_plugins.caching.partition import Partition, keys_of, text_of
from llmops_plugins.caching.place import PassedBy
from llmops_plugins.caching.room import Room
from llmops_plugins.caching.single_flight import SingleFlight
from llmops_plugins.caching.tool_result import ToolResult

__all__ = ["FromToolCall", "Shared", "ToolCache", "ToolPlace", "ToolReply", "find_tool_place"]

ToolReply: TypeAlias = "ToolMessage | Command[Any]"
FromToolCall: TypeAlias = "str | Callable[[ToolCallRequest], str | None]"
"""A fixed value, or a function of the tool call: of ``request.runtime.context`` or ``request.state``."""


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What the leader of a flight has for those who wait: None where it may not be shared."""

    result: ToolResult | None


@dataclass(frozen=True, kw_only=True)
class ToolCache:
    """Everything the flows of one cache share.

    Args:
        store: Where results are kept.
        minutes: By name of a tool, for how many minutes its results are served; None for ever.
        tenant: Whose a call is.
        corpus_version: Version of what results are drawn from.
        keys: Whatever else a result depends on.
        tags: What results can be invalidated by.
        room: How many there may be.
        patience_seconds: How long a call waits for an equal one's result before it is made itself.
        clock: Returns Unix time in seconds.
        timer: Returns seconds since any moment.
        flights: The calls in progress.
    """

    store: BaseStore
    minutes: Mapping[str, float | None]
    tenant: FromToolCall
    corpus_version: FromToolCall
    keys: Callable[[ToolCallRequest], Mapping[str, Any]] | None
    tags: Iterable[str] | Callable[[ToolCallRequest], Iterable[str]]
    room: Room
    patience_seconds: float
    clock: Callable[[], float] = time.time
    timer: Callable[[], float] = time.perf_counter
    flights: SingleFlight[Shared] = field(default_factory=SingleFlight)


@dataclass(frozen=True, kw_only=True)
class ToolPlace:
    """Where a call's result is.

    Args:
        partition: What it shares results with.
        tool: The tool's name.
        key: SHA-256 of its arguments.
    """

    partition: Partition
    tool: str
    key: str

    @property
    def flight_key(self) -> str:
        """Equal for calls of which one is enough."""
        return f"{self.partition.identity}/{self.key}"


def find_tool_place(request: ToolCallRequest, cache: ToolCache) -> ToolPlace | PassedBy:
    """Return where a call's result is looked for.

    The arguments are those the model wrote: state, runtime and the like are injected later, and are none.

    Args:
        request: The call.
        cache: Knows what it depends on beside the tool and its arguments.
    """
    call = request.tool_call
    if request.tool is None:
        return PassedBy(reason="the agent has no such tool")
    if takes_run_state(request.tool) and not cache.tenant and cache.keys is None:
        return PassedBy(reason="the tool is given the run's state, so say whose it is: set tenant or keys")
    try:
        tenant = text_of("tenant", cache.tenant, request)
        corpus_version = text_of("corpus_version", cache.corpus_version, request)
        parts = {
            "what": "tool",
            "tenant": tenant,
            "corpus_version": corpus_version,
            "keys": keys_of(cache.keys, request),
            "name": call["name"],
            "tool": tool_identity(request.tool),
        }
        partition = Partition(tenant=tenant, corpus_version=corpus_version, identity=digest(parts))
        return ToolPlace(partition=partition, tool=call["name"], key=digest(call["args"]))
    except CannotNameError as error:
        return PassedBy(reason=str(error))
