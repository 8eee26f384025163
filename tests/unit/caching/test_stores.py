"""The cache on the stores that need no service, and what happens where they fail."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from langgraph.store.memory import InMemoryStore

from llmops_plugins import CostLedger, with_middleware
from llmops_plugins.background import BACKGROUND
from llmops_plugins.caching.middleware import CacheMiddleware
from llmops_plugins.storage.local_store import LocalStore
from tests.unit.caching.fakes import (
    DIMENSIONS,
    IN_OTHER_WORDS,
    QUESTION,
    UNLIKE,
    WordEmbeddings,
    indexed,
    scripted,
    semantic,
)
from tests.unit.caching.store_scenario import OnAnyStore


class TestLocalStore(OnAnyStore):
    @pytest.fixture
    def store_of(self, tmp_path):
        opened = []

        def build(tier):
            index = {"dims": DIMENSIONS, "embed": tier.embeddings, "fields": ["question"]}
            opened.append(LocalStore(tmp_path / f"{len(opened)}.db", index=index))
            return opened[-1]

        yield build
        BACKGROUND.drain()
        for store in opened:
            store.close()


class TestInMemoryStore(OnAnyStore):
    @pytest.fixture
    def store_of(self):
        return indexed


class TestOwnFile(OnAnyStore):
    @pytest.fixture
    def store_of(self, tmp_path):
        return lambda tier: tmp_path / "cache.db"


# --- failing open --------------------------------------------------------------------------------


def answered_as_without(store, *, tier=None, failing=True):
    """Ask twice; assert the answers are the model's own and return the outcomes in the report."""
    model = scripted("one", "two")
    with CostLedger("sqlite://") as ledger:
        chat = with_middleware(model, CacheMiddleware(store, semantic=tier))
        assert [chat.invoke(question).text for question in (QUESTION, UNLIKE)] == ["one", "two"]
        assert BACKGROUND.drain()
        outcomes = {row.outcome: row.count for row in ledger.report().decisions if row.capability == "cache"}
    assert len(model.calls) == 2
    assert ("failed_open" in outcomes) == failing
    return outcomes


def with_pragma(monkeypatch, pragma):
    """Set what SQLite is told of each connection, such as how large its file may grow."""
    connect = sqlite3.connect

    def connected(*arguments, **settings):
        connection = connect(*arguments, **settings)
        connection.execute(f"PRAGMA {pragma(connection)}")
        return connection

    monkeypatch.setattr(sqlite3, "connect", connected)


class Broken(InMemoryStore):
    """Fails at one sort of operation."""

    def __init__(self, failing, **settings):
        super().__init__(**settings)
        self.failing = failing

    def batch(self, ops):
        ops = list(ops)
        if any(type(op).__name__ == self.failing for op in ops):
            raise ConnectionError("the store is down")
        return super().batch(ops)


@pytest.mark.parametrize("failing", ["GetOp", "SearchOp", "PutOp", None])
def test_a_store_that_is_down_costs_nothing_but_hits(failing):
    tier = semantic()
    index = {"dims": DIMENSIONS, "embed": tier.embeddings, "fields": ["question"]}
    outcomes = answered_as_without(Broken(failing, index=index), tier=tier, failing=failing is not None)
    assert outcomes == ({"failed_open": 2} if failing else {"miss": 2})


def test_embeddings_that_fail_do_not_matter():
    class Down(WordEmbeddings):
        def embed_documents(self, texts):
            raise ConnectionError("no embeddings today")

    answered_as_without(":memory:", tier=semantic(Down()))


def test_a_corrupt_file_does_not_matter(tmp_path):
    (tmp_path / "cache.db").write_bytes(b"this is no database at all" * 1_000)
    assert answered_as_without(tmp_path / "cache.db")["failed_open"] == 2


def test_a_file_that_becomes_corrupt_does_not_matter(tmp_path):
    path = tmp_path / "cache.db"
    chat = with_middleware(scripted("old"), CacheMiddleware(path))
    chat.invoke(QUESTION)
    for one in tmp_path.glob("cache.db*"):
        one.write_bytes(b"\0garbage" * 2_000)
    answered_as_without(path)


def test_a_folder_that_is_missing_does_not_matter(tmp_path):
    answered_as_without(tmp_path / "missing" / "cache.db")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="everything is writable here")
def test_a_folder_that_is_read_only_does_not_matter(tmp_path):
    tmp_path.chmod(0o500)
    answered_as_without(tmp_path / "cache.db")


def test_a_file_that_may_only_be_read_does_not_matter(tmp_path, monkeypatch):
    path = tmp_path / "cache.db"
    LocalStore(path).close()
    with_pragma(monkeypatch, lambda connection: "query_only = ON")
    answered_as_without(path)


def test_a_full_disk_does_not_matter(tmp_path, monkeypatch):
    path = tmp_path / "cache.db"
    LocalStore(path).close()
    with_pragma(
        monkeypatch,
        lambda connection: f"max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0]}",
    )
    model = scripted(*(f"{number} " + "words " * 3_000 for number in range(4)))
    with CostLedger("sqlite://") as ledger:
        chat = with_middleware(model, CacheMiddleware(path))
        assert [chat.invoke(f"Question {n}?").text[0] for n in range(4)] == ["0", "1", "2", "3"]
        outcomes = {row.outcome for row in ledger.report().decisions if row.capability == "cache"}
    assert "failed_open" in outcomes


# --- secrets, processes --------------------------------------------------------------------------


def test_no_secret_reaches_the_file(tmp_path):
    secret = "sk-" + "a1B2" * 6
    path = tmp_path / "cache.db"
    tier = semantic(recheck_share=1.0)
    middleware = CacheMiddleware(path, semantic=tier)
    chat = with_middleware(scripted("Yes, it is.", f"It is {secret}.", "Yes"), middleware)
    chat.invoke("Is my key valid, the key I have here?")
    chat.invoke("Which key is the one I have?")
    chat.invoke(f"Is my key valid, the key I have here {secret}?")
    assert BACKGROUND.drain()
    middleware.cache.store.close()
    stored = b"".join(one.read_bytes() for one in tmp_path.iterdir())
    assert b"Is my key valid" in stored
    assert secret.encode() not in stored


def test_another_process_is_answered_from_the_file(tmp_path):
    tier = semantic()
    middleware = CacheMiddleware(tmp_path / "cache.db", semantic=tier)
    with_middleware(scripted("Berlin."), middleware).invoke(QUESTION)
    script = (
        "import sys; from tests.unit.caching.fakes import *; from llmops_plugins import with_middleware;"
        "cache = CacheMiddleware(sys.argv[1], semantic=semantic());"
        "chat = with_middleware(scripted('new'), cache);"
        "print([chat.invoke(question).text for question in sys.argv[2:]])"
    )
    command = [sys.executable, "-c", script, tmp_path / "cache.db", QUESTION, IN_OTHER_WORDS, UNLIKE]
    root = Path(__file__).parents[3]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "['Berlin.', 'Berlin.', 'new']"
