"""What a cache is made of."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from langgraph.store.base import BaseStore

from llmops_plugins.caching.admission import Admission
from llmops_plugins.caching.entry import CacheEntry
from llmops_plugins.caching.freshness import Freshness, Tags
from llmops_plugins.caching.partition import PartitionRule
from llmops_plugins.caching.room import Room
from llmops_plugins.caching.savings import PromptCaching
from llmops_plugins.caching.semantic import Candidate, SemanticTier
from llmops_plugins.caching.single_flight import SingleFlight

__all__ = ["Brought", "Cache", "Withheld"]

_WITHHELD_AT_ONCE = 1_000


@dataclass(frozen=True, kw_only=True)
class Brought:
    """What the leader of a flight has for those who wait.

    Args:
        entry: The answer; None where it may not be shared, and everybody asks for themselves.
    """

    entry: CacheEntry | None


class Withheld:
    """Hits that are checked by not serving them: in an agent only a whole run can be compared."""

    def __init__(self) -> None:
        self._candidates: OrderedDict[str, tuple[Candidate, str]] = OrderedDict()

    def put(self, run_key: str, candidate: Candidate, question: str) -> None:
        """Remember what would have been served to a run."""
        self._candidates[run_key] = (candidate, question)
        if len(self._candidates) > _WITHHELD_AT_ONCE:
            self._candidates.popitem(last=False)

    def take(self, run_key: str) -> tuple[Candidate, str] | None:
        """Return it once, with the question it was found by."""
        return self._candidates.pop(run_key, None)


@dataclass(frozen=True, kw_only=True)
class Cache:
    """Everything the flows of one cache share.

    Args:
        store: Where answers are kept.
        partition: Which requests may share answers.
        admission: Which replies are stored.
        freshness: How long they are good for.
        tags: What they can be invalidated by.
        room: How many there may be.
        semantic: The semantic tier, or None for exact answers only.
        patience_seconds: How long a request waits for an equal one's answer before asking itself.
        clock: Returns Unix time in seconds.
        prompt_caching: What a provider's own cache would have spared.
        flights: The calls in progress.
        withheld: The hits being checked by not serving them.
    """

    store: BaseStore
    partition: PartitionRule
    admission: Admission
    freshness: Freshness
    tags: Tags
    room: Room
    semantic: SemanticTier | None
    patience_seconds: float
    clock: Callable[[], float] = time.time
    prompt_caching: PromptCaching = field(default_factory=PromptCaching)
    flights: SingleFlight[Brought] = field(default_factory=SingleFlight)
    withheld: Withheld = field(default_factory=Withheld)
