"""Taking stored answers back: some of them, or all; and what else a store keeps for the cache."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langgraph.store.base import BaseStore, PutOp, SearchItem

from llmops_plugins.caching.contents import BREACH, Breach, CacheStats, Names, cache_stats
from llmops_plugins.caching.labels import LABELS, read_labels
from llmops_plugins.caching.partition import ROOT, STATE
from llmops_plugins.effects import Flow, StoreOps
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.flow import run
from llmops_plugins.storage.local_store import LocalStore
from llmops_plugins.storage.scan import scan
from llmops_plugins.whole_file import write_whole

__all__ = [
    "Breach",
    "CacheStats",
    "Names",
    "cache_stats",
    "clear",
    "export_labels",
    "invalidate",
    "resume",
]

_AT_ONCE = 500
_PASSES = 5
"""Most readings of a store that others go on filling; the first finds all that was there before."""
_PARTITION = re.compile("[0-9a-f]{16,64}")


def invalidate(
    store: BaseStore,
    *,
    tag: str | None = None,
    tenant: str | None = None,
    model: str | None = None,
    corpus_version: str | None = None,
    partition: str | None = None,
    dry_run: bool = False,
) -> int:
    """Delete the entries of which all that is given holds; processes that serve from the store stop at once.

    A request that is being answered meanwhile is stored after it: where answers must never outlive what
    they were drawn from, give the middleware another ``corpus_version`` too. In an event loop call it
    through ``asyncio.to_thread``.

    Args:
        store: The cache's store; it needs no index.
        tag: A name that they are tagged with.
        tenant: Whose they are; the tenant's labels go too.
        model: The model that answered, as ``cache_stats`` names it.
        corpus_version: Version of what they were drawn from.
        partition: The id of their partition, or its beginning as decisions name it.
        dry_run: Count them only.

    Returns:
        How many entries those were, labels not counted.

    Raises:
        ConfigurationError: If nothing is given, or something that no entry can have.
        Exception: Whatever the store raises; a part may have been deleted.

    Example:
        >>> from langgraph.store.memory import InMemoryStore
        >>> invalidate(InMemoryStore(), tag="prices")
        0
    """
    fields = {"tenant": tenant, "model": model, "corpus_version": corpus_version}
    selection = _Selection(
        tag=tag, partition=partition, fields={name: one for name, one in fields.items() if one is not None}
    )
    if dry_run:
        return len(run(_places(store, (ROOT,), selection.covers, selection.fields)))
    count = run(_delete(store, (ROOT,), selection.covers, selection.fields))
    if tenant is not None:
        run(_delete(store, LABELS, lambda item: item.value.get("tenant") == tenant, {"tenant": tenant}))
    _sweep(store)
    return count


def clear(store: BaseStore) -> int:
    """Delete everything of the cache and nothing else: entries, labels, and that a bound was breached.

    Args:
        store: The cache's store, in which other things may lie; it needs no index.

    Returns:
        How many entries there were.

    Raises:
        Exception: Whatever the store raises; a part may have been deleted.
    """
    count = run(_delete(store, (ROOT,), _is_entry))
    run(_delete(store, (ROOT,), lambda _: True))
    _sweep(store)
    return count


def resume(store: BaseStore) -> int:
    """Let semantic tiers serve again that went to shadow because their bound was breached.

    Nothing has become better by that: calibrate anew before, as on what :func:`export_labels` writes.

    Args:
        store: The cache's store.

    Returns:
        How many breaches were remembered.

    Raises:
        Exception: Whatever the store raises.
    """
    return run(_delete(store, STATE, lambda item: item.key.startswith(BREACH)))


def export_labels(store: BaseStore, path: Path | str) -> int:
    """Write the pairs that checks have labelled to a file that ``read_pairs`` and calibration read.

    Args:
        store: The cache's store.
        path: The file, JSON Lines; one that ends in ``.gz`` is compressed. What was there is replaced.

    Returns:
        How many pairs were written.

    Raises:
        ConfigurationError: If there is no label yet, or the file cannot be written.
        Exception: Whatever the store raises.
    """
    pairs = [pair for pair in read_labels(store) if pair.a.strip() and pair.b.strip()]
    if not pairs:
        problem = "holds no labels yet, they come from checked hits and from a semantic tier in shadow"
        raise ConfigurationError("store", problem)
    rows = [{"a": pair.a, "b": pair.b, "same": int(pair.same)} for pair in pairs]
    data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    path = Path(path)
    try:
        write_whole(path, gzip.compress(data) if path.suffix == ".gz" else data)
    except OSError as error:
        raise ConfigurationError(
            "out", f"{path} cannot be written ({error.strerror}), name another"
        ) from error
    return len(pairs)


@dataclass(frozen=True, kw_only=True)
class _Selection:
    """Which entries are meant: those of which all that is given holds.

    Args:
        tag: A tag of theirs, or None.
        partition: How the id of their partition begins, or None.
        fields: Fields with exactly these values.
    """

    tag: str | None
    partition: str | None
    fields: Mapping[str, str]

    def __post_init__(self) -> None:
        given: dict[str, Any] = {"tag": self.tag, "partition": self.partition, **self.fields}
        if all(value is None for value in given.values()):
            problem = "needs a tag, tenant, model, corpus_version or partition; to delete all there is clear"
            raise ConfigurationError("invalidate", problem)
        for name, value in given.items():
            if value is not None and not isinstance(value, str):
                raise ConfigurationError(name, f"must be a string, got {value!r}")
        if self.partition is not None and not _PARTITION.fullmatch(self.partition):
            problem = f"must be 16 or more characters of a partition's id, got {self.partition!r:.80}"
            raise ConfigurationError("partition", problem)

    def covers(self, item: SearchItem) -> bool:
        """Tell whether an item is one of them; a store's own filter only spares reading the others."""
        return (
            _is_entry(item)
            and all(item.value.get(name) == value for name, value in self.fields.items())
            and (self.tag is None or self.tag in (item.value.get("tags") or ()))
            and (self.partition is None or item.namespace[-1].startswith(self.partition))
        )


def _is_entry(item: SearchItem) -> bool:
    return "reply" in item.value


def _delete(
    store: BaseStore,
    prefix: tuple[str, ...],
    covers: Callable[[SearchItem], bool],
    fields: Mapping[str, str] | None = None,
) -> Flow[int]:
    """Delete what is covered, and read again until there is nothing: others may have written meanwhile."""
    deleted = 0
    for _ in range(_PASSES):
        places = yield from _places(store, prefix, covers, fields)
        for start in range(0, len(places), _AT_ONCE):
            yield StoreOps(store, [PutOp(*place, None) for place in places[start : start + _AT_ONCE]])
        deleted += len(places)
        if not places:
            break
    return deleted


def _places(
    store: BaseStore,
    prefix: tuple[str, ...],
    covers: Callable[[SearchItem], bool],
    fields: Mapping[str, str] | None = None,
) -> Flow[list[tuple[tuple[str, ...], str]]]:
    places: list[tuple[tuple[str, ...], str]] = []

    def visit(item: SearchItem) -> None:
        if covers(item):
            places.append((item.namespace, item.key))

    yield from scan(store, prefix, visit, fields)
    return places


def _sweep(store: BaseStore) -> None:
    """Delete also what has expired and no reader sees any more: nobody's answer may stay in the file."""
    if isinstance(store, LocalStore):
        store.sweep_ttl()
