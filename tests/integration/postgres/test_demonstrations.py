"""Demonstrations on LangGraph's own store for PostgreSQL, with pgvector, shared by users at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from langchain_core.messages import HumanMessage

from llmops_plugins.hierarchy.assistant import Assistant
from llmops_plugins.hierarchy.demonstrations.administration import all_demonstrations
from llmops_plugins.hierarchy.demonstrations.demonstration import Evidence
from llmops_plugins.hierarchy.demonstrations.store import DemonstrationStore
from llmops_plugins.hierarchy.feedback import record_feedback
from llmops_plugins.hierarchy.graph import create_hierarchy
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.later_feedback import LaterFeedback
from tests.unit.caching.fakes import DIMENSIONS, WordEmbeddings

WARM = "How warm is it in Oslo?"


@pytest.fixture
def postgres(database):
    from langgraph.store.postgres import PostgresStore

    index = {"dims": DIMENSIONS, "embed": WordEmbeddings(), "fields": ["question"]}
    pool = {"min_size": 1, "max_size": 8}
    with PostgresStore.from_conn_string(database, index=index, pool_config=pool) as store:
        store.setup()
        yield store


def added(store, user, question=WARM):
    judged = Evidence(kind="human", source="support")
    return store.add(question, "print(3)", user=user, assistant="large", model="m", evidence=judged)


def test_what_users_solve_at_once_is_shared_once(postgres):
    store = DemonstrationStore(postgres, tenant="acme", confirmations=2)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: added(store, f"user {number % 4}"), range(24)))
    assert [one.solution for one in store.recall(WARM, user="somebody else")] == ["print(3)"]
    assert len(all_demonstrations(postgres)) == 1


def test_one_users_own_stays_theirs_and_tenants_are_apart(postgres):
    store = DemonstrationStore(postgres, tenant="acme")
    added(store, "ann")
    assert store.recall(WARM, user="ann")
    assert store.recall(WARM, user="ben") == ()
    assert DemonstrationStore(postgres, tenant="globex").recall(WARM, user="ann") == ()


def test_votes_and_revocation_hold(postgres):
    store = DemonstrationStore(postgres, tenant="acme")
    key = added(store, "ann").demonstration.demonstration_id
    assert store.record_outcome([key], helped=True, user="ann") == 1
    assert (store.get(key).helped, store.get(key).tried) == (1, 1)
    assert store.revoke(key) == 1
    assert added(store, "ann").outcome == "revoked"


def test_feedback_finds_its_run(postgres):
    store = DemonstrationStore(postgres, tenant="acme")
    assistant = Assistant(name="a", runnable=ScriptedChatModel(replies=["3 degrees"]))
    graph = create_hierarchy([assistant], success=LaterFeedback(), demonstrations=store, user="ann")
    run_id = graph.invoke({"messages": [HumanMessage(WARM)]})["run_id"]
    record_feedback(store, run_id, resolved=True)
    assert [one.solution for one in store.recall(WARM, user="ann")] == ["3 degrees"]
