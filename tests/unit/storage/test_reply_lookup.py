"""Calls are found by their replies, within one conversation, and never guessed at."""

import pytest
from sqlalchemy import select, update

from llmops_plugins.accounting.ledger import CostLedger
from llmops_plugins.storage.database import CALLS, open_engine
from llmops_plugins.storage.reply_lookup import calls_of_replies
from llmops_plugins.testing import ScriptedChatModel


@pytest.fixture
def engine(tmp_path):
    url = f"sqlite:///{tmp_path}/ledger.db"
    ledger = CostLedger(url)
    for text in ("one", "two"):
        config = {"callbacks": [ledger], "metadata": {"thread_id": "1"}}
        ScriptedChatModel(replies=[text]).invoke("hi", config)
    ledger.close()
    opened = open_engine(url)
    yield opened
    opened.dispose()


def ids(engine, column):
    with engine.connect() as connection:
        return list(connection.scalars(select(column).order_by(CALLS.c.started_at)))


def test_a_call_is_found_by_its_reply(engine):
    (message_id, _), (call_id, _) = ids(engine, CALLS.c.message_id), ids(engine, CALLS.c.call_id)
    found = calls_of_replies(engine, "1", [message_id, "another"])
    assert {one: row["call_id"] for one, row in found.items()} == {message_id: call_id}


def test_not_one_of_another_conversation(engine):
    assert calls_of_replies(engine, "2", ids(engine, CALLS.c.message_id)) == {}


@pytest.mark.parametrize("values", [{"message_id": "same"}, {"message_id": "same", "status": "aborted"}])
def test_not_one_of_two_with_the_same_id_nor_one_that_did_not_end(engine, values):
    with engine.begin() as connection:
        connection.execute(update(CALLS).values(**values))
    assert calls_of_replies(engine, "1", ["same"]) == {}
