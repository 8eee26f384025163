"""Killed, forked, shared, full or broken: what was put stays put, and what cannot be done is said."""

import multiprocessing
import os
import random
import subprocess
import sys
import threading
import time

import pytest
from langgraph.store.base import PutOp

from llmops_plugins.errors import DatabaseUnavailableError
from llmops_plugins.storage.local_store import LocalStore
from tests.unit.storage.conftest import DIMS, embed

INDEX = {"dims": DIMS, "embed": embed, "fields": ["text"]}
PRELUDE = """
import sys
from tests.unit.storage.conftest import DIMS, embed
from llmops_plugins.storage.local_store import LocalStore
store = LocalStore(sys.argv[1], index={"dims": DIMS, "embed": embed, "fields": ["text"]})
"""
WRITER = """
n = 0
while True:
    store.put(("a", str(n % 3)), str(n), {"text": f"text {n}"})
    if n % 3 == 2:
        store.delete(("a", str((n - 1) % 3)), str(n - 1))
    print(n, flush=True)
    n += 1
"""


def start(script, path):
    return subprocess.Popen(
        [sys.executable, "-c", PRELUDE + script, str(path)],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("attempt", range(10))
def test_a_killed_process_loses_nothing_it_said_it_had_put(path, attempt):
    process = start(WRITER, path)
    said = [process.stdout.readline()]
    time.sleep(random.Random(attempt).uniform(0, 0.25))
    process.kill()
    said += process.communicate()[0].splitlines()
    last = int(said[-1] if said[-1].strip().isdigit() else said[-2])
    store = LocalStore(path, index=INDEX)
    promised = {str(n) for n in range(last + 1) if n % 3 != 1 or n + 1 > last}
    items = store.search(("a",), limit=100_000)
    assert promised - {str(last)} <= {item.key for item in items} <= promised | {str(last), str(last + 1)}
    scored = store.search(("a",), query="text 0", limit=100_000)
    assert {item.key for item in scored} == {item.key for item in items}
    assert all(item.score is not None for item in scored)
    with store._database.reading() as connection:
        orphans = connection.execute(
            "SELECT count(*) FROM llmops_store_vectors "
            "WHERE item_id NOT IN (SELECT id FROM llmops_store_items)"
        ).fetchone()
        intact = connection.execute("PRAGMA integrity_check").fetchone()
    assert (orphans, intact) == ((0,), ("ok",))
    store.close()


ECHO = """
for line in sys.stdin:
    command, key = line.split()
    if command == "put":
        store.put(("a",), key, {"text": key})
    elif command == "delete":
        store.delete(("a",), key)
    found = store.search(("a",), query=key, limit=1)
    print(*[f"{item.key} {item.score:.3f}" for item in found] or ["nothing"], flush=True)
"""


def test_processes_see_each_others_puts_updates_and_deletions(path):
    store = LocalStore(path, index=INDEX)
    process = start(ECHO, path)

    def ask(command):
        process.stdin.write(command + "\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    assert ask("find x") == "nothing"
    store.put(("a",), "x", {"text": "x"})
    assert ask("find x") == "x 1.000"
    assert ask("put y") == "y 1.000"
    assert store.search(("a",), query="y", limit=1)[0].score == pytest.approx(1)
    store.put(("a",), "x", {"text": "z"})
    assert ask("find z") == "x 1.000"
    assert ask("delete x")
    assert [item.key for item in store.search(("a",), query="z")] == ["y"]
    process.communicate()
    store.close()


def test_a_store_that_fell_far_behind_reads_everything(path, monkeypatch):
    monkeypatch.setattr("llmops_plugins.storage.item_rows._CHANGES_KEPT", 10)
    ahead, behind = LocalStore(path, index=INDEX), LocalStore(path, index=INDEX)
    ahead.put(("a",), "gone", {"text": "gone"})
    assert behind.search(("a",), query="gone")
    ahead.delete(("a",), "gone")
    ahead.batch([PutOp(("a",), str(n), {"text": f"text {n}"}) for n in range(1_100)])
    assert len(behind.search(("a",), query="gone", limit=2_000)) == 1_100
    assert behind.search(("a",), query="text 7")[0].key == "7"
    ahead.close()
    behind.close()


@pytest.mark.parametrize("where", ["file", "memory"])
def test_threads_share_a_store(path, where):
    store = LocalStore(path if where == "file" else ":memory:", index=INDEX)
    failures = []

    def work(number):
        try:
            for n in range(25):
                key = f"{number}-{n}"
                store.put(("a", str(number)), key, {"text": key})
                assert store.get(("a", str(number)), key).value == {"text": key}
                best = store.search(("a",), query=key, limit=1)[0]
                assert (best.key, best.score) == (key, pytest.approx(1))
                if n % 5 == 0:
                    store.delete(("a", str(number)), key)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(store.search(("a",), query="x", limit=1_000)) == 8 * 20
    store.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_and_its_parent_both_go_on(path):
    store, memory = LocalStore(path, index=INDEX), LocalStore(":memory:")
    store.put(("a",), "before", {"text": "before"})
    store.search(("a",), query="before")
    forked = multiprocessing.get_context("fork")
    ends, child_end = forked.Pipe()

    def child():
        store.put(("a",), "child", {"text": "child"})
        try:
            memory.get(("a",), "k")
        except DatabaseUnavailableError as error:
            child_end.send([[item.key for item in store.search(("a",), query="before")], str(error)])

    process = forked.Process(target=child)
    process.start()
    assert ends.poll(30)
    found, said = ends.recv()
    process.join()
    assert set(found) == {"before", "child"}
    assert found[0] == "before"
    assert "forked" in said
    store.put(("a",), "after", {"text": "after"})
    assert {item.key for item in store.search(("a",), query="child")} == {"before", "child", "after"}
    store.close()
    memory.close()


def test_a_file_that_is_no_database_is_refused_in_one_sentence(path):
    path.write_bytes(b"not a database at all, but long enough to be looked at" * 50)
    with pytest.raises(DatabaseUnavailableError, match=r"path: .*store\.db cannot be .*restore it") as raised:
        LocalStore(path)
    assert "\n" not in str(raised.value)


def test_a_file_broken_in_the_middle_is_said_to_be(path):
    store = LocalStore(path, index=INDEX)
    store.batch([PutOp(("a",), str(n), {"text": f"text {n}"}) for n in range(2_000)])
    store.close()
    content = bytearray(path.read_bytes())
    content[4_096 * 8 :] = os.urandom(len(content) - 4_096 * 8)
    path.write_bytes(content)
    store = LocalStore(path, index=INDEX)
    with pytest.raises(DatabaseUnavailableError, match="restore it"):
        store.search(("a",), query="text 1")
    with pytest.raises(DatabaseUnavailableError, match="restore it"):
        store.search(("a",), limit=10_000)
    store.close()


def test_a_folder_that_is_not_there_is_said_to_be(tmp_path):
    with pytest.raises(DatabaseUnavailableError, match="check the path and its permissions"):
        LocalStore(tmp_path / "nowhere" / "store.db")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_said_to_be(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(DatabaseUnavailableError, match="check the path and its permissions"):
        LocalStore(tmp_path / "store.db")


FULL = """
import resource
from llmops_plugins.errors import DatabaseUnavailableError
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
kept = 0
try:
    while True:
        store.put(("a",), str(kept), {"text": str(kept), "answer": "x" * 2_000})
        kept += 1
except DatabaseUnavailableError as error:
    print(kept, error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
def test_a_disk_that_is_full_is_said_to_be_and_keeps_what_was_put(path):
    kept, _, said = start(FULL, path).communicate()[0].partition(" ")
    assert "cannot be written" in said
    store = LocalStore(path, index=INDEX)
    assert len(store.search(("a",), query="x", limit=10_000)) == int(kept) > 10
    store.close()


def test_a_database_of_a_newer_version_is_refused(path):
    store = LocalStore(path)
    with store._database.writing() as connection:
        connection.execute("UPDATE llmops_store_meta SET value = '99' WHERE name = 'schema'")
    store.close()
    with pytest.raises(DatabaseUnavailableError, match=r"newer llmops-plugins \(schema 99\)"):
        LocalStore(path)


def test_many_processes_may_open_a_new_file_at_once(path):
    script = 'store.put(("a",), sys.argv[1] + str(__import__("os").getpid()), {"text": "x"}); print("put")'
    processes = [start(script, path) for _ in range(4)]
    assert [process.communicate()[0].strip() for process in processes] == ["put"] * 4
    store = LocalStore(path, index=INDEX)
    assert len(store.search(("a",), query="x")) == 4
    store.close()


def test_a_writer_that_waits_too_long_says_who_it_waited_for(path, monkeypatch):
    monkeypatch.setattr("llmops_plugins.storage.item_database._BUSY_SECONDS", 0.05)
    store, other = LocalStore(path), LocalStore(path)
    with other._database.writing(), pytest.raises(DatabaseUnavailableError, match="another process"):
        store.put(("a",), "k", {})
    store.put(("a",), "k", {})
    assert store.get(("a",), "k")
    store.close()
    other.close()


def test_a_batch_that_fails_midway_leaves_nothing_behind(path):
    store = LocalStore(path, index=INDEX)
    with pytest.raises(TypeError):
        store.batch([PutOp(("a",), "1", {"text": "x"}), PutOp(("a",), "2", {"text": "y"}, ttl="soon")])
    assert store.search(("a",)) == store.search(("a",), query="x") == []
    store.close()
