"""Tests the cache on a stream: each request is looked up among those before it, and stored if it misses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.store.base import SearchItem
from langgraph.store.memory import InMemoryStore

from llmops_plugins.backtest.cache_baselines import GPTCACHE_THRESHOLD
from llmops_plugins.backtest.cache_requests import (
    OUT_OF_SCOPE,
    StreamRequest,
    read_requests,
    refuse_same_file,
    shuffled,
)
from llmops_plugins.backtest.cache_result import CacheStreamResult, StreamBaseline
from llmops_plugins.backtest.cache_search import StoredRows, cosines_to_earlier
from llmops_plugins.backtest.cache_settings import CacheBacktestSettings, FitRows, prepare, read_fit
from llmops_plugins.backtest.cache_thresholds import (
    THRESHOLDS,
    FixedThresholds,
    fixed_thresholds,
)
from llmops_plugins.backtest.cache_vectors import Vectors, vectors_of
from llmops_plugins.bounds import binomial_upper
from llmops_plugins.caching.conversation import conversation_of
from llmops_plugins.caching.entry import CacheEntry
from llmops_plugins.caching.lookup import LookUp, by_meaning
from llmops_plugins.caching.middleware import CacheMiddleware
from llmops_plugins.caching.partition import Partition
from llmops_plugins.caching.place import Place
from llmops_plugins.caching.semantic import SemanticTier
from llmops_plugins.effects import StoreOps
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.storage.blas_threads import one_blas_thread

__all__ = ["REQUESTS", "backtest_stream"]

REQUESTS = 12_000
"""How many requests of a stream are asked unless somebody says otherwise."""

_NEVER_STORED = datetime.fromtimestamp(0, UTC)


def backtest_stream(
    path: Path | str,
    *,
    fit: Path | str | None = None,
    requests: int = REQUESTS,
    settings: CacheBacktestSettings | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> CacheStreamResult:
    """Test the cache on a stream of requests, beside fixed thresholds of the cosine and GPTCache's rule.

    Args:
        path: The requests, as :func:`~llmops_plugins.backtest.cache_requests.read_requests` reads them.
        fit: Other requests, or labelled pairs, to calibrate a rule on; None tests the one that ships with
            this package.
        requests: The most to ask, after a shuffle.
        settings: What is asked for.
        progress: Told how many texts are embedded, of how many.

    Raises:
        ConfigurationError: If a setting or a file is wrong, or there is no rule.
        BoundNotMetError: If the rule cannot show ``max_error``.
        RecordError: If a row cannot be used.
    """
    asked = settings or CacheBacktestSettings()
    if isinstance(requests, bool) or not isinstance(requests, int) or requests < 2:
        raise ConfigurationError("requests", f"must be a whole number from 2, got {requests!r}")
    if fit is not None:
        refuse_same_file(fit, path)
    stream = shuffled(read_requests(path), asked.seed, requests)
    fitted_on = read_fit(fit, asked.seed) if fit is not None else None
    texts = [request.text for request in stream]
    prepared = prepare(texts, fitted_on, asked, progress)
    tier = SemanticTier(
        embeddings=prepared.embeddings,
        rule=prepared.rule,
        guards=asked.guards,
        max_error=asked.max_error,
        confidence=asked.confidence,
    )
    vectors = vectors_of(texts, prepared.embeddings)
    cache = _SimulatedCache(stream, vectors, tier)
    cache.ask_all()
    return _result(cache, tier, fixed_thresholds(stream, vectors), _notes(stream, fitted_on))


class _SimulatedCache:
    """The cache's own look-up by meaning, over a store whose exact search is made for a stream."""

    def __init__(self, requests: Sequence[StreamRequest], vectors: Vectors, tier: SemanticTier) -> None:
        self._requests, self._vectors, self._tier = requests, vectors, tier
        # Never asked: the simulation answers what the look-up asks of it.
        store = InMemoryStore(index={"dims": vectors.shape[1], "embed": tier.embeddings})
        self._cache = CacheMiddleware(store, semantic=tier).cache
        self._place = Place(
            partition=Partition(tenant="", corpus_version="", identity=""),
            conversation=conversation_of([HumanMessage("-")]),
        )
        self._exact: dict[str, int] = {}
        self._items: dict[int, SearchItem] = {}
        self._indexed = StoredRows(len(requests))
        self.exact_hits = self.semantic_hits = self.wrong = 0
        self.refused_by: Counter[str] = Counter()

    @property
    def requests(self) -> int:
        return len(self._requests)

    @property
    def hits(self) -> int:
        return self.exact_hits + self.semantic_hits

    def ask_all(self) -> None:
        with one_blas_thread():
            for row, cosines in enumerate(cosines_to_earlier(self._vectors)):
                served = self._ask(row, cosines)
                if served is None:
                    self._store(row)
                elif not self._requests[row].is_same(self._requests[served]):
                    self.wrong += 1

    def _ask(self, row: int, cosines: Vectors) -> int | None:
        """Return which request's answer is served, if one is."""
        exact = self._exact.get(self._requests[row].text)
        if exact is not None:
            self.exact_hits += 1
            return exact
        looked = self._look_up(row, cosines)
        if looked.found is not None and looked.found.candidate is not None:
            self.semantic_hits += 1
            return int(looked.found.candidate.key)
        if looked.nearest is not None and looked.nearest.refused_by is not None:
            self.refused_by[looked.nearest.refused_by] += 1
        return None

    def _look_up(self, row: int, cosines: Vectors) -> LookUp:
        near = self._indexed.nearest(cosines, self._tier.candidates)
        flow = by_meaning(self._requests[row].text, self._place, self._cache, self._tier)
        reply: Any = None
        while True:
            try:
                effect = flow.send(reply)
            except StopIteration as done:
                looked: LookUp = done.value
                return looked
            if isinstance(effect, StoreOps):  # no breach is remembered
                reply = [None, [self._items[one] for one in near]]
            else:
                reply = self._vectors[[row, *near]]

    def _store(self, row: int) -> None:
        text, answer = self._requests[row].text, self._requests[row].answer(row)
        self._exact[text] = row
        if not self._tier.can_compare(text):
            return
        self._indexed.add(row)
        entry = CacheEntry(question=text, reply=(AIMessage(answer),), usage=None, created_at=0.0)
        self._items[row] = SearchItem(
            namespace=self._place.partition.namespace,
            key=str(row),
            value=entry.to_value(),
            created_at=_NEVER_STORED,
            updated_at=_NEVER_STORED,
        )


def _result(
    cache: _SimulatedCache, tier: SemanticTier, fixed: FixedThresholds, notes: list[str]
) -> CacheStreamResult:
    best = fixed.best()
    return CacheStreamResult(
        requests=cache.requests,
        max_error=tier.max_error,
        confidence=tier.confidence,
        threshold=tier.tested.probability if tier.tested is not None else 1.0,
        hit_rate=cache.hits / cache.requests,
        wrong_of_all=cache.wrong / cache.requests,
        wrong_of_hits=cache.wrong / cache.hits if cache.hits else None,
        wrong_of_hits_upper=binomial_upper(cache.wrong, cache.hits, tier.confidence),
        exact_hits=cache.exact_hits,
        semantic_hits=cache.semantic_hits,
        guards={guard.name: cache.refused_by[guard.name] for guard in tier.guards},
        baselines={
            "fixed_threshold": _baseline(fixed, best) if best is not None else None,
            "gptcache": _baseline(fixed, THRESHOLDS.index(GPTCACHE_THRESHOLD)),
        },
        notes=notes,
    )


def _notes(stream: Sequence[StreamRequest], fitted_on: FitRows | None) -> list[str]:
    notes = ["Stored answers are taken to be equal where their intents are, and different where not."]
    known = set(fitted_on.texts) if fitted_on is not None else set()
    repeated = sum(request.text in known for request in stream)
    if repeated:
        notes.append(f"{repeated:,} of the requests were calibrated on too, which flatters the figures.")
    out_of_scope = sum(request.intent == OUT_OF_SCOPE for request in stream)
    if out_of_scope:
        notes.append(
            f"{out_of_scope:,} requests are out of scope: no stored answer is right for one of them."
        )
    return notes


def _baseline(fixed: FixedThresholds, which: int) -> StreamBaseline:
    served, wrong = int(fixed.served[which].sum()), int(fixed.wrong[which].sum())
    requests = fixed.served.shape[1]
    return StreamBaseline(
        threshold=fixed.thresholds[which],
        hit_rate=served / requests,
        wrong_of_all=wrong / requests,
        wrong_of_hits=wrong / served if served else None,
    )
