"""The cache around tools: calls of pure tools that were made before are not made again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, cast, get_args

from langchain.agents.middleware.types import AgentMiddleware, ToolCallRequest
from langgraph.store.base import BaseStore

from llmops_plugins.caching.given_store import as_store
from llmops_plugins.caching.room import Room
from llmops_plugins.caching.settings import check_function, check_names, check_tags, check_text_source
from llmops_plugins.caching.tool_cache import FromToolCall, ToolCache, ToolReply
from llmops_plugins.caching.tool_decisions import CAPABILITY
from llmops_plugins.caching.tool_flow import cached_call, forwarded, shadow_cached_call
from llmops_plugins.effects import Flow, Request, Response, Spawn
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.events import Mode
from llmops_plugins.flow import arun, run
from llmops_plugins.flow_middleware import begun_inside, fail_open

__all__ = ["ToolCacheMiddleware"]


class ToolCacheMiddleware(AgentMiddleware[Any, Any, Any]):
    """Answer a tool call that was made before with the same arguments from its stored result.

    Only for pure tools: no side effects, and results that depend on nothing but their arguments, the corpus
    version and ``keys``. A tool that reads the agent's state, store or runtime context is pure only where
    ``keys`` or ``tenant`` says what it reads. Results are shared inside one tenant, corpus version and tool:
    its name, description and schema. Failures, images, state updates and results with keys or tokens in them
    are never stored. What a hit spares is the tool's time, in the decision's details, and no model's call.

    Args:
        store: The file to keep results in, or any LangGraph store; it may be that of a
            :class:`~llmops_plugins.caching.middleware.CacheMiddleware`.
        tools: Names of the pure tools. Calls of others pass by without a word.
        tenant: Whose call it is, or a function of the call, such as
            ``lambda request: request.runtime.context.user_id``. Where it returns None nothing is cached.
        corpus_version: Version of what results are drawn from; likewise.
        keys: Returns whatever else a result depends on, as plain data by name.
        minutes: How long results are served, in minutes, for all tools or by tool name; None for ever.
        tags: Names that results can be invalidated by, or a function of the call.
        max_entries: The most entries kept in the store; above it the oldest go.
        patience_seconds: How long a call waits for an equal one's result before it is made itself.
        mode: ``"shadow"`` makes every call, stores its result and says what would have been served and
            whether it differs; ``"off"`` passes by.

    Raises:
        ConfigurationError: If a setting is wrong.

    Example:
        >>> from langchain.agents import create_agent
        >>> from langchain.tools import tool
        >>> from langchain_core.messages import AIMessage
        >>> from llmops_plugins.testing import ScriptedChatModel
        >>> @tool
        ... def capital(country: str) -> str:
        ...     "Return the capital of a country."
        ...     print("looking it up")
        ...     return "Berlin"
        >>> call = {"type": "tool_call", "name": "capital", "args": {"country": "Germany"}, "id": "1"}
        >>> model = ScriptedChatModel(replies=[AIMessage("", tool_calls=[call]), "Berlin."])
        >>> cache = ToolCacheMiddleware(":memory:", tools=["capital"])
        >>> agent = create_agent(model, [capital], middleware=[cache])
        >>> for _ in range(2):
        ...     agent.invoke({"messages": ["Germany's capital?"]})["messages"][-2].text
        looking it up
        'Berlin'
        'Berlin'
    """

    def __init__(
        self,
        store: BaseStore | str | PathLike[str] = "llmops_cache.db",
        *,
        tools: Collection[str],
        tenant: FromToolCall = "",
        corpus_version: FromToolCall = "",
        keys: Callable[[ToolCallRequest], Mapping[str, Any]] | None = None,
        minutes: float | Mapping[str, float | None] | None = 60.0,
        tags: Iterable[str] | Callable[[ToolCallRequest], Iterable[str]] = (),
        max_entries: int = 100_000,
        patience_seconds: float = 120.0,
        mode: Mode = "on",
    ) -> None:
        super().__init__()
        if mode not in get_args(Mode):
            raise ConfigurationError("mode", f"must be one of {', '.join(get_args(Mode))}, got {mode!r}")
        for field, source in {"tenant": tenant, "corpus_version": corpus_version}.items():
            check_text_source(field, source)
        check_function("keys", keys)
        if not patience_seconds > 0:
            raise ConfigurationError("patience_seconds", f"must be above 0, got {patience_seconds!r}")
        self.mode: Mode = mode
        self.cache = ToolCache(
            store=as_store(store, None),
            minutes=_minutes_by_tool(_names(tools), minutes),
            tenant=tenant,
            corpus_version=corpus_version,
            keys=keys,
            tags=check_tags("tags", tags),
            room=Room(max_entries),
            patience_seconds=patience_seconds,
        )

    def wrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], ToolReply]
    ) -> ToolReply:
        """Drive the flow around a synchronous tool call."""
        if not self._is_cached(request):
            return handler(request)
        return cast(ToolReply, run(self._flow(request), cast(Any, handler)))

    async def awrap_tool_call(
        self, request: ToolCallRequest, handler: Callable[[ToolCallRequest], Awaitable[ToolReply]]
    ) -> ToolReply:
        """Drive the flow around an asynchronous tool call."""
        if not self._is_cached(request):
            return await handler(request)
        return cast(ToolReply, await arun(self._flow(request), cast(Any, handler)))

    def _is_cached(self, request: ToolCallRequest) -> bool:
        return self.mode != "off" and request.tool_call["name"] in self.cache.minutes

    def _flow(self, request: ToolCallRequest) -> Flow[Any]:
        if self.mode == "shadow":
            return _shadowed(request, self.cache)
        # A tool's call and reply take the places of a model's: nothing in between reads them.
        flow = cast(Flow[Response], begun_inside(cached_call, request, self.cache))
        return fail_open(CAPABILITY, flow, cast(Request, request))


def _shadowed(request: ToolCallRequest, cache: ToolCache) -> Flow[ToolReply]:
    began = cache.timer()
    reply = yield from forwarded(request)
    seconds = cache.timer() - began
    yield Spawn(begun_inside(shadow_cached_call, request, reply, seconds, cache))
    return reply


def _names(tools: Any) -> tuple[str, ...]:
    names = check_names("tools", tools)
    if not names:
        raise ConfigurationError("tools", "is empty, name the pure tools whose results may be kept")
    return names


def _minutes_by_tool(names: Sequence[str], minutes: Any) -> dict[str, float | None]:
    given = minutes if isinstance(minutes, Mapping) else dict.fromkeys(names, minutes)
    for name in sorted({*given} ^ {*names}):
        problem = "has no entry for it, add one" if name in names else "is for no tool in tools, add it there"
        raise ConfigurationError(f"minutes[{name!r}]", problem)
    for name, value in given.items():
        wrong = isinstance(value, bool) or not isinstance(value, int | float)
        if value is not None and (wrong or not value > 0):
            raise ConfigurationError(f"minutes[{name!r}]", f"must be above 0 or None, got {value!r}")
    return dict(given)
