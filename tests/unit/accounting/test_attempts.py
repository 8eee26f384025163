"""What came to nothing is charged to the decision that gave it up: cancelled calls too, each once."""

import asyncio

import pytest
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult

from llmops_plugins.accounting import attempts as attempts_module
from llmops_plugins.accounting.bookkeeper import Bookkeeper
from llmops_plugins.accounting.observed import RootEnded
from tests.unit.accounting.test_bookkeeper import PRICES, USAGE, Database, call, decision, play
from tests.unit.accounting.test_charges import REPLY_USD, attempt, of, resumed, spent, started

PROMPT_USD = 4e-6  # of a call of which only the prompt is known to have been sent


def cancelled(run_id, run, *attempts, **fields):
    return attempt(run_id, run, *attempts, error=asyncio.CancelledError(), **fields)


def without_id(run_id, run, *attempts):
    message = AIMessage("hello", usage_metadata=USAGE)
    return attempt(run_id, run, *attempts, result=LLMResult(generations=[[ChatGeneration(message=message)]]))


def from_cache(run_id, run, *attempts):
    message = AIMessage("hello", id=f"message-{run_id}").model_copy(
        update={"usage_metadata": {**USAGE, "total_cost": 0}}
    )
    return attempt(run_id, run, *attempts, result=LLMResult(generations=[[ChatGeneration(message=message)]]))


def costs(*expected):
    return [one if one is None else pytest.approx(one) for one in expected]


@pytest.mark.parametrize("flushes", [(), range(5)])
@pytest.mark.parametrize("when", ["in time", "late", "after the end"])
class TestACallWithoutAReply:
    def judged(self, made, when, flushes):
        run, one = started(), made("x", started(), "failed")
        one.run = run
        verdict, end = decision(run, (), None, failed=["failed"]), RootEnded(run.tree, {}, 2.0)
        events = {
            "in time": [one, verdict, end],
            "late": [verdict, one, end],
            "after the end": [verdict, end, one],
        }[when]
        database = play(events, flushes)
        return database.judged()["x"][1:3], [row["spent_usd"] for row in database.decisions.values()]

    @pytest.mark.parametrize(("made", "cost"), [(cancelled, PROMPT_USD), (without_id, REPLY_USD)])
    def test_is_thrown_away_and_charged(self, made, cost, when, flushes):
        assert self.judged(made, when, flushes) == ((True, True), costs(cost))

    def test_leaves_unknown_what_was_spent_where_nothing_prices_it(self, when, flushes):
        def unpriced(*where):
            one = cancelled(*where)
            one.metadata |= {"ls_model_name": "unheard-of", "ls_provider": "unheard-of"}
            return one

        assert self.judged(unpriced, when, flushes) == ((True, True), [None])

    @pytest.mark.parametrize("fields", [{"error": ConnectionError()}, {"result": None, "ended_clock": None}])
    def test_costs_nothing_where_it_failed_or_was_never_sent(self, fields, when, flushes):
        def failed(*where):
            return attempt(*where, **fields)

        assert self.judged(failed, when, flushes) == ((True, False), [0.0])


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (1, 2, 0), (0, 2, 1)])
def test_a_cancelled_call_is_charged_once_though_the_attempt_around_it_failed_too(order):
    run = started()
    events = [
        cancelled("x", run, "outer", "inner"),
        decision(run, (), None, failed=["inner"]),
        decision(run, (), None, failed=["outer"]),
    ]
    assert sorted(spent([events[place] for place in order])) == costs(0.0, PROMPT_USD)


@pytest.mark.parametrize("flushes", [(), range(10)])
@pytest.mark.parametrize("failed", [["outer"], ["inner"], ["inner", "outer"]])
@pytest.mark.parametrize("verdict_at", [0, 1, 2])
def test_a_call_that_was_given_up_and_ends_after_all_is_charged_for_its_reply_alone(
    verdict_at, failed, flushes
):
    run, books, database = started(), Bookkeeper(prices=PRICES), Database()
    lost = attempt("x", run, "outer", "inner", result=None, ended_clock=None, first_token_clock=0.1)
    events = [lost, "it ends"]
    events.insert(verdict_at, decision(run, (), None, failed=failed))
    for index, event in enumerate(events):
        if event == "it ends":
            lost.result, lost.ended_clock = call("x", run).result, 0.5
        books.note(lost if event == "it ends" else event)
        database.write(books.take(unfinished=index in flushes))
    books.note(RootEnded(run.tree, {}, 2.0))
    database.write(books.take(unfinished=True))
    assert database.judged()["x"][1:3] == (True, True)
    assert [row["status"] for row in database.rows.values()] == ["ok"]
    assert [row["spent_usd"] for row in database.decisions.values()] == costs(REPLY_USD)


class TestTheLatestAttempts:
    def test_are_those_last_heard_of(self, monkeypatch):
        monkeypatch.setattr(attempts_module, "_MAX_ATTEMPTS", 3)
        run = started()
        others = [attempt(f"other-{number}", run, f"other-{number}") for number in range(3)]
        events = [attempt("early", run, "slow"), *others[:2], decision(run, (), None, failed=["slow"])]
        assert spent([*events, others[2], attempt("late", run, "slow")]) == costs(2 * REPLY_USD)

    def test_are_more_than_a_thousand(self):
        run = started()
        others = [attempt(f"other-{number}", run, f"other-{number}") for number in range(2_000)]
        events = [decision(run, (), None, failed=["slow"]), *others, attempt("late", run, "slow")]
        assert spent(events) == costs(REPLY_USD)

    def test_are_not_more_than_the_limit(self, monkeypatch):
        monkeypatch.setattr(attempts_module, "_MAX_ATTEMPTS", 3)
        kept = attempts_module.Attempts()
        for number in range(10):
            kept.note_call([str(number)], None, whole=True)
        assert kept.unseen(map(str, range(10))) == list("0123456")


class TestAnAttemptThatACacheAnswered:
    def test_is_known_to_have_cost_nothing_after_an_interrupt(self):
        events = [from_cache("x", started(), "here"), decision(resumed(), (), None, failed=["here"])]
        assert spent(events) == costs(0.0, 0.0)

    def test_is_so_too_where_the_answer_comes_late(self):
        events = [decision(resumed(), (), None, failed=["here"]), from_cache("x", started(), "here")]
        assert spent(events) == costs(0.0, 0.0)

    def test_does_not_make_a_call_rejected_whose_reply_was_kept(self):
        run = started()
        events = [call("x", run), from_cache("x", run, "failed"), decision(run, (), None, failed=["failed"])]
        database = play([*events, RootEnded(run.tree, {}, 2.0)])
        assert [row["rejected"] for row in database.rows.values()] == [False]


def interrupted(run, checkpoint):
    run.tree.interrupted, run.tree.interrupted_at = True, checkpoint
    return RootEnded(run.tree, {}, 2.0)


@pytest.mark.parametrize("flushes", [(), range(10)])
class TestAnAttemptThatAnotherProcessBegan:
    def test_is_not_known_by_the_calls_that_this_one_made(self, flushes):
        after = resumed()
        events = [attempt("x", after, "theirs"), decision(after, (), None, failed=["theirs"])]
        assert spent(events, flushes) == [None]

    def test_nor_by_one_that_comes_late(self, flushes):
        after = resumed()
        events = [decision(after, (), None, failed=["theirs"]), attempt("x", after, "theirs")]
        assert spent(events, flushes) == [None]

    def test_nor_by_those_of_an_interrupt_before(self, flushes):
        between, after = (
            started("b", resumed=True, resumed_at="1"),
            started("c", resumed=True, resumed_at="2"),
        )
        events = [attempt("x", between, "theirs"), interrupted(between, "2")]
        assert spent([*events, decision(after, (), None, failed=["theirs"])], flushes) == [None]

    def test_has_what_it_said_here_thrown_away_all_the_same(self, flushes):
        after = resumed()
        events = [attempt("x", after, "theirs"), decision(after, (), None, failed=["theirs"])]
        assert play([*events, RootEnded(after.tree, {}, 2.0)], flushes).judged()["x"][2]


@pytest.mark.parametrize("flushes", [(), range(10)])
class TestAnAttemptAfterAnInterruptOfThisProcess:
    def test_is_known_where_the_graph_went_on_from_there(self, flushes):
        before, after = started(), started("b", resumed=True, resumed_at="1")
        events = [interrupted(before, "1"), attempt("x", after, "ours")]
        assert spent([*events, decision(after, (), None, failed=["ours"])], flushes) == costs(REPLY_USD)

    def test_is_known_in_full_where_it_began_before(self, flushes):
        before, after = started(), started("b", resumed=True, resumed_at="1")
        events = [
            of("1", attempt("x", before, "ours")),
            interrupted(before, "1"),
            of("1", attempt("y", after, "ours")),
            of("1", decision(after, (), None, failed=["ours"])),
        ]
        assert spent(events, flushes) == costs(2 * REPLY_USD)
