"""A demonstration that was taken back: every copy is gone, and nothing brings it back, whoever acts last."""

import contextlib
from datetime import UTC, datetime

import pytest

from llmops_plugins.effects import StoreOps
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.hierarchy.demonstrations.adding import Solved, add
from llmops_plugins.hierarchy.demonstrations.confirming import confirm
from llmops_plugins.hierarchy.demonstrations.demonstration import Provenance
from llmops_plugins.hierarchy.demonstrations.outcomes import record_outcome
from llmops_plugins.hierarchy.demonstrations.revoking import revoke
from tests.unit.hierarchy.solved import (
    QUESTION,
    SOLUTION,
    TESTED,
    details,
    memory,
    new_store,
    recalled,
    share,
    solve,
)

REVOKED = "revoked"


def test_a_revoked_demonstration_is_not_recalled():
    store = new_store()
    key = share(store)
    assert store.revoke(key, reason="It asks for a key.") == 4
    for user in ("ann", "ben", "zoe"):
        assert recalled(store, user) == []
    assert store.get(key) is None


def test_nothing_of_it_stays_but_the_note():
    inner = memory()
    store = new_store(inner)
    key = share(store)
    store.record_outcome([key], helped=True, user="dora")
    store.revoke(key, reason="ann@example.org asked for it")
    left = [(namespace, item) for namespace, items in inner._data.items() for item in items.values()]
    assert [namespace[-1] for namespace, _ in left] == [REVOKED]
    assert left[0][1].value["reason"] == "[email] asked for it"


def test_no_beginning_of_a_key_stays_where_a_reason_is_cut():
    inner = memory()
    store = new_store(inner)
    key = share(store)
    store.revoke(key, reason="x " * 245 + "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789 leaked")
    (note,) = [item for items in inner._data.values() for item in items.values()]
    assert "sk-" not in note.value["reason"]
    assert len(note.value["reason"]) <= 500


def test_the_same_does_not_come_back_by_itself(tmp_path):
    store = new_store()
    key = share(store)
    store.export(tmp_path / "before.jsonl")
    store.revoke(key)
    assert store.add(QUESTION, SOLUTION, **details("dora")).outcome == REVOKED
    for trusted in (False, True):
        assert store.import_file(tmp_path / "before.jsonl", user="dora", trusted=trusted) == 0
    assert store.list() == ()


def test_another_solution_of_the_same_question_may_be_kept():
    store = new_store()
    store.revoke(solve(store))
    assert store.add(QUESTION, "print(better())", **details()).outcome == "added"


def test_what_nobody_has_can_be_kept_out_beforehand():
    elsewhere, store = new_store(), new_store()
    key = solve(elsewhere)
    assert store.revoke(key) == 0
    assert store.add(QUESTION, SOLUTION, **details()).outcome == REVOKED


def stepped(flow):
    """Drive a flow step by step: each ``next`` performs one of its effects."""
    reply = None
    while True:
        try:
            effect = flow.send(reply)
        except StopIteration:
            return
        reply = effect.store.batch(effect.ops) if isinstance(effect, StoreOps) else None
        yield effect


def adding(collection):
    provenance = Provenance(
        assistant="large", model="large-1", model_version="", evidence=TESTED, solved_at=datetime.now(UTC)
    )
    user = collection.user_hash("ann")
    return add(collection, Solved(question=QUESTION, solution=SOLUTION, user=user, provenance=provenance))


def rating(collection, key):
    return record_outcome(collection, [key], helped=True, user=collection.user_hash("dora"))


def confirming(collection, key):
    return confirm(collection, key, collection.user_hash("dora"))


WRITERS = {"adding": lambda collection, key: adding(collection), "rating": rating, "confirming": confirming}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("steps", range(0, 12, 2))
@pytest.mark.parametrize("between", range(7))
def test_whoever_writes_while_it_is_revoked_brings_nothing_back(writer, steps, between):
    store = new_store(confirmations=1)
    key = share(store, users=("ann", "ben"))
    collection = store.collection(None)
    writing = stepped(WRITERS[writer](collection, key))
    revoking = stepped(revoke(collection, key, "", now=collection.now))
    with contextlib.suppress(ConfigurationError):  # who is told that it is gone has written nothing
        for _ in range(steps):
            next(writing, None)
        for _ in range(between):
            next(revoking, None)
        for _ in writing:
            pass
    for _ in revoking:
        pass
    assert store.list() == ()
    assert recalled(store, "zoe") == recalled(store, "ann") == []
    (roles,) = collection.store.batch([collection.users(collection.roles_of(key))])
    assert roles == []
