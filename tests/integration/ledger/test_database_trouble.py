"""Whatever happens to the database, the app goes on, is warned once, and what was lost is counted."""

import logging
import sqlite3

import pytest
from langchain_core.messages import AIMessage
from sqlalchemy import event

from llmops_plugins.accounting import row_store, writer


@pytest.fixture
def warnings(caplog):
    caplog.set_level(logging.WARNING, logger="llmops_plugins")
    return lambda: [r for r in caplog.records if r.name.startswith("llmops_plugins")]


def use(books, model, times=3):
    for _ in range(times):
        assert model("large", "hello").invoke("hi", books.config).text == "hello"


class TestUnavailable:
    def test_a_directory_that_does_not_exist(self, open_books, model, tmp_path, warnings):
        path = tmp_path / "missing" / "ledger.db"
        books = open_books(f"sqlite:///{path}")
        use(books, model)
        assert not books.ledger.flush()
        assert not books.ledger.flush()
        assert len(warnings()) == 1
        assert "unable to open" in warnings()[0].getMessage()
        assert books.ledger.report().totals.lost_calls == 3

        path.parent.mkdir()  # it comes back: what is still held is written
        assert books.ledger.flush()
        assert len(books.calls) == 3
        assert books.ledger.report().totals.lost_calls == 0

    def test_a_read_only_file(self, open_books, model, tmp_path, warnings):
        path = tmp_path / "ledger.db"
        first = open_books(f"sqlite:///{path}")
        use(first, model, times=1)
        first.ledger.close()
        books = open_books(f"sqlite:///file:{path}?mode=ro&uri=true")
        use(books, model)
        assert not books.ledger.flush()
        assert len(warnings()) == 1
        report = books.ledger.report()
        assert (report.totals.calls, report.totals.lost_calls) == (1, 3)

    def test_a_file_that_is_not_a_database(self, open_books, model, tmp_path, warnings):
        path = tmp_path / "ledger.db"
        path.write_bytes(b"not a database, and long enough to look like a header" * 20)
        books = open_books(f"sqlite:///{path}")
        use(books, model)
        assert not books.ledger.flush()
        assert len(warnings()) == 1
        assert path.read_bytes().startswith(b"not a database")

    def test_a_locked_database(self, books, model, tmp_path, warnings):
        use(books, model, times=1)
        assert books.ledger.flush()
        lock = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        use(books, model)
        assert not books.ledger.flush(timeout=0.2)
        lock.execute("ROLLBACK")
        assert len(books.calls) == 4

    def test_a_full_disk_and_room_again(self, books, model, warnings, monkeypatch):
        monkeypatch.setattr(writer, "_LINGER", 60.0)  # all sixty in one transaction, however long they take
        use(books, model, times=1)
        assert books.ledger.flush()
        pages = {"limit": 1}  # means: no more than it has

        @event.listens_for(books.ledger.engine, "checkout")
        def limit(connection, _record, _proxy):
            connection.execute(f"PRAGMA max_page_count={pages['limit']}")

        use(books, model, times=60)
        assert not books.ledger.flush()
        assert "full" in warnings()[0].getMessage()
        assert len(warnings()) == 1
        assert books.ledger.report().totals.lost_calls == 60

        pages["limit"] = 1_000_000
        assert len(books.calls) == 61
        assert books.ledger.report().totals.lost_calls == 0


def test_what_is_beyond_the_limit_is_lost_counted_and_said(open_books, model, tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "_MAX_UNWRITTEN", 5)
    path = tmp_path / "missing" / "ledger.db"
    books = open_books(f"sqlite:///{path}")
    use(books, model, times=8)
    assert not books.ledger.flush()
    assert books.ledger.report().totals.lost_calls == 8  # five are held, but not in the books
    path.parent.mkdir()
    assert books.ledger.flush()
    assert len(books.calls) == 5
    assert [(loss.calls, "unable to open" in loss.reason) for loss in books.losses] == [(3, True)]
    assert books.ledger.report().totals.lost_calls == 3


def test_a_full_queue_is_a_loss_and_not_a_wait(open_books, model, monkeypatch):
    monkeypatch.setattr(writer, "_LINGER", 10.0)
    books = open_books(max_queue=10)
    use(books, model, times=30)
    assert len(books.calls) + sum(loss.calls for loss in books.losses) == 30
    assert len(books.calls) >= 10


def test_a_row_that_the_database_does_not_take_costs_no_other(books, model):
    bad = 2**70
    usage = {"input_tokens": bad, "output_tokens": 1, "total_tokens": bad}
    use(books, model, times=2)
    model("large", AIMessage("huge", usage_metadata=usage)).invoke("hi", books.config)
    assert len(books.calls) == 2
    assert books.ledger.flush()
    assert [loss.calls for loss in books.losses] == [1]


def test_strange_values_are_kept_as_what_json_can_hold(books, model):
    metadata = {"tenant": "a\ud800b", "ratio": float("nan"), "count": 3, "thread_id": "\udfff"}
    model("large", "hello\ud800").invoke("hi\ud800", {**books.config, "metadata": metadata})
    (call,) = books.calls
    assert call.user_metadata == {"tenant": "a?b", "ratio": None, "count": 3}
    assert call.thread_id == "?"


def test_a_file_that_was_deleted_is_made_again(open_books, model, tmp_path, monkeypatch):
    books = open_books()
    use(books, model, times=1)
    assert books.ledger.flush()
    books.ledger.engine.dispose()
    for file in tmp_path.iterdir():
        file.unlink()
    use(books, model, times=2)
    books.ledger.flush()  # finds no table
    assert books.ledger.flush()
    assert len(books.calls) == 2


def test_the_writer_does_not_die_of_an_error_of_its_own(books, model, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(row_store.RowStore, "write", fail)
        use(books, model)
        assert not books.ledger.flush()
    assert books.ledger.flush()
    assert len(books.calls) == 3
