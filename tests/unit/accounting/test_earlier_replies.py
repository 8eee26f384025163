"""Calls that another process wrote, put right once more is known."""

from datetime import timedelta

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import DataError, InterfaceError, OperationalError

from llmops_plugins.accounting.batch import Batch
from llmops_plugins.accounting.earlier_replies import EARLIER_REPLIES, EarlierReplies, settle
from llmops_plugins.accounting.ledger import CostLedger
from llmops_plugins.accounting.row_store import RowStore
from llmops_plugins.accounting.spending import Spending
from llmops_plugins.storage.database import CALLS, open_engine
from llmops_plugins.testing import ScriptedChatModel

CONFIG = {"metadata": {"thread_id": "1"}}


@pytest.fixture
def written(tmp_path):
    """Return an engine of a ledger with one call in it, and the id of the call's reply."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    ledger = CostLedger(url)
    reply = ScriptedChatModel(replies=["hello"]).invoke("hi", {**CONFIG, "callbacks": [ledger]})
    ledger.close()
    return open_engine(url), reply.id


def rejection(message_id, **fields):
    return EarlierReplies(**{"thread_id": "1", "paid": [message_id], "rejected": [message_id], **fields})


def judged(engine):
    with engine.connect() as connection:
        (row,) = connection.execute(select(CALLS))
    return row.kind, row.hidden, row.rejected


def write(engine, *earlier):
    RowStore(engine, timedelta(days=1)).write(Batch(earlier=list(earlier)), lost=0, reason=None)


def test_it_is_corrected_and_again_is_as_once(written):
    engine, message_id = written
    for _ in range(2):
        write(engine, rejection(message_id))
        assert judged(engine) == ("answer", True, True)


@pytest.mark.parametrize("fields", [{"thread_id": "2"}, {"rejected": ["another"]}, {"rejected": []}])
def test_nothing_else_is(written, fields):
    engine, message_id = written
    write(engine, rejection(message_id, **fields))
    assert judged(engine) == ("answer", False, False)


def test_ids_are_values_and_never_part_of_the_statement(written):
    engine, _ = written
    write(engine, rejection("' OR '1'='1", thread_id="1' OR '1'='1"))
    assert judged(engine) == ("answer", False, False)


@pytest.mark.parametrize(
    ("found", "other", "spent"), [(True, 2.0, None), (False, 2.0, None), (True, None, None)]
)
def test_what_a_decision_spent_is_unknown_where_a_part_is(written, found, other, spent):
    engine, message_id = written  # whose call has no price
    spending = Spending({}, known_usd=other, avoided_usd=5.0, waits_for=[EARLIER_REPLIES])
    settle(engine, rejection(message_id if found else "another", spending=spending))
    assert spending.row == {"spent_usd": None, "saved_usd": None}


def test_a_database_that_refuses_keeps_it_for_later(written):
    engine, message_id = written
    batch, store = Batch(earlier=[rejection(message_id)]), RowStore(engine, timedelta(days=1))

    def refuse(connection):
        raise OSError("gone")

    event.listen(engine, "begin", refuse)
    with pytest.raises(OSError, match="gone"):
        store.write(batch, lost=0, reason=None)
    event.remove(engine, "begin", refuse)
    store.write(batch, lost=0, reason=None)
    assert judged(engine) == ("answer", True, True)


def refuse(engine, error, value):
    """Have every statement with a value in it refused; return what ends that."""

    def check(connection, cursor, statement, parameters, context, executemany):
        if value in repr(parameters):
            raise error(statement, None, ValueError("no"), connection_invalidated=error is InterfaceError)

    event.listen(engine, "before_cursor_execute", check)
    return lambda: event.remove(engine, "before_cursor_execute", check)


def test_an_id_that_the_database_does_not_take_is_dropped_and_the_others_are_settled(written):
    engine, message_id = written
    refuse(engine, DataError, "unfit")
    batch = Batch(earlier=[rejection("unfit"), rejection(message_id)])
    RowStore(engine, timedelta(days=1)).write(batch, lost=0, reason=None)
    assert batch.earlier == []
    assert judged(engine) == ("answer", True, True)


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_database_that_is_gone_while_it_is_asked_keeps_them(written, error):
    engine, message_id = written
    batch, store = Batch(earlier=[rejection(message_id)]), RowStore(engine, timedelta(days=1))
    comes_back = refuse(engine, error, message_id)
    with pytest.raises(error):
        store.write(batch, lost=0, reason=None)
    assert len(batch.earlier) == 1
    comes_back()
    store.write(batch, lost=0, reason=None)
    assert judged(engine) == ("answer", True, True)
