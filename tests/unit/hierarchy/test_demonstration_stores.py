"""Demonstrations in a file and in LangGraph's stores: the same everywhere, at once, and after a restart."""

import threading

import pytest

from llmops_plugins.hierarchy.demonstrations.store import DemonstrationStore
from llmops_plugins.storage.local_store import LocalStore
from tests.unit.hierarchy.solved import (
    DIMENSIONS,
    LIKE_IT,
    QUESTION,
    SOLUTION,
    WordEmbeddings,
    details,
    memory,
    new_store,
    recalled,
    share,
    solve,
)


@pytest.fixture(params=["memory", "local", "file"])
def store(request, tmp_path):
    path = tmp_path / "demonstrations.db"
    if request.param == "file":
        made = DemonstrationStore(path, tenant="acme", embeddings=WordEmbeddings())
        yield made
        made.close()
    elif request.param == "local":
        index = {"dims": DIMENSIONS, "embed": WordEmbeddings(), "fields": ["question"]}
        with LocalStore.from_conn_string(str(path), index=index, ttl={}) as inner:
            yield new_store(inner)
    else:
        yield new_store(memory())


def test_a_life_of_demonstrations(store, tmp_path):
    own = solve(store, "dora", "Which tides are spring tides?", "print(springs())")
    key = share(store)
    assert recalled(store, "zoe") == [key]
    assert set(recalled(store, "dora")) == {own, key}
    assert store.record_outcome([key, own], helped=True, user="dora") == 2
    assert (store.get(key).helped, store.get(own).tried) == (1, 1)
    assert store.export(tmp_path / "all.jsonl") == 2
    assert store.revoke(key) == 4
    assert recalled(store, "dora") == [own]
    assert store.import_file(tmp_path / "all.jsonl", user="eve") == 1


async def test_it_serves_event_loops(store):
    for user in ("ann", "ben", "cem"):
        await store.aadd(QUESTION, SOLUTION, **details(user))
    assert len(await store.arecall(LIKE_IT, user="zoe")) == 1


def test_what_many_users_solve_at_once_is_shared(store):
    users = [f"user{number}" for number in range(6)]
    ready = threading.Barrier(len(users))

    def solving(user):
        ready.wait()
        solve(store, user)
        store.record_outcome([solve(store, user)], helped=True, user=user)

    threads = [threading.Thread(target=solving, args=(user,)) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (shared,) = store.list(user="zoe")
    store.record_outcome([shared.demonstration_id], helped=True, user="zoe")
    shown = store.recall(LIKE_IT, user="zoe")[0]
    assert (shown.helped, shown.tried) == (7, 7)


def test_a_file_is_opened_when_it_is_first_needed_and_again_after_it_was_closed(tmp_path):
    path = tmp_path / "demonstrations.db"
    store = DemonstrationStore(path, tenant="acme", embeddings=WordEmbeddings())
    assert not path.exists()
    key = solve(store)
    store.close()
    assert recalled(store, "ann") == [key]
    store.close()
    again = DemonstrationStore(str(path), tenant="acme", embeddings=WordEmbeddings())
    assert recalled(again, "ann") == [key]
    again.close()


def test_a_question_asked_again_is_not_embedded_again(tmp_path):
    embeddings = WordEmbeddings()
    store = DemonstrationStore(tmp_path / "demonstrations.db", tenant="acme", embeddings=embeddings)
    solve(store)
    recalled(store, "ann")
    embedded = len(embeddings.texts)
    recalled(store, "ann")
    store.record_outcome(recalled(store, "ann"), helped=True, user="ann")
    assert len(embeddings.texts) == embedded
    store.close()
