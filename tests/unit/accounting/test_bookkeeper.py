"""Events in, rows out: every call exactly once, with the same kind whenever somebody flushes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, LLMResult

from llmops_plugins.accounting.bookkeeper import Bookkeeper
from llmops_plugins.accounting.observed import ObservedCall, ObservedDecision, RootEnded, Run, RunTree
from llmops_plugins.events import Decision
from llmops_plugins.models.prices import PriceBook
from llmops_plugins.models.registry import ModelRegistry, ModelSpec, Price

PRICES = PriceBook(
    ModelRegistry([ModelSpec(name="m", model="some:m", prices=(Price(input=1.0, output=1.0),))])
)
USAGE = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}


def call(run_id, run, text="hello", error=None, metadata=None, **fields):
    message = AIMessage(text, id=f"message-{run_id}", usage_metadata=USAGE)
    observed = ObservedCall(
        run_id=run_id,
        parent_id=run.root,
        run=run,
        messages=[HumanMessage("?")],
        metadata={"ls_provider": "some", "ls_model_name": "m", **(metadata or {})},
        parameters={},
        started_at=1_000.0,
        started_clock=0.0,
        ended_clock=0.5,
        error=error,
    )
    if error is None:
        observed.result = LLMResult(generations=[[ChatGeneration(message=message)]])
    for name, value in fields.items():
        setattr(observed, name, value)
    return observed


def output(*run_ids):
    return {"messages": [AIMessage("hello", id=f"message-{run_id}") for run_id in run_ids]}


def decision(run, rejected, returned, failed=()):
    data = Decision(
        capability="cascade",
        outcome="escalated",
        reason="r",
        rejected=rejected,
        returned=returned,
        details={"failed_attempts": list(failed)},
    ).to_dict()
    return ObservedDecision(data=data, run_id=run.root, run=run, metadata={}, at=1_000.0)


class Database:
    """Applies batches as the real one does."""

    def __init__(self):
        self.rows = {}
        self.decisions = {}

    def write(self, batch):
        for call_id in batch.replaced:
            del self.rows[call_id]
        for row in batch.calls:
            assert row["call_id"] not in self.rows
            self.rows[row["call_id"]] = dict(row)
        for new in batch.corrections:
            if new["corrected_id"] in self.rows:
                self.rows[new["corrected_id"]] |= {
                    "kind": new["new_kind"],
                    "hidden": new["new_hidden"],
                    "rejected": new["new_rejected"],
                }
        for new in batch.charges:
            if new["charged_id"] in self.decisions:
                self.decisions[new["charged_id"]]["spent_usd"] = new["new_spent_usd"]
        self.decisions |= {row["decision_id"]: dict(row) for row in batch.decisions}

    def judged(self):
        return {
            row["run_id"]: (row["kind"], row["hidden"], row["rejected"], row["attempt"])
            for row in self.rows.values()
        }


def play(events, flush_after=()):
    books, database = Bookkeeper(prices=PRICES), Database()
    for index, event in enumerate(events):
        books.note(event)
        if index in flush_after:
            database.write(books.take(unfinished=True))
        else:
            database.write(books.take())
    database.write(books.take(unfinished=True))
    assert books.waiting == 0
    return database


def story(name, shape):
    """One run tree: its events in order."""
    run = Run(RunTree(name, started_at=1.0))
    events, answers, after = [], [], []
    for index, what in enumerate(shape):
        run_id = f"{name}-{index}"
        if what == "fails":
            events.append(call(run_id, run, error=ConnectionError()))
        elif what == "plans":
            events.append(call(run_id, run, metadata={"llmops_kind": "plan"}))
        elif what == "drafts":
            events.append(call(run_id, run, text=f"draft {index}"))
            events.append(call(f"{run_id}-final", run))
            events.append(decision(run, (f"message-{run_id}",), f"message-{run_id}-final"))
            answers.append(f"{run_id}-final")
        elif what in ("breaks", "is late", "is later"):
            attempt = call(run_id, run, metadata={"llmops_attempt": [run_id]})
            verdict = decision(run, (), f"message-{run_id}-final", failed=[run_id])
            events += [attempt] if what == "breaks" else []
            events += [call(f"{run_id}-final", run), verdict]
            events += [attempt] if what == "is late" else []
            after += [attempt] if what == "is later" else []
            answers.append(f"{run_id}-final")
        else:
            events.append(call(run_id, run))
            if what == "answers":
                answers.append(run_id)
    return [*events, RootEnded(run.tree, output(*answers), 2_000.0), *after]


SHAPES = ["answers", "hides", "fails", "plans", "drafts", "breaks", "is late", "is later"]
shapes = st.lists(st.sampled_from(SHAPES), max_size=5)


@st.composite
def interleavings(draw):
    """Several run trees at once, each in its own order, with flushes anywhere."""
    stories = [story(name, draw(shapes)) for name in draw(st.sampled_from(["a", "ab", "abc"]))]
    events, order = [], draw(st.randoms(use_true_random=False))
    while any(stories):
        events.append(order.choice([one for one in stories if one]).pop(0))
    flushes = draw(st.sets(st.integers(0, max(0, len(events) - 1))))
    return events, flushes


@settings(max_examples=150, deadline=None)
@given(interleavings())
def test_every_call_once_and_of_the_same_kind_whoever_flushes(interleaving):
    events, flushes = interleaving
    database, calls = play(events, flushes), [one for one in events if isinstance(one, ObservedCall)]
    assert len(database.rows) == len(calls)
    assert database.judged().keys() == {one.run_id for one in calls}
    for one in calls:  # events are used up: judged again as if new
        one.given_up = None
    fresh = {id(one.run.tree): RunTree(one.run.root, started_at=1.0) for one in calls}
    for one in calls:
        one.run = Run(fresh[id(one.run.tree)])
    for one in events:
        if isinstance(one, ObservedDecision):
            one.run = Run(fresh[id(one.run.tree)])
        elif isinstance(one, RootEnded) and id(one.tree) in fresh:
            one.tree = fresh[id(one.tree)]
    assert play(events).judged() == database.judged()


@pytest.mark.parametrize("when", ["breaks", "is late", "is later"])
@pytest.mark.parametrize("flushes", [(), range(10)])
def test_a_failed_attempts_reply_is_rejected_and_charged_to_the_decision_whenever_it_comes(when, flushes):
    database = play(story("a", [when]), flushes)
    assert database.judged() == {"a-0": ("answer", True, True, 1), "a-0-final": ("answer", False, False, 1)}
    (decided,) = database.decisions.values()
    assert decided["spent_usd"] == pytest.approx(15e-6)


def test_one_attempt_says_nothing_of_another():
    run = Run(RunTree("a", started_at=1.0))
    verdict = decision(run, (), None, failed=["another"])
    events = [verdict, call("a-0", run, metadata={"llmops_attempt": ["this"]})]
    assert play([*events, RootEnded(run.tree, output("a-0"), 2_000.0)]).judged() == {
        "a-0": ("answer", False, False, 1)
    }


def test_a_rejected_draft_has_the_kind_of_what_came_in_its_place():
    judged = play(story("a", ["drafts"])).judged()
    assert judged == {"a-0": ("answer", True, True, 1), "a-0-final": ("answer", False, False, 1)}


@pytest.mark.parametrize("flushes", [(), (0,)])
def test_a_call_given_up_that_ends_after_all_is_one_row(flushes):
    run = Run(RunTree("a"))
    lost = call("c", run, result=None, ended_clock=None)
    books, database = Bookkeeper(prices=PriceBook()), Database()
    books.note(lost)
    database.write(books.take(unfinished=bool(flushes)))
    assert lost.given_up is not None
    again = call("c", run)
    lost.result, lost.ended_clock = again.result, again.ended_clock
    books.note(lost)
    database.write(books.take(unfinished=True))
    assert [(row["run_id"], row["status"]) for row in database.rows.values()] == [("c", "ok")]


def test_two_trees_of_one_root_id_do_not_mix():
    events = story("same", ["answers"]) + story("same", ["answers"])
    assert sorted(row["kind"] for row in play(events).rows.values()) == ["answer", "answer"]


def test_a_tree_whose_root_is_never_seen_waits_for_nothing():
    books = Bookkeeper(prices=PriceBook())
    books.note(call("c", Run(RunTree("parent", rootless=True))))
    assert [row["kind"] for row in books.take().calls] == ["other"]


def test_nothing_of_a_tree_is_kept_once_nobody_refers_to_it():
    import gc

    books = Bookkeeper(prices=PriceBook())
    for event in story("a", ["answers", "hides"]):
        books.note(event)
    books.take()
    del event
    gc.collect()
    assert len(books._traces) == 0
