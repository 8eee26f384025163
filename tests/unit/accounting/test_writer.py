"""The background writer: bounded, never blocking, and lossless as long as the database takes rows."""

import threading
import time
from datetime import timedelta

import pytest

from llmops_plugins.accounting import writer as writer_module
from llmops_plugins.accounting.batch import Batch
from llmops_plugins.accounting.bookkeeper import Bookkeeper
from llmops_plugins.accounting.observed import ObservedCall, Run, RunTree
from llmops_plugins.accounting.writer import Leftover, Writer
from llmops_plugins.models.prices import PriceBook
from llmops_plugins.storage.database import CALLS, LOSSES, open_engine


def call(number=0, ended=True):
    run_id = f"run-{number}"
    return ObservedCall(
        run_id=run_id,
        parent_id=None,
        run=Run(RunTree(run_id)),
        messages=[],
        metadata={},
        parameters={},
        started_at=1_000.0,
        started_clock=0.0,
        ended_clock=1.0 if ended else None,
        error=ValueError() if ended else None,
    )


@pytest.fixture
def engine(tmp_path):
    return open_engine(f"sqlite:///{tmp_path}/ledger.db")


@pytest.fixture
def open_writer(engine):
    def open_one(**settings):
        return Writer(
            engine,
            lambda: Bookkeeper(prices=PriceBook()),
            **{"content_retention": timedelta(days=1), "max_queue": 1_000, **settings},
        )

    return open_one


def written(engine, table=CALLS):
    with engine.connect() as connection:
        return list(connection.execute(table.select()))


def test_a_flush_makes_everything_before_it_durable(open_writer, engine):
    writer = open_writer()
    for number in range(100):
        writer.put(call(number))
    assert writer.flush()
    assert len(written(engine)) == 100
    assert writer.unkept == 0


def test_rows_are_written_without_a_flush_too(open_writer, engine):
    writer = open_writer()
    assert writer.flush()
    writer.put(call())
    deadline = time.monotonic() + 10
    while not written(engine) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(written(engine)) == 1


def test_putting_takes_no_time_whatever_the_database_does(open_writer, engine, monkeypatch):
    held = threading.Event()
    monkeypatch.setattr(writer_module.RowStore, "write", lambda *a, **k: held.wait(10) and 0)
    writer = open_writer(max_queue=100)
    started = time.perf_counter()
    for number in range(500):
        writer.put(call(number))
    assert time.perf_counter() - started < 5.0  # of the 10 that the database takes
    assert not writer.flush(timeout=0.05)
    held.set()


def test_what_does_not_fit_the_queue_is_counted(open_writer, engine, monkeypatch):
    monkeypatch.setattr(writer_module, "_LINGER", 10.0)
    writer = open_writer(max_queue=10)
    for number in range(50):
        writer.put(call(number))
    assert writer.flush()
    assert writer.flush()
    assert len(written(engine)) + sum(loss.calls for loss in written(engine, LOSSES)) == 50
    assert writer.unkept == 0


class TestLeftovers:
    def test_a_call_given_up_after_its_grace_is_written(self, open_writer, engine, monkeypatch):
        monkeypatch.setattr(writer_module, "_GRACE_SECONDS", 0.0)
        writer = open_writer()
        writer.put(Leftover([call(ended=False)], lambda one: True))
        assert writer.flush()
        assert [row.status for row in written(engine)] == ["refused"]

    def test_one_that_ended_meanwhile_is_not(self, open_writer, engine, monkeypatch):
        monkeypatch.setattr(writer_module, "_GRACE_SECONDS", 0.0)
        writer = open_writer()
        writer.put(Leftover([call(ended=False)], lambda one: False))
        assert writer.flush()
        assert written(engine) == []

    def test_within_its_grace_it_may_still_end(self, open_writer, engine):
        writer = open_writer()
        writer.put(Leftover([call(ended=False)], lambda one: True))
        assert writer.flush()
        assert written(engine) == []


class TestBatch:
    def test_a_row_replaced_before_it_was_written_is_dropped(self):
        batch = Batch(calls=[{"call_id": "a"}, {"call_id": "b"}])
        batch.extend(Batch(calls=[{"call_id": "c"}], replaced=["a"]))
        assert [row["call_id"] for row in batch.calls] == ["b", "c"]
        assert batch.replaced == ["a"]

    def test_shedding_drops_the_oldest_and_counts_calls(self):
        batch = Batch(calls=[{"call_id": n} for n in range(5)], decisions=[{}] * 5)
        assert batch.shed(3) == 2
        assert [row["call_id"] for row in batch.calls] == [2, 3, 4]
        assert len(batch.decisions) == 3


def test_what_is_put_while_it_stops_is_written_once_by_one_thread(open_writer, engine, monkeypatch):
    writing, held, together = threading.Event(), threading.Event(), []
    lock, write = threading.Lock(), writer_module.RowStore.write

    def slow(self, batch, **settings):
        if self is not writer._store:  # one that an earlier test left open
            return write(self, batch, **settings)
        together.append(lock.acquire(blocking=False))
        try:
            writing.set()
            held.wait(10)
            return write(self, batch, **settings)
        finally:
            if together[-1]:
                lock.release()

    writer = open_writer()
    monkeypatch.setattr(writer_module.RowStore, "write", slow)
    writer.put(call(0))
    stopping = threading.Thread(target=writer.stop)
    stopping.start()
    assert writing.wait(10)
    for number in range(1, 6):
        writer.put(call(number))
    time.sleep(1.5)  # another thread would have written by now
    held.set()
    stopping.join(10)
    assert writer.flush()
    assert len(written(engine)) == 6
    assert written(engine, LOSSES) == []
    assert all(together)


def test_what_is_put_at_any_moment_of_stopping_is_written(open_writer, engine):
    writer = open_writer()
    for number in range(50):
        writer.put(call(2 * number))
        stopping = threading.Thread(target=writer.stop)
        stopping.start()
        writer.put(call(2 * number + 1))
        stopping.join(10)
    assert writer.flush()
    assert len(written(engine)) == 100
