"""One tenant's demonstrations in a store: what is written there, for how long, and by which rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, get_args

from langgraph.store.base import Item, PutOp

from llmops_plugins.hierarchy.demonstrations.demonstration import Demonstration
from llmops_plugins.hierarchy.demonstrations.places import Places
from llmops_plugins.hierarchy.demonstrations.sharing import Role

__all__ = ["Collection", "noted_at"]

_DAY_SECONDS = 86_400


@dataclass(frozen=True, kw_only=True)
class Collection(Places):
    """One tenant's demonstrations, and the rules by which they are kept.

    Args:
        confirmations: How many other users must stand for one before it is shared.
        lifetime_days: How long one is kept after it was last solved.
        most: The most that are kept.
        now: Unix time in seconds.
    """

    confirmations: int
    lifetime_days: float
    most: int
    now: float

    @property
    def expires_at(self) -> float:
        """When what is solved now expires, as Unix time in seconds."""
        return self.now + self.lifetime_days * _DAY_SECONDS

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

    def is_current(self, item: Item) -> bool:
        """Tell whether a note is no older than what is kept: not all stores forget by themselves."""
        return noted_at(item) + self.lifetime_days * _DAY_SECONDS > self.now

    def read(self, item: Item | None) -> Demonstration | None:
        """Return the demonstration that an item holds; None for none, an expired one, or a changed one."""
        found = self.intact(item) if item is not None else None
        return found if found is not None and found.is_fresh(self.now) else None

    def roles(self, items: Iterable[Item]) -> dict[str, Role]:
        """Return each user's role, of those that a search for them found, the latest first."""
        latest = sorted(items, key=lambda item: (-noted_at(item), item.key))
        found = ((item.key, _role(item)) for item in latest if self.is_current(item))
        return {user: role for user, role in found if role is not None}

    def _minutes(self, expires_at: float) -> float | None:
        """Return for how long a store is to keep something; not all can forget by themselves."""
        return max((expires_at - self.now) / 60, 1 / 60) if self.store.supports_ttl else None


def _role(item: Item) -> Role | None:
    return next((role for role in get_args(Role) if role == item.value.get("role")), None)


def noted_at(item: Item) -> float:
    """Return when a note was written, as Unix time in seconds; of one that does not say, the beginning."""
    at = item.value.get("at")
    return float(at) if isinstance(at, int | float) else 0.0
