"""Replies of another process that were not written yet when they were looked up are looked for again."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import event, select

from llmops_plugins.accounting import reply_lookups
from llmops_plugins.accounting.batch import Batch
from llmops_plugins.accounting.bookkeeper import Bookkeeper
from llmops_plugins.accounting.earlier_replies import EarlierReplies
from llmops_plugins.accounting.observed import RootEnded
from llmops_plugins.accounting.row_store import RowStore
from llmops_plugins.accounting.writer import Writer
from llmops_plugins.storage.database import CALLS, DECISIONS, open_engine
from tests.unit.accounting.test_bookkeeper import PRICES, call, decision
from tests.unit.accounting.test_charges import REPLY_USD, of, resumed, started


@pytest.fixture
def engine(tmp_path):
    opened = open_engine(f"sqlite:///{tmp_path}/ledger.db")
    yield opened
    opened.dispose()


class Process:
    """A process that writes the ledger's database."""

    def __init__(self, engine):
        self.books, self.store = Bookkeeper(prices=PRICES), RowStore(engine, timedelta(days=1))

    def write(self, *events, at_once=False):
        for one in events:
            self.books.note(one)
        batch = self.books.take(unfinished=True)
        self.store.write(batch, lost=0, reason=None, at_once=at_once)


def asked(*names):
    run = started(thread="1")
    return [*(of("1", call(name, run)) for name in names), RootEnded(run.tree, {}, 2.0)]


def rejecting(*names):
    return of("1", decision(resumed(), [f"message-{name}" for name in names], None))


def spent(engine):
    with engine.connect() as connection:
        return list(connection.scalars(select(DECISIONS.c.spent_usd)))


def rejected(engine):
    with engine.connect() as connection:
        return dict(connection.execute(select(CALLS.c.run_id, CALLS.c.rejected)).all())


@pytest.fixture(params=["in time", "flushed"])
def look(request, monkeypatch):
    """Say how the second process comes to look again."""
    if request.param == "in time":
        monkeypatch.setattr(reply_lookups, "_FIRST_WAIT", 0.0)
    return {"at_once": request.param == "flushed"}


def test_what_is_written_after_it_was_asked_for_is_charged_and_rejected(engine, look):
    first, second = Process(engine), Process(engine)
    second.write(rejecting("x"))
    assert spent(engine) == [None]
    first.write(*asked("x"))
    for _ in range(2):  # again is as once
        second.write(**look)
        assert spent(engine) == [pytest.approx(REPLY_USD)]
        assert rejected(engine) == {"x": True}
    assert second.store.waiting == 0


def test_what_is_written_bit_by_bit_is_charged_once_it_is_all_there(engine, look):
    first, second = Process(engine), Process(engine)
    first.write(*asked("x"))
    second.write(rejecting("x", "y"))
    assert (spent(engine), rejected(engine)) == ([None], {"x": True})
    second.write(**look)
    first.write(*asked("y"))
    second.write(**look)
    assert spent(engine) == [pytest.approx(2 * REPLY_USD)]
    assert rejected(engine) == {"x": True, "y": True}


def test_it_is_not_asked_for_in_every_round(engine):
    second = Process(engine)
    second.write(rejecting("x"))
    statements = []
    event.listen(engine, "before_cursor_execute", lambda *found: statements.append(found[2]))
    second.write()
    assert [one for one in statements if "FROM llmops_calls" in one] == []
    assert second.store.waiting == 1


def test_what_is_never_written_is_given_up_and_stays_unknown(engine, monkeypatch):
    monkeypatch.setattr(reply_lookups, "_GIVE_UP_AFTER", 0.0)
    first, second = Process(engine), Process(engine)
    second.write(rejecting("x"))
    assert second.store.waiting == 0
    first.write(*asked("x"))
    second.write(at_once=True)
    assert spent(engine) == [None]


def test_what_is_waited_for_is_bounded(engine, monkeypatch):
    monkeypatch.setattr(reply_lookups, "_MAX_WAITING", 3)
    first, second = Process(engine), Process(engine)
    for number in range(10):
        second.write(rejecting(f"x{number}"))
    assert second.store.waiting == 3
    first.write(*asked("x0", "x9"))
    second.write(at_once=True)
    assert rejected(engine) == {"x0": False, "x9": True}


def test_an_answer_that_comes_out_later_is_waited_for_too(engine):
    store, first = RowStore(engine, timedelta(days=1)), Process(engine)
    store.write(Batch(earlier=[EarlierReplies(thread_id="1", answer="message-x")]), lost=0, reason=None)
    first.write(*asked("x"))
    store.write(Batch(), lost=0, reason=None, at_once=True)
    with engine.connect() as connection:
        assert list(connection.execute(select(CALLS.c.kind, CALLS.c.hidden))) == [("answer", False)]


def test_a_database_that_is_gone_when_it_is_asked_again_is_asked_once_more(engine):
    first, second = Process(engine), Process(engine)
    second.write(rejecting("x"))
    first.write(*asked("x"))

    def refuse(connection):
        raise OSError("gone")

    event.listen(engine, "begin", refuse)
    with pytest.raises(OSError, match="gone"):
        second.write(at_once=True)
    event.remove(engine, "begin", refuse)
    second.write(at_once=True)
    assert spent(engine) == [pytest.approx(REPLY_USD)]


def test_the_writer_looks_again_of_itself(engine):
    first = Process(engine)
    writer = Writer(
        engine, lambda: Bookkeeper(prices=PRICES), content_retention=timedelta(days=1), max_queue=100
    )
    try:
        writer.put(rejecting("x"))
        assert writer.flush()
        first.write(*asked("x"))
        for _ in range(200):
            if spent(engine) != [None]:
                break
            threading.Event().wait(0.1)
        assert spent(engine) == [pytest.approx(REPLY_USD)]
    finally:
        writer.stop()
