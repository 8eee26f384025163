"""Writes copies of a demonstration so that none outlives its revocation, and shares what enough stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from langgraph.store.base import PutOp

from llmops_plugins.effects import Flow, StoreOps
from llmops_plugins.hierarchy.demonstrations.collection import Collection
from llmops_plugins.hierarchy.demonstrations.demonstration import MOST_NAMED, Demonstration
from llmops_plugins.hierarchy.demonstrations.sharing import confirming_users, is_confirmed, owners

__all__ = ["promote", "put_unless_revoked"]

_MOST_COPIES = 20
"""Copies of users' own that are looked at for one to share."""


def put_unless_revoked(collection: Collection, demonstration_id: str, puts: Sequence[PutOp]) -> Flow[bool]:
    """Write what belongs to a demonstration; returns whether it stays.

    Who revokes one first says so and then deletes; who writes looks afterwards whether somebody has. So
    whatever the order, the last to act sees the other.

    Args:
        collection: Where it lies.
        demonstration_id: Which one it is.
        puts: What to write.
    """
    # Two copies are two batches: InMemoryStore refuses one in which a text is to be embedded twice.
    unembedded = [put for put in puts if put.index is False or put.value is None]
    for batch in (unembedded, *([put] for put in puts if put not in unembedded)):
        if batch:
            yield StoreOps(collection.store, batch)
    (revoked,) = yield StoreOps(collection.store, [collection.get(collection.revoked, demonstration_id)])
    if revoked is None:
        return True
    yield StoreOps(collection.store, [PutOp(put.namespace, put.key, None) for put in puts])
    return False


def promote(collection: Collection, demonstration_id: str) -> Flow[Demonstration | None]:
    """Share a demonstration with all users of its tenant if enough of them stand for it.

    Args:
        collection: Where it lies.
        demonstration_id: Which one it is.

    Returns:
        The shared copy; None where it is still its users' own.
    """
    users, shared_item = yield StoreOps(
        collection.store,
        [
            collection.users(collection.roles_of(demonstration_id)),
            collection.get(collection.shared, demonstration_id),
        ],
    )
    roles, before = collection.roles(users), collection.read(shared_item)
    if not is_confirmed(roles, collection.confirmations):
        return before
    copies = yield StoreOps(
        collection.store,
        [
            collection.get(collection.private_of(owner), demonstration_id)
            for owner in owners(roles)[:_MOST_COPIES]
        ],
    )
    copy = next(filter(None, map(collection.read, copies)), None)
    if copy is None:
        return before
    others = confirming_users(roles, copy.user)
    shared = replace(
        copy,
        user="",
        shared=True,
        confirmations=len(others),
        confirmed_by=others[:MOST_NAMED],
        helped=before.helped if before else copy.helped,
        tried=before.tried if before else copy.tried,
        expires_at=max(copy.expires_at, before.expires_at if before else 0.0),
    )
    kept = yield from put_unless_revoked(collection, demonstration_id, [collection.put(shared)])
    return shared if kept else None
