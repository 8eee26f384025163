"""The cache that the demo puts around its agent, and what came of it for each sort of request."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from langgraph.store.base import IndexConfig

from llmops_plugins.caching.middleware import CacheMiddleware
from llmops_plugins.caching.semantic import SemanticTier
from llmops_plugins.demo.embeddings import DIMENSIONS, SimulatedEmbeddings
from llmops_plugins.demo.grading import Variant
from llmops_plugins.storage.local_store import LocalStore

__all__ = ["Served", "count_served", "open_cache_store", "support_cache"]

_THRESHOLD = 0.8
_TOOLS = ("look_up_order", "search_products", "get_policy")


@dataclass(frozen=True, kw_only=True)
class Served:
    """What the cache did for one sort of request.

    Args:
        asked: How many there were.
        exact: How many were answered as the same request was before.
        semantic: How many as the same question in other words was.
        right: Of those answered from the cache, how many were answered right.
    """

    asked: int
    exact: int
    semantic: int
    right: int


def open_cache_store() -> LocalStore:
    """Open the store that the demo's cache keeps its answers in: in memory, and gone when closed."""
    index: IndexConfig = {"dims": DIMENSIONS, "embed": SimulatedEmbeddings(), "fields": ["question"]}
    return LocalStore(":memory:", index=index)


def support_cache(store: LocalStore) -> CacheMiddleware:
    """Return the cache the demo adds: exact, and by meaning with the guards as they come.

    The threshold is set by hand, because no rule can be calibrated for embeddings that are no model. Nothing
    is asked again, as a real cache should now and then, so that the demo prints the same figures every time.

    Args:
        store: What :func:`open_cache_store` returned.
    """
    semantic = SemanticTier(embeddings=SimulatedEmbeddings(), threshold=_THRESHOLD, recheck_share=0.0)
    return CacheMiddleware(store, semantic=semantic, cacheable_tools=_TOOLS)


def count_served(answers: Iterable[tuple[Variant, str | None, bool]]) -> dict[Variant, Served]:
    """Count what was answered from the cache.

    Args:
        answers: Of each request its sort, the cache's tier that answered it or None, and whether rightly.
    """
    sorts: dict[Variant, list[tuple[str | None, bool]]] = defaultdict(list)
    for variant, tier, right in answers:
        sorts[variant].append((tier, right))
    return {
        variant: Served(
            asked=len(found),
            exact=sum(tier == "exact" for tier, _ in found),
            semantic=sum(tier == "semantic" for tier, _ in found),
            right=sum(right for tier, right in found if tier is not None),
        )
        for variant, found in sorts.items()
    }
