"""What operators do with all demonstrations of a store, whoever's they are."""

from __future__ import annotations

import time

from langgraph.store.base import BaseStore, SearchItem

from llmops_plugins.effects import Flow
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.flow import run
from llmops_plugins.hierarchy.demonstrations.demonstration import Demonstration
from llmops_plugins.hierarchy.demonstrations.listing import each_once
from llmops_plugins.hierarchy.demonstrations.places import ROOT, Places
from llmops_plugins.hierarchy.demonstrations.revoking import revoke
from llmops_plugins.storage.scan import scan

__all__ = ["all_demonstrations", "find_demonstration", "revoke_demonstration"]


def all_demonstrations(store: BaseStore, *, tenant: str | None = None) -> list[Demonstration]:
    """Return what a store holds, the latest first, each once: of several copies the shared one.

    Reads every item. In an event loop call it through ``asyncio.to_thread``.

    Args:
        store: The store; it needs no index.
        tenant: Only this tenant's.

    Raises:
        Exception: Whatever the store raises.
    """
    return each_once(one for one in run(_copies(store)) if tenant in (None, one.tenant))


def find_demonstration(store: BaseStore, demonstration_id: str) -> Demonstration:
    """Return a demonstration by its id, or by how that begins.

    Args:
        store: The store; it needs no index.
        demonstration_id: The id, or enough of its beginning to be the only one.

    Raises:
        ConfigurationError: If none begins so, or several do.
        Exception: Whatever the store raises.
    """
    matching = [one for one in all_demonstrations(store) if one.demonstration_id.startswith(demonstration_id)]
    if not demonstration_id or len(matching) != 1:
        count = "none begins" if not matching else f"{len(matching)} begin"
        problem = f"{count} with {demonstration_id!r}, `llmops demonstrations list` shows their ids"
        raise ConfigurationError("demonstration_id", problem)
    return matching[0]


def revoke_demonstration(store: BaseStore, demonstration_id: str, reason: str) -> tuple[Demonstration, int]:
    """Take a demonstration back for good, with all its copies: the same does not come back by itself.

    Args:
        store: The store; it needs no index.
        demonstration_id: The id, or how it begins.
        reason: Why, for whoever reads the note that stays.

    Returns:
        The demonstration, and how many copies there were.

    Raises:
        ConfigurationError: If none begins so, or several do.
        Exception: Whatever the store raises.
    """
    found = find_demonstration(store, demonstration_id)
    places = Places(store=store, tenant=found.tenant)
    return found, run(revoke(places, found.demonstration_id, reason, now=time.time()))


def _copies(store: BaseStore) -> Flow[list[Demonstration]]:
    """Return all copies that are what was once stored, expired ones too."""
    found: list[Demonstration] = []

    def visit(item: SearchItem) -> None:
        one = Places(store=store, tenant=str(item.value.get("tenant"))).intact(item)
        if one is not None:
            found.append(one)

    yield from scan(store, (ROOT,), visit)
    return found
