import io
import json
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding

import llmops_plugins
from llmops_plugins.caching.labels import label
from llmops_plugins.caching.middleware import CacheMiddleware
from llmops_plugins.caching.pair import read_pairs
from llmops_plugins.caching.partition import STATE
from llmops_plugins.caching.semantic import SemanticTier
from llmops_plugins.storage.local_store import LocalStore
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.wrapped_model.wrap import with_middleware


def fill(store, tenants=("acme", "globex")):
    """Answer a question for each tenant, as an application with a semantic tier would."""
    semantic = SemanticTier(embeddings=DeterministicFakeEmbedding(size=8), threshold=0.99, guards=())
    for tenant in tenants:
        cache = CacheMiddleware(store, semantic=semantic, tenant=tenant, tags=["prices", tenant])
        model = with_middleware(ScriptedChatModel(replies=["Berlin."], model_name="small"), cache)
        assert model.invoke("What is the capital of Germany?").text == "Berlin."
        if hasattr(cache.cache.store, "close"):
            cache.cache.store.close()


@pytest.fixture
def cache_file(tmp_path):
    """A file that two tenants have used, with a label of each, a breach, and something of another's."""
    path = tmp_path / "llmops_cache.db"
    fill(path)
    store = LocalStore(path)
    store.batch([label("a?", "b?", same=True, tenant="acme"), label("c?", "d?", same=False, tenant="globex")])
    store.put(STATE, "breach-abc", {"at": 1_800_000_000.0, "checked": 40, "differing": 5})
    store.put(("memories",), "mine", {"reply": "kept"})
    store.close()
    return path


def stored(path):
    with sqlite3.connect(path) as connection:
        return sorted(key for (key,) in connection.execute("SELECT key FROM llmops_store_items"))


def test_the_statistics_are_for_a_reader(llmops, cache_file):
    done = llmops("cache", "stats")
    lines = done.out.splitlines()
    assert (done.code, done.err) == (0, "")
    assert "entries               2 (2 by meaning, 0 exact only)" in lines
    assert "partitions            2" in lines
    assert "labels                1 same, 1 different" in lines
    assert "checked               0" in lines
    assert re.search(r"^oldest, newest +20\d\d-\d\d-\d\d \d\d:\d\d UTC, ", done.out, re.MULTILINE)
    assert re.search(r"^globex +1$", done.out, re.MULTILINE)
    assert re.search(r"^prices +2$", done.out, re.MULTILINE)
    assert re.search(r"rule abc runs in shadow since 2027-01-15 08:00 UTC: 5 of 40 checked", done.out)


def test_the_statistics_as_json_are_nothing_else(llmops, cache_file):
    data = llmops("cache", "stats", "--store", cache_file, "--json").json
    assert (data["entries"], data["by_meaning"], data["tool_results"]) == (2, 2, 0)
    assert data["tenants"] == {"distinct": 2, "most": {"acme": 1, "globex": 1}}
    assert data["models"]["most"] == {"small": 2}
    (breach,) = data["breaches"]
    assert breach == {
        "fingerprint": "abc",
        "at": "2027-01-15T08:00:00+00:00",
        "checked": 40,
        "differing": 5,
    }


def test_names_that_would_control_the_terminal_do_not(llmops, tmp_path):
    fill(tmp_path / "llmops_cache.db", tenants=["\x1b[2Jevil\nline"])
    out = llmops("cache", "stats").out
    assert "\x1b" not in out
    assert " [2Jevil line" in out


def test_looking_leaves_the_file_as_it_is(llmops, cache_file):
    before = cache_file.read_bytes()
    llmops("cache", "stats")
    llmops("cache", "invalidate", "--tag", "prices", "--dry-run")
    assert cache_file.read_bytes() == before
    assert [path.name for path in cache_file.parent.iterdir()] == [cache_file.name]


def test_invalidating_deletes_what_is_meant_and_a_dry_run_nothing(llmops, cache_file):
    before = stored(cache_file)
    done = llmops("cache", "invalidate", "--tenant", "acme", "--tag", "prices", "--dry-run")
    assert (done.code, done.out) == (0, "would delete 1 entry\n")
    assert stored(cache_file) == before
    assert llmops("cache", "invalidate", "--tenant", "acme", "--json").json == {"matching": 1, "deleted": 1}
    assert len(stored(cache_file)) == len(before) - 2  # its label went too
    assert llmops("cache", "invalidate", "--model", "small").out == "deleted 1 entry\n"
    assert llmops("cache", "invalidate", "--corpus-version", "7").out == "deleted 0 entries\n"


def test_clearing_deletes_all_of_the_cache_and_nothing_else(llmops, cache_file):
    done = llmops("cache", "clear", "--yes")
    assert (done.code, done.out) == (0, "deleted 2 entries, all labels and breaches\n")
    assert stored(cache_file) == ["mine"]
    assert llmops("cache", "stats", "--json").json["entries"] == 0


def test_clearing_refuses_where_nobody_can_be_asked(llmops, cache_file, monkeypatch):
    before = stored(cache_file)
    for nobody in (io.StringIO("y\n"), None):
        monkeypatch.setattr(sys, "stdin", nobody)
        done = llmops("cache", "clear")
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
        assert "--yes" in done.err
    assert stored(cache_file) == before


@pytest.mark.parametrize(("answer", "code", "left"), [("y", 0, 1), ("n", 130, 6), ("", 130, 6)])
def test_clearing_asks(llmops, cache_file, monkeypatch, answer, code, left):
    class Terminal:
        def isatty(self):
            return True

        def readline(self, *_):
            return answer + "\n"

    monkeypatch.setattr(sys, "stdin", Terminal())
    done = llmops("cache", "clear", "--json")
    assert done.code == code
    assert "Delete the whole cache in llmops_cache.db?" in done.err
    assert len(stored(cache_file)) == left
    if code == 0:
        assert json.loads(done.out.strip()) == {"deleted": 2}


def test_resuming_forgets_the_breach_only(llmops, cache_file):
    before = stored(cache_file)
    assert llmops("cache", "resume").out == "cleared 1 breach\n"
    assert llmops("cache", "resume", "--json").json == {"cleared": 0}
    assert stored(cache_file) == [key for key in before if key != "breach-abc"]


def test_labels_are_written_as_calibration_reads_them(llmops, cache_file, tmp_path):
    done = llmops("cache", "labels", "--out", "pairs.jsonl")
    assert (done.code, done.out) == (0, "wrote 2 pairs to pairs.jsonl\n")
    assert {(pair.a, pair.same) for pair in read_pairs(tmp_path / "pairs.jsonl")} == {
        ("a?", True),
        ("c?", False),
    }


USER_STORE = """
import contextlib
from langgraph.store.memory import InMemoryStore
from llmops_plugins.storage.local_store import LocalStore
store = LocalStore("llmops_cache.db")
number = 7
def make(): return LocalStore("llmops_cache.db")
@contextlib.contextmanager
def connected():
    yield store
    print("let go")
def unreachable(): raise ConnectionError("no route to the database")
class Failing(InMemoryStore):
    def batch(self, ops): raise OSError("it broke")
failing = Failing()
"""


@pytest.mark.parametrize("attribute", ["store", "make", "connected"])
def test_any_store_can_be_named_in_a_module(llmops, cache_file, attribute):
    Path("mine.py").write_text(USER_STORE)
    done = llmops("cache", "invalidate", "--store", f"mine.py:{attribute}", "--tenant", "acme")
    assert done.code == 0
    assert "deleted 1 entry\n" in done.out
    assert ("let go" in done.out) == (attribute == "connected")


BAD_INPUT = {
    "stats": "there is no file llmops_cache.db",
    "stats --store missing.db": "there is no file missing.db",
    "stats --store .": "there is no file .",
    "stats --store :memory:": "there is no file",
    "stats --store sqlite:///missing.db": "there is no file missing.db",
    "stats --store plain.txt": "plain.txt cannot be read",
    "stats --store empty.db": "empty.db holds no store",
    "stats --store ledger.db": "ledger.db holds no store",
    "stats --store newer.db": "upgrade",
    "clear --yes --store missing.db": "there is no file missing.db",
    "invalidate --store good.db": "needs a tag",
    "invalidate --store good.db --partition abc": "partition: ",
    "labels --store good.db": "--out",
    "labels --store good.db --out pairs.jsonl": "no labels yet",
    "stats --store mine.py:nothing": "no attribute 'nothing'",
    "stats --store mine.py:number": "is a int",
    "stats --store mine.py:unreachable": "no route to the database",
    "stats --store mine.py:failing": "it broke",
    "stats --store nowhere:store": "nowhere cannot be imported",
    "nonsense": "nonsense",
}


@pytest.mark.parametrize("arguments", BAD_INPUT)
def test_bad_input_is_one_sentence_and_makes_no_file(llmops, tmp_path, write_ledger, arguments):
    Path("plain.txt").write_text("not a database, though long enough to be looked at as one" * 20)
    Path("empty.db").touch()
    Path("mine.py").write_text(USER_STORE.replace('"llmops_cache.db"', '":memory:"'))
    write_ledger({}, name="ledger.db")
    for name in ("good.db", "newer.db"):
        LocalStore(tmp_path / name).close()
    with sqlite3.connect("newer.db") as connection:
        connection.execute("UPDATE llmops_store_meta SET value = '99' WHERE name = 'schema'")
    connection.close()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    done = llmops("cache", *arguments.split())
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert BAD_INPUT[arguments] in done.err
    assert done.err.startswith("llmops: ")
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}


SERVING = """
import sys
from langchain_core.embeddings import Embeddings
from llmops_plugins.caching.middleware import CacheMiddleware
from llmops_plugins.caching.semantic import SemanticTier
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.wrapped_model.wrap import with_middleware

class AllAlike(Embeddings):
    def embed_documents(self, texts): return [[1.0, 0.0] for _ in texts]
    def embed_query(self, text): return [1.0, 0.0]

semantic = SemanticTier(embeddings=AllAlike(), threshold=0.9, guards=(), recheck_share=1e-9)
cache = CacheMiddleware("llmops_cache.db", semantic=semantic, tags=["prices"])
model = with_middleware(ScriptedChatModel(replies=["It costs 5."], model_name="small"), cache)
for question in sys.stdin:
    print(model.invoke(question).response_metadata.get("llmops_cache", "asked"), flush=True)
"""


@pytest.fixture
def serving(llmops):
    """A process of the user's that goes on serving from the cache; returns how it found an answer."""
    environment = {"PYTHONPATH": str(Path(llmops_plugins.__file__).parent.parent)}
    process = subprocess.Popen(
        [sys.executable, "-c", SERVING],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )

    def ask(question):
        process.stdin.write(f"{question}\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    yield ask
    process.stdin.close()
    process.wait(30)
    process.stdout.close()


def test_what_another_process_serves_from_is_looked_into_and_taken_back(llmops, serving):
    assert [serving("What does it cost?"), serving("What does it cost?")] == ["asked", "exact"]
    assert serving("How much is it?") == "semantic"
    assert llmops("cache", "stats", "--json").json["entries"] == 1

    assert llmops("cache", "invalidate", "--tag", "prices").out == "deleted 1 entry\n"
    assert serving("How much is it?") == "asked"  # neither by its meaning
    assert serving("What does it cost?") == "semantic"

    assert llmops("cache", "clear", "--yes").code == 0
    assert serving("How much is it?") == "asked"
    assert serving("How much is it?") == "exact"
    assert llmops("cache", "invalidate", "--model", "small").out == "deleted 1 entry\n"
    assert serving("How much is it?") == "asked"
