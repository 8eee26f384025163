import gzip
import json
import sqlite3
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.embeddings import Embeddings
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.store.base import PutOp, SearchOp
from langgraph.store.memory import InMemoryStore

from llmops_plugins.background import BACKGROUND
from llmops_plugins.caching.administration import (
    cache_stats,
    clear,
    export_labels,
    invalidate,
    resume,
)
from llmops_plugins.caching.entry import CacheEntry, RecordedUsage
from llmops_plugins.caching.labels import label, read_labels
from llmops_plugins.caching.middleware import CacheMiddleware
from llmops_plugins.caching.pair import read_pairs
from llmops_plugins.caching.partition import STATE, Partition
from llmops_plugins.caching.semantic import SemanticTier
from llmops_plugins.caching.tool_result import ToolResult
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.flow import run
from llmops_plugins.storage import scan as scan_module
from llmops_plugins.storage.local_store import LocalStore
from llmops_plugins.storage.scan import scan
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.verdict import Verdict
from llmops_plugins.wrapped_model.wrap import with_middleware

NOW = time.time()


@pytest.fixture(params=[InMemoryStore, lambda: LocalStore(":memory:")], ids=["memory", "local"])
def store(request):
    return request.param()


def entry(question="Where is it?", model="small", **fields):
    usage = RecordedUsage(provider="p", model=model, calls=1, input_tokens=1, output_tokens=1)
    fields = {"created_at": NOW, **fields}
    return CacheEntry(question=question, reply=(AIMessage("There."),), usage=usage, **fields)


def put(store, key, entry, partition="a"):
    place = Partition(tenant="", corpus_version="", identity=partition * 64)
    store.put(place.namespace, key, entry.to_value(), index=False)


def put_breach(store, fingerprint="rule", checked=40, differing=5):
    value = {"at": NOW, "checked": checked, "differing": differing}
    store.put(STATE, f"breach-{fingerprint}", value, index=False)


def keys(store):
    return {item.key for item in store.search((), limit=10_000)}


def filled(store):
    put(store, "plain", entry())
    put(store, "exact", entry(None, tags=("prices",)))
    put(store, "acme", entry(tenant="acme", tags=("prices", "news")))
    put(store, "other model", entry(model="large", corpus_version="7"), "b")
    put(store, "other tenant", entry(tenant="acme", model="large"), "b")
    return store


def test_the_statistics_of_an_empty_store_are_zeros_and_unknowns(store):
    stats = cache_stats(store)
    assert (stats.entries, stats.bytes, stats.partitions, stats.checked, stats.labels_same) == (0, 0, 0, 0, 0)
    assert (stats.oldest, stats.newest, stats.differing_upper, stats.breaches) == (None, None, None, ())


def test_the_statistics_say_what_is_stored_for_whom(store):
    stats = cache_stats(filled(store))
    assert (stats.entries, stats.by_meaning, stats.exact_only, stats.tool_results) == (5, 4, 1, 0)
    assert stats.partitions == 2
    assert stats.tenants.most == {"": 3, "acme": 2}
    assert stats.models.most == {"small": 3, "large": 2}
    assert stats.corpus_versions.most == {"": 4, "7": 1}
    assert stats.tags.most == {"prices": 2, "news": 1}
    assert stats.bytes == pytest.approx(5 * len(json.dumps(entry().to_value())), rel=0.1)


def test_results_of_tools_are_counted_apart(store):
    result = ToolResult(
        message=ToolMessage("Sunny.", tool_call_id=""), tool="weather", seconds=1.0, created_at=NOW
    )
    put(store, "weather", result)
    put(store, "plain", entry())
    stats = cache_stats(store)
    assert (stats.entries, stats.tool_results, stats.by_meaning) == (2, 1, 1)
    assert (stats.tools.most, stats.models.most) == ({"weather": 1}, {"small": 1})


def test_the_statistics_know_ages_checks_labels_and_breaches(store):
    put(store, "old", entry(created_at=1000.0, expires_at=2000.0, checked=30))
    put(store, "new", entry(expires_at=time.time() + 1000, checked=10, differing=1))
    store.batch([label("a?", "b?", same=True, tenant=""), label("a?", "c?", same=False, tenant="")])
    put_breach(store)
    stats = cache_stats(store)
    assert stats.expired == 1
    assert (stats.oldest.timestamp(), stats.newest.timestamp()) == (1000.0, pytest.approx(NOW))
    assert (stats.checked, stats.differing) == (40, 1)
    assert 1 / 40 < stats.differing_upper < 0.25
    assert (stats.labels_same, stats.labels_different) == (1, 1)
    (breach,) = stats.breaches
    assert (breach.fingerprint, breach.checked, breach.differing) == ("rule", 40, 5)
    assert breach.at.timestamp() == pytest.approx(NOW)
    assert stats.entries == 2  # neither labels nor breaches are entries
    assert json.loads(json.dumps(stats.to_dict()))["breaches"][0]["at"] == breach.at.isoformat()


def test_only_the_commonest_names_are_given_and_all_are_counted(store):
    for number in range(30):
        put(store, f"{number}", entry(tenant=f"tenant {number}", tags=("every",)))
    put(store, "again", entry(tenant="tenant 29"))
    stats = cache_stats(store)
    assert (stats.tenants.distinct, len(stats.tenants.most)) == (30, 20)
    assert next(iter(stats.tenants.most.items())) == ("tenant 29", 2)


def test_what_another_version_wrote_is_counted_and_can_be_deleted(store):
    value = {"version": 99, "reply": "?", "tags": None, "created_at": "?", "expires_at": [], "checked": None}
    store.put(("llmops_cache", "f" * 64), "strange", value)
    assert cache_stats(store).entries == 1
    assert clear(store) == 1


def test_looking_prolongs_no_life_and_writes_nothing():
    operations = []

    class Recording(InMemoryStore):
        def batch(self, ops):
            ops = list(ops)
            operations.extend(ops)
            return super().batch(ops)

    store = filled(Recording())
    operations.clear()
    cache_stats(store)
    invalidate(store, tenant="acme", dry_run=True)
    read_labels(store)
    assert operations
    assert all(isinstance(one, SearchOp) and not one.refresh_ttl for one in operations)


CRITERIA = [
    ({"tag": "prices"}, {"exact", "acme"}),
    ({"tenant": "acme"}, {"acme", "other tenant"}),
    ({"tenant": ""}, {"plain", "exact", "other model"}),
    ({"model": "large"}, {"other model", "other tenant"}),
    ({"corpus_version": "7"}, {"other model"}),
    ({"partition": "b" * 64}, {"other model", "other tenant"}),
    ({"partition": "b" * 16}, {"other model", "other tenant"}),
    ({"tenant": "acme", "tag": "prices"}, {"acme"}),
    ({"tenant": "acme", "model": "large", "partition": "b" * 16}, {"other tenant"}),
    ({"tenant": "acme", "corpus_version": "7"}, set()),
    ({"tag": "nothing has it"}, set()),
]


@pytest.mark.parametrize(("criteria", "meant"), CRITERIA)
def test_what_is_invalidated_is_that_of_which_everything_given_holds(store, criteria, meant):
    before = keys(filled(store))
    assert invalidate(store, **criteria, dry_run=True) == len(meant)
    assert keys(store) == before
    assert invalidate(store, **criteria) == len(meant)
    assert keys(store) == before - meant


NAMES = st.sampled_from(["", "a", "b"])
FIELDS = st.fixed_dictionaries({"tenant": NAMES, "model": NAMES, "corpus_version": NAMES})


@given(
    stored=st.lists(st.tuples(FIELDS, st.sets(NAMES)), max_size=20),
    wanted=st.dictionaries(st.sampled_from(["tenant", "model", "corpus_version", "tag"]), NAMES, min_size=1),
)
def test_nothing_else_is_invalidated_whatever_is_stored(stored, wanted):
    store = InMemoryStore()
    meant = set()
    for number, (fields, tags) in enumerate(stored):
        put(store, f"{number}", entry(**fields, tags=tuple(tags)))
        if all(value in tags if name == "tag" else fields[name] == value for name, value in wanted.items()):
            meant.add(f"{number}")
    before = keys(store)
    assert invalidate(store, **wanted) == len(meant)
    assert keys(store) == before - meant


def test_a_tenants_labels_go_with_the_tenant_and_no_others(store):
    filled(store)
    store.batch([label("a?", "b?", same=True, tenant="acme"), label("c?", "d?", same=True, tenant="")])
    assert invalidate(store, tenant="acme") == 2
    assert [pair.a for pair in read_labels(store)] == ["c?"]
    invalidate(store, model="small")
    assert [pair.a for pair in read_labels(store)] == ["c?"]


@pytest.mark.parametrize(
    ("criteria", "field"),
    [
        ({}, "invalidate"),
        ({"dry_run": True}, "invalidate"),
        ({"tenant": 7}, "tenant"),
        ({"partition": "abc"}, "partition"),
        ({"partition": "B" * 64}, "partition"),
        ({"partition": ""}, "partition"),
    ],
)
def test_criteria_that_mean_nothing_are_refused_and_nothing_is_deleted(store, criteria, field):
    before = keys(filled(store))
    with pytest.raises(ConfigurationError, match=f"^{field}: "):
        invalidate(store, **criteria)
    assert keys(store) == before


class PrefixIsText(InMemoryStore):
    """A store to which ("a",) is a prefix of ("ab",) too, as it is where SQL's LIKE searches."""

    def batch(self, ops):
        ops = list(ops)
        widened = [SearchOp((), op.filter, 10_000) if isinstance(op, SearchOp) else op for op in ops]
        return [
            [item for item in result if ".".join(item.namespace).startswith(".".join(op.namespace_prefix))][
                op.offset : op.offset + op.limit
            ]
            if isinstance(op, SearchOp)
            else result
            for op, result in zip(ops, super().batch(widened), strict=True)
        ]


@pytest.mark.parametrize("make", [InMemoryStore, PrefixIsText, lambda: LocalStore(":memory:")])
def test_clearing_deletes_all_of_the_cache_and_nothing_else(make):
    store = filled(make())
    store.batch([label("a?", "b?", same=True, tenant="acme")])
    put_breach(store)
    for namespace in [("memories",), ("llmops_cache_of_mine", "x"), ("x", "llmops_cache")]:
        store.put(namespace, "mine", entry(tenant="acme", tags=("prices",)).to_value())
    assert invalidate(store, tag="prices") == 2
    assert cache_stats(store).entries == 3
    assert clear(store) == 3
    assert keys(store) == {"mine"}
    assert len(store.search((), limit=100)) == 3


def test_nobodys_expired_answer_stays_in_the_file(tmp_path):
    store = LocalStore(tmp_path / "cache.db")
    store.put(("llmops_cache", "a" * 64), "gone", entry(tenant="acme").to_value(), ttl=0.0001)
    time.sleep(0.02)
    assert invalidate(store, tenant="acme") == 0  # no reader sees it
    with sqlite3.connect(tmp_path / "cache.db") as connection:
        assert connection.execute("SELECT count(*) FROM llmops_store_items").fetchone() == (0,)
    store.close()


def test_resuming_forgets_breaches_and_nothing_else(store):
    before = keys(filled(store))
    put_breach(store, "one")
    put_breach(store, "two")
    assert resume(store) == 2
    assert resume(store) == 0
    assert keys(store) == before


@pytest.mark.parametrize("name", ["pairs.jsonl", "pairs.jsonl.gz"])
def test_labels_are_exported_as_calibration_reads_them(store, tmp_path, name):
    store.batch(
        [
            label("Où est-il?", "Where is it?", same=True, tenant="acme"),
            label("Where is it?", "Where is she?", same=False, tenant=""),
            label("Where is it?", "", same=False, tenant=""),  # of no use to calibration
        ]
    )
    assert export_labels(store, tmp_path / name) == 2
    assert {(pair.a, pair.b, pair.same) for pair in read_pairs(tmp_path / name)} == {
        ("Où est-il?", "Where is it?", True),
        ("Where is it?", "Where is she?", False),
    }
    assert name.endswith(".gz") == (_starts(tmp_path / name) == gzip.compress(b"")[:2])


def _starts(path):
    return path.read_bytes()[:2]


def test_without_labels_no_file_is_written(store, tmp_path):
    with pytest.raises(ConfigurationError, match=r"^store: holds no labels yet"):
        export_labels(store, tmp_path / "pairs.jsonl")
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_written_is_named(store, tmp_path):
    store.batch([label("a?", "b?", same=True, tenant="")])
    with pytest.raises(ConfigurationError, match=r"^out: .*pairs\.jsonl cannot be written"):
        export_labels(store, tmp_path / "no folder" / "pairs.jsonl")


@pytest.fixture
def pages_of_four(monkeypatch):
    monkeypatch.setattr(scan_module, "_PAGE", 4)


class Busy(InMemoryStore):
    """A store to which something happens between two readings."""

    def __init__(self, happenings):
        super().__init__()
        self.happenings = iter(happenings)

    def batch(self, ops):
        ops = list(ops)
        results = super().batch(ops)
        if any(isinstance(op, SearchOp) for op in ops):
            super().batch(next(self.happenings, []))
        return results


def numbered(store, count):
    for number in range(count):
        put(store, f"{number:02d}", entry(tags=("all",)))
    return store


def deleted(*numbers):
    return [PutOp(("llmops_cache", "a" * 64), f"{number:02d}", None) for number in numbers]


@pytest.mark.parametrize(
    "happenings",
    [
        [],
        [deleted(0, 1, 2)],
        [deleted(0), [], deleted(1, 2, 3, 4, 5)],
        [[], deleted(0, 1, 2, 3, 4, 5, 6)],
        [deleted(*range(20))],
    ],
)
def test_nothing_is_overlooked_while_others_delete(pages_of_four, happenings):
    store = numbered(Busy(happenings), 20)
    visited = []
    run(scan(store, ("llmops_cache",), lambda item: visited.append(item.key)))
    assert keys(store) <= set(visited)
    assert len(visited) == len(set(visited))


def test_what_is_written_meanwhile_is_invalidated_too(pages_of_four):
    late = PutOp(("llmops_cache", "a" * 64), "late", entry(tags=("all",)).to_value())
    store = numbered(Busy([[], [], [], [late]]), 10)
    assert invalidate(store, tag="all") == 11
    assert not keys(store)


def test_it_ends_although_others_never_stop_writing(pages_of_four):
    def writing():
        number = 100
        while True:
            number += 1
            key = f"{number}"
            yield [PutOp(("llmops_cache", "a" * 64), key, entry(tags=("all",)).to_value())]

    store = numbered(Busy(writing()), 10)
    assert invalidate(store, tag="all") >= 10
    assert not {f"{number:02d}" for number in range(10)} & keys(store)


class OneVector(Embeddings):
    """To which all texts are alike."""

    def embed_documents(self, texts):
        return [[1.0, 0.0] for _ in texts]

    def embed_query(self, text):
        return [1.0, 0.0]


def test_a_check_that_was_under_way_brings_no_invalidated_answer_back():
    semantic = SemanticTier(
        embeddings=OneVector(), threshold=0.5, guards=(), recheck_share=1.0, same_answer=_same
    )
    cache = CacheMiddleware(
        LocalStore(":memory:", index={"dims": 2, "embed": OneVector(), "fields": ["question"]}),
        semantic=semantic,
        tenant="acme",
    )
    store = cache.cache.store

    def forgotten(messages):
        assert invalidate(store, tenant="acme") == 1
        return "There."

    model = with_middleware(ScriptedChatModel(replies=["There.", forgotten]), cache)
    model.invoke([HumanMessage("Where is it?")])
    assert model.invoke([HumanMessage("Where is that?")]).response_metadata["llmops_cache"] == "semantic"
    assert BACKGROUND.drain(10)
    assert not keys(store)


def _same(request, replies):
    yield from ()
    return Verdict(outcome="accept", reason="they say the same")
