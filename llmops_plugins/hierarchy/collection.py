"""One tenant's demonstrations in a store: what lies where, for how long, and by which rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from langgraph.store.base import BaseStore, GetOp, Item, PutOp, SearchOp

from llmops_plugins.hierarchy.demonstration import Demonstration
from llmops_plugins.hierarchy.sharing import Role
from llmops_plugins.hierarchy.tenancy import hashed

__all__ = ["MOST_USERS", "ROOT", "Collection"]

ROOT = "llmops_demonstrations"
"""First part of every namespace of demonstrations in a store."""

MOST_USERS = 200
"""Of how many users' roles or votes a demonstration keeps track: the latest."""

_ROLES: Mapping[str, Role] = {"solved": "solved", "confirmed": "confirmed", "imported": "imported"}
_DAY_SECONDS = 86_400


@dataclass(frozen=True, kw_only=True)
class Collection:
    """One tenant's demonstrations.

    Stores cannot compare and swap. So what one user does lies under a key of that user's own, where nobody
    overwrites it, and what is counted is written into the demonstration from there.

    Args:
        store: Where they are.
        tenant: Whose they are.
        confirmations: How many other users must stand for one before it is shared.
        lifetime_days: How long one is kept after it was last solved.
        most: The most that are kept.
        now: Unix time in seconds.
    """

    store: BaseStore
    tenant: str
    confirmations: int
    lifetime_days: float
    most: int
    now: float

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

    def private_of(self, user: str) -> tuple[str, ...]:
        """Return where a user's own copies lie, by the user's hash."""
        return (*self.private, user)

    def roles_of(self, demonstration_id: str) -> tuple[str, ...]:
        """Return where each user's role in a demonstration lies."""
        return (*self.root, "roles", demonstration_id)

    def votes_of(self, demonstration_id: str) -> tuple[str, ...]:
        """Return where each user's votes on a demonstration lie."""
        return (*self.root, "votes", demonstration_id)

    def user_hash(self, user: str) -> str:
        """Return what a user goes by here: the same user of another tenant is another."""
        return hashed(self.tenant, user)

    @property
    def expires_at(self) -> float:
        """When what is solved now expires, as Unix time in seconds."""
        return self.now + self.lifetime_days * _DAY_SECONDS

    def get(self, namespace: tuple[str, ...], key: str) -> GetOp:
        """Return the operation that reads an item and does not prolong its life."""
        return GetOp(namespace, key, refresh_ttl=False)

    def users(self, namespace: tuple[str, ...]) -> SearchOp:
        """Return the operation that reads what each user has to do with a demonstration."""
        return SearchOp(namespace, limit=2 * MOST_USERS, refresh_ttl=False)

    def put(self, demonstration: Demonstration) -> PutOp:
        """Return the operation that writes a copy, found by its question."""
        place = self.shared if demonstration.shared else self.private_of(demonstration.user)
        minutes = self._minutes(demonstration.expires_at)
        value = demonstration.to_dict()
        return PutOp(place, demonstration.demonstration_id, value, ["question"], minutes)

    def note(self, namespace: tuple[str, ...], user: str, value: dict[str, Any]) -> PutOp:
        """Return the operation that writes what a user has to do with a demonstration."""
        noted = {**value, "at": self.now}
        return PutOp(namespace, user, noted, False, self._minutes(self.expires_at))

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

    def read(self, item: Item | None) -> Demonstration | None:
        """Return the demonstration that an item holds; None for none, an expired one, or a changed one."""
        found = self.intact(item) if item is not None else None
        return found if found is not None and found.is_fresh(self.now) else None

    def roles(self, items: Iterable[Item]) -> dict[str, Role]:
        """Return each user's role, of those that a search for them found."""
        found = ((item.key, _ROLES.get(str(item.value.get("role")))) for item in items)
        return {user: role for user, role in found if role is not None}

    def _minutes(self, expires_at: float) -> float | None:
        """Return for how long a store is to keep something; not all can forget by themselves."""
        return max((expires_at - self.now) / 60, 1 / 60) if self.store.supports_ttl else None
