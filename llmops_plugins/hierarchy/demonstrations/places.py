"""Where one tenant's demonstrations lie in a store, and what of it is theirs."""

from __future__ import annotations

from dataclasses import dataclass

from langgraph.store.base import BaseStore, GetOp, Item, SearchOp

from llmops_plugins.hierarchy.demonstrations.demonstration import Demonstration
from llmops_plugins.hierarchy.demonstrations.tenancy import hashed

__all__ = ["MOST_USERS", "ROOT", "Places"]

ROOT = "llmops_demonstrations"
"""First part of every namespace of demonstrations in a store."""

MOST_USERS = 200
"""Of how many users' votes a demonstration keeps track: the latest."""


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where one tenant's demonstrations lie.

    Stores cannot compare and swap. So what one user does lies under a key of that user's own, where nobody
    overwrites it, and what is counted is written into the demonstration from there.

    Args:
        store: Where they are.
        tenant: Whose they are.
    """

    store: BaseStore
    tenant: str

    @property
    def root(self) -> tuple[str, str]:
        """What all of its namespaces begin with."""
        return (ROOT, hashed(self.tenant))

    @property
    def shared(self) -> tuple[str, ...]:
        """Where the copies lie that all users are shown."""
        return (*self.root, "shared")

    @property
    def private(self) -> tuple[str, ...]:
        """What the namespaces of all users' own copies begin with."""
        return (*self.root, "private")

    @property
    def revoked(self) -> tuple[str, ...]:
        """Where lies what must not come back."""
        return (*self.root, "revoked")

    @property
    def all_roles(self) -> tuple[str, ...]:
        """What the namespaces of users' roles begin with."""
        return (*self.root, "roles")

    @property
    def all_votes(self) -> tuple[str, ...]:
        """What the namespaces of users' votes begin with."""
        return (*self.root, "votes")

    @property
    def runs(self) -> tuple[str, ...]:
        """Where runs lie that feedback may still come for."""
        return (*self.root, "runs")

    def private_of(self, user: str) -> tuple[str, ...]:
        """Return where a user's own copies lie, by the user's hash."""
        return (*self.private, user)

    def roles_of(self, demonstration_id: str) -> tuple[str, ...]:
        """Return where each user's role in a demonstration lies."""
        return (*self.all_roles, demonstration_id)

    def votes_of(self, demonstration_id: str) -> tuple[str, ...]:
        """Return where each user's votes on a demonstration lie."""
        return (*self.all_votes, demonstration_id)

    def user_hash(self, user: str) -> str:
        """Return what a user goes by here: the same user of another tenant is another."""
        return hashed(self.tenant, user)

    def get(self, namespace: tuple[str, ...], key: str) -> GetOp:
        """Return the operation that reads an item and does not prolong its life."""
        return GetOp(namespace, key, refresh_ttl=False)

    def users(self, namespace: tuple[str, ...]) -> SearchOp:
        """Return the operation that reads what each user has to do with a demonstration."""
        return SearchOp(namespace, limit=2 * MOST_USERS, refresh_ttl=False)

    def intact(self, item: Item) -> Demonstration | None:
        """Return the demonstration that an item holds; None where it is not what was written there."""
        try:
            found = Demonstration.from_dict(item.value)
        except (TypeError, ValueError):
            return None
        place = self.shared if found.shared else self.private_of(found.user)
        if tuple(item.namespace) != place or found.tenant != self.tenant:
            return None
        return found if found.demonstration_id == item.key and found.is_intact else None
