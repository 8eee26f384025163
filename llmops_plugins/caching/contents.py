"""What a store holds of the cache, counted."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from langgraph.store.base import BaseStore, SearchItem

from llmops_plugins.bounds import always_valid_upper
from llmops_plugins.caching.labels import LABELS
from llmops_plugins.caching.partition import ROOT, STATE
from llmops_plugins.flow import run
from llmops_plugins.storage.scan import scan

__all__ = ["BREACH", "Breach", "CacheStats", "Names", "cache_stats"]

BREACH = "breach-"
"""How the keys of remembered breaches begin; the fingerprint of the rule follows."""

_MOST = 20
_CONFIDENCE = 0.9


@dataclass(frozen=True, kw_only=True)
class Names:
    """How the entries share out among names: all of those, and how many entries the 20 commonest have.

    Args:
        distinct: How many names there are.
        most: Entries by name, the most first; an empty name is that of entries for which nobody said one.
    """

    distinct: int
    most: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Breach:
    """That more answers served by meaning were wrong than ``max_error`` allows; that tier is in shadow.

    Args:
        fingerprint: Of the rule, or ``threshold-`` and the cosine.
        at: When that was shown.
        checked: How many answers were checked.
        differing: How many of them differed from a new one.
    """

    fingerprint: str
    at: datetime | None
    checked: int
    differing: int


@dataclass(frozen=True, kw_only=True)
class CacheStats:
    """What a store holds of the cache.

    Args:
        entries: Stored answers and results of tools.
        by_meaning: Of these, answers that a semantic tier may serve to another question.
        exact_only: Answers that are found by the same request only.
        tool_results: Results of tools, found by the same call only.
        expired: Entries past their time that the store still has; one with expiry of its own hides them.
        partitions: Sets of requests that may share answers.
        tenants: Entries by tenant.
        models: Answers by model.
        tools: Results by tool.
        corpus_versions: Entries by version of what they were drawn from.
        tags: Entries by tag.
        bytes: Size of the entries as JSON, in bytes; a store adds its vectors and its own keeping.
        oldest: When the oldest entry was stored.
        newest: When the newest was.
        checked: How often entries were compared with a new answer, after a hit by meaning or in shadow.
        differing: How often the new answer was another.
        differing_upper: Upper limit of that share at 90% confidence, valid however often it is looked at;
            None where nothing was checked. Entries that are gone took their checks along.
        labels_same: Labelled pairs that one answer is right for.
        labels_different: Labelled pairs that it is not.
        breaches: Tiers that are in shadow since their bound was breached.
    """

    entries: int
    by_meaning: int
    exact_only: int
    tool_results: int
    expired: int
    partitions: int
    tenants: Names
    models: Names
    tools: Names
    corpus_versions: Names
    tags: Names
    bytes: int
    oldest: datetime | None
    newest: datetime | None
    checked: int
    differing: int
    differing_upper: float | None
    labels_same: int
    labels_different: int
    breaches: tuple[Breach, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON data, times in ISO 8601."""
        data = asdict(self)
        for item in (data, *data["breaches"]):
            moments = {name: value for name, value in item.items() if isinstance(value, datetime)}
            item.update({name: moment.isoformat() for name, moment in moments.items()})
        return {**data, "breaches": list(data["breaches"])}


def cache_stats(store: BaseStore) -> CacheStats:
    """Count what a store holds of the cache; nothing is written, and no entry's life prolonged.

    Reads every entry. In an event loop call it through ``asyncio.to_thread``.

    Args:
        store: The cache's store; it needs no index.

    Raises:
        Exception: Whatever the store raises.
    """
    tally = _Tally(now=time.time())
    run(scan(store, (ROOT,), tally.add))
    return tally.stats()


@dataclass(kw_only=True)
class _Tally:
    """Counts items one by one; another version may have written them, so nothing of them is relied on."""

    now: float
    counts: Counter[str] = field(default_factory=Counter)
    names: dict[str, Counter[str]] = field(default_factory=dict)
    moments: list[float] = field(default_factory=list)
    breaches: list[Breach] = field(default_factory=list)

    def add(self, item: SearchItem) -> None:
        if item.namespace == LABELS:
            self.counts["labels_same" if item.value.get("same") else "labels_different"] += 1
        elif item.namespace == STATE:
            if item.key.startswith(BREACH):
                self.breaches.append(_breach(item))
        elif "reply" in item.value:
            self._add_entry(item.namespace, item.value)

    def _add_entry(self, namespace: tuple[str, ...], value: Mapping[str, Any]) -> None:
        kind = "tool_results" if "tool" in value else "by_meaning" if value.get("question") else "exact_only"
        expires_at = _number(value, "expires_at")
        self.counts["entries"] += 1
        self.counts[kind] += 1
        self.counts["expired"] += expires_at is not None and expires_at <= self.now
        self.counts["bytes"] += len(json.dumps(value, default=str, separators=(",", ":")))
        for name in ("checked", "differing"):
            self.counts[name] += int(_number(value, name) or 0)
        self._count("partitions", "/".join(namespace))
        for name in ("tenant", "corpus_version", "tool" if kind == "tool_results" else "model"):
            self._count(name, str(value.get(name) or ""))
        for tag in value.get("tags") or ():
            self._count("tags", str(tag))
        created_at = _number(value, "created_at")
        if created_at is not None:
            self.moments = [min([created_at, *self.moments]), max([created_at, *self.moments])]

    def _count(self, field_name: str, name: str) -> None:
        self.names.setdefault(field_name, Counter())[name] += 1

    def _names(self, field_name: str) -> Names:
        counter = self.names.get(field_name, Counter())
        return Names(distinct=len(counter), most=dict(counter.most_common(_MOST)))

    def stats(self) -> CacheStats:
        counts = self.counts
        checked, differing = counts["checked"], counts["differing"]
        return CacheStats(
            entries=counts["entries"],
            by_meaning=counts["by_meaning"],
            exact_only=counts["exact_only"],
            tool_results=counts["tool_results"],
            expired=counts["expired"],
            partitions=len(self.names.get("partitions", ())),
            tenants=self._names("tenant"),
            models=self._names("model"),
            tools=self._names("tool"),
            corpus_versions=self._names("corpus_version"),
            tags=self._names("tags"),
            bytes=counts["bytes"],
            oldest=_moment(self.moments[0]) if self.moments else None,
            newest=_moment(self.moments[-1]) if self.moments else None,
            checked=checked,
            differing=differing,
            differing_upper=always_valid_upper(differing, checked, _CONFIDENCE) if checked else None,
            labels_same=counts["labels_same"],
            labels_different=counts["labels_different"],
            breaches=tuple(sorted(self.breaches, key=lambda one: one.fingerprint)),
        )


def _breach(item: SearchItem) -> Breach:
    return Breach(
        fingerprint=item.key.removeprefix(BREACH),
        at=_moment(_number(item.value, "at")),
        checked=int(_number(item.value, "checked") or 0),
        differing=int(_number(item.value, "differing") or 0),
    )


def _number(value: Mapping[str, Any], name: str) -> float | None:
    found = value.get(name)
    return found if isinstance(found, int | float) else None


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
