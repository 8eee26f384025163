"""What holds of the cache on every store: subclass :class:`OnAnyStore` and give it a fixture ``store_of``."""

import asyncio

import pytest

from llmops_plugins import CostLedger, with_middleware
from llmops_plugins.background import BACKGROUND
from llmops_plugins.caching.freshness import Freshness
from llmops_plugins.caching.labels import read_labels
from llmops_plugins.caching.middleware import CacheMiddleware
from llmops_plugins.caching.partition import ROOT
from llmops_plugins.models.registry import ModelRegistry, ModelSpec, Price
from tests.unit.caching.fakes import (
    IN_OTHER_WORDS,
    QUESTION,
    UNLIKE,
    Clock,
    WordEmbeddings,
    scripted,
    semantic,
    set_clock,
)

REGISTRY = ModelRegistry(
    [
        ModelSpec(name="large", prices=(Price(input=2.0, output=8.0, cache_read=0.2),)),
        ModelSpec(name="words", prices=(Price(input=1.0, output=0.0),)),
    ]
)
USAGE = {"input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100}
CALL_USD = 1000 * 2e-6 + 100 * 8e-6


def embedded_usd(text):
    return round(len(text) / 4) * 1e-6


class OnAnyStore:
    """The scenario; ``store_of(tier)`` makes an empty store that searches with a tier's embeddings."""

    def built(self, store_of, *replies, **settings):
        tier = semantic(settings.pop("embeddings", None), **settings.pop("tier", {}))
        middleware = CacheMiddleware(store_of(tier), semantic=tier, **settings)
        model = scripted(*(replies or ("Berlin.",)), model_name="large", usage=USAGE)
        return middleware, model, with_middleware(model, middleware)

    def test_exactly_and_by_meaning(self, store_of):
        _, model, chat = self.built(store_of, "Berlin.", "Poe.")
        assert [chat.invoke(one).text for one in (QUESTION, QUESTION, IN_OTHER_WORDS, UNLIKE)] == [
            "Berlin.",
            "Berlin.",
            "Berlin.",
            "Poe.",
        ]
        assert len(model.calls) == 2

    async def test_the_same_in_tasks(self, store_of):
        _, model, chat = self.built(store_of, "Berlin.", "Poe.")
        texts = [(await chat.ainvoke(one)).text for one in (QUESTION, QUESTION, IN_OTHER_WORDS, UNLIKE)]
        assert texts == ["Berlin.", "Berlin.", "Berlin.", "Poe."]
        assert len(model.calls) == 2

    def test_another_middleware_on_the_store_finds_what_was_kept_but_not_another_tenant(self, store_of):
        middleware, _, chat = self.built(store_of, tenant="ada")
        chat.invoke(QUESTION)
        for tenant, expected in {"ada": "Berlin.", "bob": "new"}.items():
            again = CacheMiddleware(middleware.cache.store, semantic=middleware.cache.semantic, tenant=tenant)
            model = scripted("new", model_name="large", usage=USAGE)
            for question in (QUESTION, IN_OTHER_WORDS):
                assert with_middleware(model, again).invoke(question).text == expected

    def test_savings_are_the_avoided_calls_price_net_of_embedding(self, store_of):
        _, _, chat = self.built(store_of, embeddings=WordEmbeddings())
        with CostLedger("sqlite://", registry=REGISTRY) as ledger:
            for question in (QUESTION, QUESTION, IN_OTHER_WORDS):
                chat.invoke(question)
            report = ledger.report()
        rows = {row.outcome: row for row in report.decisions}
        assert rows["exact_hit"].saved_usd == pytest.approx(CALL_USD)
        assert rows["exact_hit"].saved_basis == "measured"
        assert rows["semantic_hit"].saved_usd == pytest.approx(CALL_USD - embedded_usd(IN_OTHER_WORDS))
        assert rows["semantic_hit"].saved_basis == "estimated"
        assert report.totals.saved_measured_usd <= CALL_USD
        embedding = sum(embedded_usd(text) for text in (QUESTION, IN_OTHER_WORDS))
        assert report.totals.cost_usd == pytest.approx(CALL_USD + embedding, rel=0.02)  # hits were not spent

    def test_time_is_up(self, store_of):
        freshness = Freshness(minutes={"stable": 10.0})
        middleware, _, chat = self.built(store_of, "first", "second", freshness=freshness)
        clock = Clock()
        set_clock(middleware, clock)
        assert [chat.invoke(QUESTION).text for _ in range(2)] == ["first", "first"]
        clock.now += 601
        assert chat.invoke(IN_OTHER_WORDS).text == "second"

    def test_a_check_labels_the_pair_and_counts_for_the_entry(self, store_of):
        middleware, _, chat = self.built(store_of, tier={"recheck_share": 1.0})
        chat.invoke(QUESTION)
        chat.invoke(IN_OTHER_WORDS)
        assert BACKGROUND.drain()
        store = middleware.cache.store
        assert [(pair.a, pair.b, pair.same) for pair in read_labels(store)] == [
            (IN_OTHER_WORDS, QUESTION, True)
        ]
        counted = [item.value["checked"] for item in store.search((ROOT,)) if "reply" in item.value]
        assert counted == [1]

    def test_the_oldest_go(self, store_of):
        middleware, _, chat = self.built(store_of, max_entries=5)
        clock = Clock()
        set_clock(middleware, clock)
        for number in range(9):
            clock.now += 1
            chat.invoke(f"Who{number} said{number} that{number}?")
            assert BACKGROUND.drain()
        kept = middleware.cache.store.search((ROOT,), limit=50)
        assert 4 <= len(kept) <= 6
        assert min(item.value["created_at"] for item in kept) > clock.now - 6

    def test_garbage_in_the_store_is_no_answer(self, store_of):
        middleware, _, chat = self.built(store_of, "first", "second", "third", "fourth")
        chat.invoke(QUESTION)
        store = middleware.cache.store
        (item,) = store.search((ROOT,))
        garbage = [{"question": QUESTION}, {**item.value, "reply": [{"type": "ai"}]}, {"version": 1}]
        for value, fresh in zip(garbage, ("second", "third", "fourth"), strict=True):
            store.put(item.namespace, item.key, value)
            assert chat.invoke(QUESTION).text == fresh
        store.put(item.namespace, item.key, garbage[1])
        assert chat.invoke(IN_OTHER_WORDS).text == "first"  # asked: the script starts over

    def test_a_hundred_tasks_make_one_call(self, store_of):
        _, model, chat = self.built(store_of)

        async def ask():
            return await asyncio.gather(*(chat.ainvoke(QUESTION) for _ in range(100)))

        model.delay = 0.2
        assert {reply.text for reply in asyncio.run(ask())} == {"Berlin."}
        assert len(model.calls) == 1
