"""The cache as agent middleware, also for :func:`~llmops_plugins.wrapped_model.wrap.with_middleware`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from os import PathLike
from typing import Any, ClassVar

from langchain_core.messages import AIMessage
from langgraph.store.base import BaseStore

from llmops_plugins.caching.admission import Admission
from llmops_plugins.caching.cache import Cache
from llmops_plugins.caching.flow import cached, shadow_cached
from llmops_plugins.caching.freshness import Freshness, Tags
from llmops_plugins.caching.given_store import as_store
from llmops_plugins.caching.partition import FromRequest, PartitionRule
from llmops_plugins.caching.room import Room
from llmops_plugins.caching.semantic import SemanticTier
from llmops_plugins.caching.settings import check_function, check_names, check_tags, check_text_source
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.events import Mode
from llmops_plugins.flow import Flow, Request, Response
from llmops_plugins.flow_middleware import FlowMiddleware
from llmops_plugins.storage.lazy_store import LazyStore

__all__ = ["CacheMiddleware"]


class CacheMiddleware(FlowMiddleware):
    """Answer what was answered before: the same request, or the same question in other words.

    Only requests that are equal in tenant, model, parameters, system prompt, tools, response format, corpus
    version and ``keys`` share answers. In an agent, a run's last reply also answers the whole run, if every
    tool it called is declared in ``cacheable_tools``: then a later run ends with its first model call. Put
    it after middleware that changes prompt or tools, and before middleware that chooses the model.

    Args:
        store: The file to keep answers in, or any LangGraph store; for a semantic tier one with an index.
        semantic: The semantic tier; None serves exact answers only.
        tenant: Whose request it is, or a function of the request, such as
            ``lambda request: request.runtime.context.user_id``. Where it fails nothing is cached.
        corpus_version: Version of what answers are drawn from; likewise.
        keys: Returns whatever else an answer depends on, as plain data by name.
        cacheable_tools: Names of tools without side effects, whose results are good for as long as an
            answer. Replies that call others are never stored.
        freshness: How long answers are served.
        tags: Names that answers can be invalidated by, or a function of the request.
        admit: A further condition for storing a reply.
        max_entries: The most answers kept; above it the oldest go.
        patience_seconds: How long a request waits for an equal one's answer before it asks itself.
        mode: ``"shadow"`` stores and decides, and serves nothing; see
            :class:`~llmops_plugins.flow_middleware.FlowMiddleware`.

    Raises:
        ConfigurationError: If a setting is wrong.

    Example:
        >>> from langchain.agents import create_agent
        >>> from llmops_plugins.testing import ScriptedChatModel
        >>> cache = CacheMiddleware(":memory:")
        >>> agent = create_agent(ScriptedChatModel(replies=["Berlin."]), [], middleware=[cache])
        >>> for _ in range(2):
        ...     agent.invoke({"messages": ["What is the capital of Germany?"]})["messages"][-1].text
        'Berlin.'
        'Berlin.'
    """

    capability: ClassVar[str] = "cache"

    def __init__(
        self,
        store: BaseStore | str | PathLike[str] = "llmops_cache.db",
        *,
        semantic: SemanticTier | None = None,
        tenant: FromRequest = "",
        corpus_version: FromRequest = "",
        keys: Callable[[Request], Mapping[str, Any]] | None = None,
        cacheable_tools: Collection[str] = (),
        freshness: Freshness | None = None,
        tags: Tags = (),
        admit: Callable[[Request, AIMessage], bool] | None = None,
        max_entries: int = 100_000,
        patience_seconds: float = 120.0,
        mode: Mode = "on",
    ) -> None:
        super().__init__(mode=mode)
        if semantic is not None and not isinstance(semantic, SemanticTier):
            problem = f"must be SemanticTier(...) or None, got {type(semantic).__name__}"
            raise ConfigurationError("semantic", problem)
        if freshness is not None and not isinstance(freshness, Freshness):
            problem = f"must be Freshness(...) or None, got {type(freshness).__name__}"
            raise ConfigurationError("freshness", problem)
        for field, source in {"tenant": tenant, "corpus_version": corpus_version}.items():
            check_text_source(field, source)
        for field, function in {"keys": keys, "admit": admit}.items():
            check_function(field, function)
        if not patience_seconds > 0:
            raise ConfigurationError("patience_seconds", f"must be above 0, got {patience_seconds!r}")
        self.cache = Cache(
            store=as_store(store, semantic.embeddings if semantic is not None else None),
            partition=PartitionRule(tenant=tenant, corpus_version=corpus_version, keys=keys),
            admission=Admission(
                cacheable_tools=frozenset(check_names("cacheable_tools", cacheable_tools)), admit=admit
            ),
            freshness=freshness or Freshness(),
            tags=check_tags("tags", tags),
            room=Room(max_entries),
            semantic=semantic,
            patience_seconds=patience_seconds,
        )

    def close(self) -> None:
        """Close the file, if the store is one that this middleware opened; a later request opens it again."""
        if isinstance(self.cache.store, LazyStore):
            self.cache.store.close()

    def flow(self, request: Request) -> Flow[Response]:
        """Answer from the cache, or pass the request on."""
        return cached(request, self.cache)

    def shadow_flow(self, request: Request, reply: Response) -> Flow[None]:
        """Decide what would have been answered, and store the reply."""
        return shadow_cached(request, reply, self.cache)
