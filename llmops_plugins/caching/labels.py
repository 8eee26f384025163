"""The pairs that checks have labelled: what a rule for one's own traffic is calibrated on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from langgraph.store.base import BaseStore, PutOp, SearchItem

from llmops_plugins.caching.pair import LabelledPair
from llmops_plugins.caching.partition import ROOT
from llmops_plugins.effects import Flow
from llmops_plugins.flow import run
from llmops_plugins.storage.scan import scan

__all__ = ["LABELS", "label", "labels_of", "read_labels"]

LABELS = (ROOT, "labels")
"""Where a store keeps them."""

_KEPT = 20_000


def label(question: str, stored: str, *, same: bool, tenant: str) -> PutOp:
    """Return the operation that writes one; a store keeps some 20,000 at most.

    Args:
        question: What was asked.
        stored: The stored question beside it.
        same: Whether the same answer was right for both.
        tenant: Whose they are.
    """
    number = int(hashlib.sha256(f"{tenant}\0{question}\0{stored}".encode()).hexdigest(), 16) % _KEPT
    value = {"a": question, "b": stored, "same": int(same), "tenant": tenant}
    return PutOp(LABELS, f"{number:05d}", value, False)


def labels_of(store: BaseStore) -> Flow[list[SearchItem]]:
    """Read all labels of a store, as its items."""
    found: list[SearchItem] = []
    yield from scan(store, LABELS, found.append)
    return found


def read_labels(store: BaseStore) -> list[LabelledPair]:
    """Return the pairs that checks of a cache have labelled, for ``calibrate_cache``.

    Args:
        store: The cache's store.
    """
    return [_pair(item.value) for item in run(labels_of(store))]


def _pair(value: Mapping[str, Any]) -> LabelledPair:
    return LabelledPair(a=value["a"], b=value["b"], same=bool(value["same"]))
