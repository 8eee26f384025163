"""What a decision is charged for: each reply once, of its own conversation, and whatever comes late."""

import dataclasses

import pytest
from langchain_core.messages import AIMessage
from langgraph.types import Command
from sqlalchemy import insert

from llmops_plugins.accounting.bookkeeper import Bookkeeper
from llmops_plugins.accounting.earlier_replies import settle
from llmops_plugins.accounting.observed import RootEnded, Run, RunTree
from llmops_plugins.storage.database import CALLS, create_tables, open_engine
from tests.unit.accounting.test_bookkeeper import PRICES, Database, call, decision, play

REPLY_USD = 15e-6


def started(name="a", thread=None, **fields):
    return Run(RunTree(name, {"thread_id": thread}, started_at=1.0, **fields))


def resumed(name="b", thread="1"):
    return started(name, thread, inputs=Command(resume=True))


def of(thread, observed):
    return dataclasses.replace(observed, metadata={**observed.metadata, "thread_id": thread})


def spent(events, flushes=()):
    return [row["spent_usd"] for row in play(events, flushes).decisions.values()]


def attempt(run_id, run, *attempts, **fields):
    return call(run_id, run, metadata={"llmops_attempt": list(attempts)}, **fields)


class TestAnotherConversationsReply:
    @pytest.mark.parametrize(
        ("theirs", "mine", "own"),
        [("1", "1", True), ("1", "2", False), ("1", None, False), (None, None, False)],
    )
    def test_is_neither_rejected_nor_charged(self, theirs, mine, own):
        run = started(thread=theirs)
        events = [
            of(theirs, call("x", run)),
            RootEnded(run.tree, {}, 2.0),
            of(mine, decision(resumed(thread=mine), ("message-x",), None)),
        ]
        database = play(events)
        assert database.judged()["x"][2] is own
        assert [row["spent_usd"] for row in database.decisions.values()] == [
            pytest.approx(REPLY_USD) if own else None
        ]

    @pytest.mark.parametrize(("mine", "kind"), [("1", "answer"), ("2", "other"), (None, "other")])
    def test_is_no_answer_of_this_one(self, mine, kind):
        run = started(thread="1")
        end = RootEnded(
            resumed(thread=mine).tree, {"messages": [AIMessage("hello", id="message-x")]}, 2_000.0
        )
        events = [of("1", call("x", run)), RootEnded(run.tree, {}, 2.0), end]
        assert play(events).judged()["x"][0] == kind

    @pytest.mark.parametrize(("mine", "kind"), [("1", "answer"), ("2", "other"), (None, "other")])
    def test_nor_where_a_graph_goes_on_without_anything_being_said_to_it(self, mine, kind):
        run = started(thread="1")
        end = RootEnded(
            started("b", mine, resumed=True).tree,
            {"messages": [AIMessage("hello", id="message-x")]},
            2_000.0,
        )
        events = [of("1", call("x", run)), RootEnded(run.tree, {}, 2.0), end]
        assert play(events).judged()["x"][0] == kind

    @pytest.mark.parametrize("run_id", ["x", "x\0y", "x" * 300])
    def test_one_of_the_same_tree_needs_no_conversation(self, run_id):
        run = started()
        events = [call(run_id, run), decision(run, (f"message-{run_id}",), None)]
        assert spent(events) == [pytest.approx(REPLY_USD)]


class TestAnAttemptOfAnotherProcess:
    @pytest.mark.parametrize("run", [resumed(), Run(RunTree("b", resumed=True))])
    def test_leaves_unknown_what_the_decision_spent(self, run):
        assert spent([decision(run, (), None, failed=["elsewhere"])]) == [None]

    def test_is_no_such_one_where_a_call_of_it_failed_here(self):
        before, after = started(), resumed()
        failed = attempt("x", before, "here", error=ConnectionError())
        assert spent([failed, decision(after, (), None, failed=["here"])]) == [0.0]

    def test_is_no_such_one_where_nothing_was_resumed(self):
        assert spent([decision(started(), (), None, failed=["without a call"])]) == [0.0]

    @pytest.mark.parametrize("flushes", [(), range(5)])
    def test_turns_out_to_be_of_this_one_once_a_late_call_of_it_ends(self, flushes):
        before, after = started(), resumed()
        events = [decision(after, (), None, failed=["here"]), attempt("x", before, "here")]
        assert spent(events, flushes) == [pytest.approx(REPLY_USD)]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_late_reply_counts_whether_it_comes_before_or_after_the_earlier_ones_are_looked_up(tmp_path, when):
    engine = open_engine(f"sqlite:///{tmp_path}/ledger.db")
    create_tables(engine)
    elsewhere = Bookkeeper(prices=PRICES)
    elsewhere.note(of("1", call("earlier", started(thread="1"))))
    with engine.begin() as connection:
        connection.execute(insert(CALLS), elsewhere.take(unfinished=True).calls)
    run, books, database = started("b", "1"), Bookkeeper(prices=PRICES), Database()
    books.note(of("1", decision(run, ("message-earlier",), None, failed=["late"])))
    batch = books.take(unfinished=True)
    if when == "before":
        books.note(attempt("x", run, "late"))
    for earlier in batch.earlier:
        settle(engine, earlier)
    engine.dispose()
    database.write(batch)
    if when == "after":
        books.note(attempt("x", run, "late"))
    database.write(books.take(unfinished=True))
    (decided,) = database.decisions.values()
    assert decided["spent_usd"] == pytest.approx(2 * REPLY_USD)


class TestAnAttemptWithinAnother:
    @pytest.mark.parametrize("when", ["in time", "late"])
    @pytest.mark.parametrize("flushes", [(), range(10)])
    def test_is_thrown_away_with_it(self, when, flushes):
        run = started()
        inner, verdict = attempt("x", run, "outer", "inner"), decision(run, (), None, failed=["outer"])
        events = [inner, verdict] if when == "in time" else [verdict, inner]
        database = play([*events, RootEnded(run.tree, {}, 2.0)], flushes)
        assert database.judged()["x"][2]
        assert [row["spent_usd"] for row in database.decisions.values()] == [pytest.approx(REPLY_USD)]

    @pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (1, 2, 0), (0, 2, 1)])
    def test_is_charged_once_though_both_failed(self, order):
        run = started()
        events = [
            attempt("x", run, "outer", "inner"),
            decision(run, (), None, failed=["inner"]),
            decision(run, (), None, failed=["outer"]),
        ]
        found = spent([events[place] for place in order])
        assert sorted(found) == [0.0, pytest.approx(REPLY_USD)]

    def test_a_judge_that_its_own_decision_paid_for_is_not_charged_again(self):
        run = started()
        events = [
            attempt("judge", run, "outer"),
            decision(run, ("message-judge",), None),
            decision(run, (), None, failed=["outer"]),
        ]
        assert spent(events) == [pytest.approx(REPLY_USD), 0.0]

    def test_nor_is_it_across_an_interrupt(self):
        before, after = started(thread="1"), resumed()
        events = [
            of("1", attempt("judge", before, "outer")),
            of("1", decision(before, ("message-judge",), None)),
            of("1", decision(after, (), None, failed=["outer"])),
        ]
        assert spent(events) == [pytest.approx(REPLY_USD), 0.0]
