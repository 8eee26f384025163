"""A user stands for what another has solved."""

from __future__ import annotations

from dataclasses import replace

from llmops_plugins.effects import Flow, StoreOps
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.hierarchy.demonstrations.collection import Collection
from llmops_plugins.hierarchy.demonstrations.demonstration import MOST_NAMED, Demonstration
from llmops_plugins.hierarchy.demonstrations.sharing import confirming_users, owners
from llmops_plugins.hierarchy.demonstrations.writing import promote, put_unless_revoked

__all__ = ["confirm"]


def confirm(collection: Collection, demonstration_id: str, user: str) -> Flow[Demonstration]:
    """Note that a user stands for a demonstration of another's, and share it if enough do.

    Args:
        collection: Where it lies.
        demonstration_id: Which one it is.
        user: Hash of the user.

    Returns:
        The demonstration, with all who stand for it.

    Raises:
        ConfigurationError: If there is none of this id, or it is the user's own.
    """
    (users,) = yield StoreOps(collection.store, [collection.users(collection.roles_of(demonstration_id))])
    roles = collection.roles(users)
    if user in owners(roles):
        raise ConfigurationError("user", "is the demonstration's author, let another user confirm it")
    copy = yield from _any_copy(collection, demonstration_id, owners(roles))
    if copy is None:
        raise ConfigurationError("demonstration_id", _unknown(demonstration_id))
    note = collection.note(collection.roles_of(demonstration_id), user, {"role": "confirmed"})
    if not (yield from put_unless_revoked(collection, demonstration_id, [note])):
        raise ConfigurationError("demonstration_id", _unknown(demonstration_id))
    shared = yield from promote(collection, demonstration_id)
    others = confirming_users({user: "confirmed", **roles}, copy.user)
    return shared or replace(copy, confirmations=len(others), confirmed_by=others[:MOST_NAMED])


def _any_copy(
    collection: Collection, demonstration_id: str, users: tuple[str, ...]
) -> Flow[Demonstration | None]:
    places = [collection.shared, *map(collection.private_of, users)]
    items = yield StoreOps(collection.store, [collection.get(place, demonstration_id) for place in places])
    return next(filter(None, map(collection.read, items)), None)


def _unknown(demonstration_id: object) -> str:
    return f"{demonstration_id!r} is none of this tenant's, list() shows those that are"
