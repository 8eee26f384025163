"""The cache on LangGraph's own store for PostgreSQL, with pgvector, shared by processes."""

import asyncio
import contextlib

import pytest

from llmops_plugins import with_middleware
from llmops_plugins.background import BACKGROUND
from llmops_plugins.caching.middleware import CacheMiddleware
from tests.unit.caching.fakes import DIMENSIONS, IN_OTHER_WORDS, QUESTION, UNLIKE, scripted, semantic
from tests.unit.caching.store_scenario import OnAnyStore


def index_of(tier):
    return {"dims": DIMENSIONS, "embed": tier.embeddings, "fields": ["question"]}


class TestPostgresStore(OnAnyStore):
    @pytest.fixture
    def store_of(self, database):
        from langgraph.store.postgres import PostgresStore

        with contextlib.ExitStack() as opened:

            def build(tier):
                pool = {"min_size": 1, "max_size": 4}
                store = opened.enter_context(
                    PostgresStore.from_conn_string(database, index=index_of(tier), pool_config=pool)
                )
                store.setup()
                return store

            yield build
            BACKGROUND.drain()


def test_the_asynchronous_store_serves_an_event_loop(database):
    from langgraph.store.postgres import AsyncPostgresStore

    async def ask():
        tier = semantic()
        async with AsyncPostgresStore.from_conn_string(database, index=index_of(tier)) as store:
            await store.setup()
            model = scripted("Berlin.", "Poe.")
            chat = with_middleware(model, CacheMiddleware(store, semantic=tier))
            questions = (QUESTION, QUESTION, IN_OTHER_WORDS, UNLIKE)
            return [(await chat.ainvoke(question)).text for question in questions]

    assert asyncio.run(ask()) == ["Berlin.", "Berlin.", "Berlin.", "Poe."]


def test_a_server_that_goes_away_costs_nothing_but_hits(database):
    from langgraph.store.postgres import PostgresStore

    tier = semantic()
    with PostgresStore.from_conn_string(database, index=index_of(tier)) as store:
        store.setup()
        model = scripted("one", "two")
        chat = with_middleware(model, CacheMiddleware(store, semantic=tier))
        assert chat.invoke(QUESTION).text == "one"
        store.conn.close()
        assert chat.invoke(QUESTION).text == "two"
