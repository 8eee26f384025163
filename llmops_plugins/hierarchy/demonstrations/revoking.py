"""Takes a demonstration back for good: every copy, and what users had to do with it."""

from __future__ import annotations

from langgraph.store.base import PutOp, SearchItem

from llmops_plugins.effects import Flow, StoreOps
from llmops_plugins.hierarchy.demonstrations.places import Places
from llmops_plugins.redaction import redact
from llmops_plugins.storage.scan import scan

__all__ = ["revoke"]

_LONGEST_REASON = 500
_AT_ONCE = 1_000


def revoke(places: Places, demonstration_id: str, reason: str, *, now: float) -> Flow[int]:
    """Delete a demonstration, and note that the same question and solution must not come back.

    Args:
        places: Where it lies.
        demonstration_id: Which one it is; one that nobody has is noted too.
        reason: Why, for whoever reads the note.
        now: Unix time in seconds.

    Returns:
        How many copies there were: users' own, and the shared one.
    """
    note = {"reason": redact(reason)[:_LONGEST_REASON], "at": now}
    # First of all, so that whoever writes a copy meanwhile sees it afterwards.
    yield StoreOps(places.store, [PutOp(places.revoked, demonstration_id, note, False)])
    users: list[SearchItem] = []
    for namespace in (places.roles_of(demonstration_id), places.votes_of(demonstration_id)):
        yield from scan(places.store, namespace, users.append)
    copies_at = [places.shared, *(places.private_of(key) for key in {item.key for item in users})]
    copies = yield StoreOps(places.store, [places.get(place, demonstration_id) for place in copies_at])
    gone = [PutOp(place, demonstration_id, None) for place in copies_at]
    gone += [PutOp(tuple(item.namespace), item.key, None) for item in users]
    for start in range(0, len(gone), _AT_ONCE):
        yield StoreOps(places.store, gone[start : start + _AT_ONCE])
    return sum(copy is not None for copy in copies)
