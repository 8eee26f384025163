"""Feedback that comes later: what it teaches, what it takes back, and whom it reaches."""

import asyncio

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.store.base import BaseStore

from llmops_plugins.errors import BudgetExceeded, ConfigurationError
from llmops_plugins.hierarchy.assistant import Assistant
from llmops_plugins.hierarchy.demonstrations.store import DemonstrationStore
from llmops_plugins.hierarchy.feedback import arecord_feedback, record_feedback
from llmops_plugins.hierarchy.graph import RUN_ID_KEY, create_hierarchy
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.any_of import AnyOf
from llmops_plugins.verification.later_feedback import LaterFeedback
from llmops_plugins.verification.predicate import Predicate
from tests.unit.caching.fakes import WordEmbeddings

QUESTION = "What is six times seven?"
YES = Predicate(lambda message: True, name="yes")
NO = Predicate(lambda message: False, name="no")


@pytest.fixture
def store(tmp_path):
    return DemonstrationStore(tmp_path / "d.db", tenant="acme", embeddings=WordEmbeddings())


def asked(store, success, *, question=QUESTION, user="ann", answer="It is 42."):
    """Ask a hierarchy of one assistant; returns the run's state."""
    assistant = Assistant(name="a", runnable=ScriptedChatModel(replies=[answer]))
    graph = create_hierarchy([assistant], success=success, demonstrations=store, user=user)
    return graph.invoke({"messages": [HumanMessage(question)]})


def solutions(store, user="ann"):
    return [one.solution for one in store.recall(QUESTION, user=user)]


def test_nothing_is_learned_before_feedback_and_the_answer_after_it(store):
    run_id = asked(store, LaterFeedback())["run_id"]
    assert solutions(store) == []
    record_feedback(store, run_id, resolved=True, source="the user")
    assert solutions(store) == ["It is 42."]
    (learned,) = store.list(user="ann")
    assert (learned.provenance.evidence.kind, learned.provenance.evidence.source) == ("feedback", "the user")
    assert learned.provenance.assistant == "a"


def test_what_was_learned_is_taken_back_where_it_did_not_resolve_the_request(store):
    run_id = asked(store, YES)["run_id"]
    assert solutions(store) == ["It is 42."]
    record_feedback(store, run_id, resolved=False)
    assert solutions(store) == []


def test_feedback_may_change_and_saying_it_again_changes_nothing(store):
    run_id = asked(store, LaterFeedback())["run_id"]
    for resolved in (True, True, False, False, True):
        record_feedback(store, run_id, resolved=resolved)
        assert bool(solutions(store)) is resolved


def test_demonstrations_that_were_shown_are_credited_and_debited(store):
    asked(store, YES)
    good = asked(store, LaterFeedback(), question="So what is six times seven?", answer="42 again")["run_id"]
    bad = asked(store, LaterFeedback(), question="And what is six times seven?", answer="41")["run_id"]
    shown = next(one for one in store.list(user="ann") if one.solution == "It is 42.")
    assert shown.tried == 0
    record_feedback(store, good, resolved=True)
    record_feedback(store, bad, resolved=False)
    counted = store.get(shown.demonstration_id, user="ann")
    assert (counted.helped, counted.tried) == (1, 2)


def test_an_answer_that_nothing_accepted_can_still_be_found_right(store):
    state = asked(store, NO)
    assert not state["resolved"]
    assert solutions(store) == []
    record_feedback(store, state["run_id"], resolved=True)
    assert solutions(store) == ["It is 42."]


def test_the_id_is_on_the_answer_too_and_async_is_the_same(store):
    state = asked(store, AnyOf(NO, LaterFeedback()))
    run_id = state["messages"][-1].response_metadata[RUN_ID_KEY]
    (kept,) = asyncio.run(arecord_feedback(store, run_id, resolved=True))
    assert kept.resolved
    assert solutions(store) == ["It is 42."]


def test_ones_own_feedback_teaches_nobody_else(store):
    record_feedback(store, asked(store, LaterFeedback(), user="mallory")["run_id"], resolved=True)
    assert solutions(store, user="mallory") == ["It is 42."]
    assert solutions(store, user="ann") == []


def test_taking_back_ones_own_does_not_take_what_others_share(tmp_path):
    store = DemonstrationStore(tmp_path / "d.db", tenant="acme", embeddings=WordEmbeddings(), confirmations=1)
    for user in ("ann", "ben"):
        asked(store, YES, user=user)
    mine = asked(store, YES, user="mallory")["run_id"]
    assert solutions(store, user="cleo") == ["It is 42."]
    record_feedback(store, mine, resolved=False)
    assert solutions(store, user="cleo") == ["It is 42."]


def test_secrets_are_not_kept_for_feedback(store, tmp_path):
    key = "sk-" + "0123456789abcdef" * 2
    asked(store, LaterFeedback(), question=f"Use {key} to ask.", answer=f"Used {key}.")
    store.close()
    assert key.encode() not in (tmp_path / "d.db").read_bytes()


@pytest.mark.parametrize(
    ("run_id", "settings", "field"),
    [
        ("nobody", {"resolved": True}, "run_id"),
        ("nobody", {"resolved": 1}, "resolved"),
        ("nobody", {"resolved": True, "source": " "}, "source"),
    ],
)
def test_feedback_that_fits_no_run_is_refused(store, run_id, settings, field):
    with pytest.raises(ConfigurationError, match=field):
        record_feedback(store, run_id, **settings)


class Down(BaseStore):
    """A store whose database is down."""

    supports_ttl = True
    index_config = None

    def batch(self, ops):
        raise ConnectionError("down")

    async def abatch(self, ops):
        raise ConnectionError("down")


@pytest.mark.parametrize("way", ["sync", "async"])
def test_a_store_that_is_down_costs_no_answer(way, warnings_logged):
    down = Down()
    down.index_config = {"dims": 3}
    assistant = Assistant(name="a", runnable=ScriptedChatModel(replies=["It is 42."]))
    store = DemonstrationStore(down, tenant="acme")
    graph = create_hierarchy([assistant], success=YES, demonstrations=store, user="ann")
    given = {"messages": [HumanMessage(QUESTION)]}
    state = graph.invoke(given) if way == "sync" else asyncio.run(graph.ainvoke(given))
    assert state["messages"][-1].text == "It is 42."
    assert len(warnings_logged()) == 2


def test_a_hierarchy_that_learns_has_to_know_whose_requests_they_are(store):
    with pytest.raises(ConfigurationError, match="user: is missing"):
        asked(store, YES, user=None)
    with pytest.raises(ConfigurationError, match="limit"):
        create_hierarchy(
            [Assistant(name="a", runnable=ScriptedChatModel(replies=["x"]))],
            success=YES,
            demonstrations=store,
            user="ann",
            limit=0,
        )


def test_in_a_conversation_nothing_is_recalled_or_learned_unless_somebody_says_what_is_asked(store):
    talk = [HumanMessage("How warm is it in Oslo?"), AIMessage("3"), HumanMessage("And in Rome?")]
    seen = []

    def reply(messages):
        seen.append(messages[-1].text)
        return "19"

    def asked_in(question=None):
        settings = {} if question is None else {"question": question}
        assistant = Assistant(name="a", runnable=ScriptedChatModel(replies=[reply]))
        graph = create_hierarchy([assistant], success=YES, demonstrations=store, user="ann", **settings)
        graph.invoke({"messages": talk})

    asked_in()
    assert store.list(user="ann") == ()
    asked_in(lambda messages: "How warm is it in Rome?")
    assert [one.question for one in store.list(user="ann")] == ["How warm is it in Rome?"]
    asked_in(lambda messages: "How warm is it in Rome?")
    assert "How warm is it in Rome?" in seen[-1]


def test_a_question_function_that_fails_costs_no_answer(store, warnings_logged):
    def question(messages):
        raise KeyError("bug")

    assistant = Assistant(name="a", runnable=ScriptedChatModel(replies=["42"]))
    graph = create_hierarchy([assistant], success=YES, demonstrations=store, user="ann", question=question)
    assert graph.invoke({"messages": [HumanMessage(QUESTION)]})["messages"][-1].text == "42"
    assert warnings_logged()


def test_one_run_is_one_vote_and_an_outage_is_none(store):
    asked(store, YES)
    down = Assistant(name="down", runnable=ScriptedChatModel(replies=[ConnectionError("down")]))
    well = Assistant(name="well", runnable=ScriptedChatModel(replies=["42 again"]))
    graph = create_hierarchy([down, well], success=YES, demonstrations=store, user="ann")
    run_id = graph.invoke({"messages": [HumanMessage("So what is six times seven?")]})["run_id"]
    for resolved in (True, False, True):
        record_feedback(store, run_id, resolved=resolved)
    shown = next(one for one in store.list(user="ann") if one.solution == "It is 42.")
    assert (shown.helped, shown.tried) == (1, 1)


def test_what_another_run_of_the_same_user_supports_stays(store):
    first, second = (asked(store, YES)["run_id"] for _ in range(2))
    record_feedback(store, first, resolved=False)
    assert solutions(store) == ["It is 42."]
    record_feedback(store, second, resolved=False)
    assert solutions(store) == []
    record_feedback(store, second, resolved=True)
    assert solutions(store) == ["It is 42."]


def test_a_demonstration_says_who_found_the_request_solved(store):
    asked(store, YES)
    (learned,) = store.list(user="ann")
    assert (learned.provenance.evidence.kind, learned.provenance.evidence.source) == ("verifier", "yes")


@pytest.mark.parametrize("vetoing", ["user", "question"])
def test_a_veto_in_a_users_function_is_final(store, vetoing):
    def veto(_):
        raise BudgetExceeded("spent")

    settings = {"user": "ann", vetoing: veto}
    assistant = Assistant(name="a", runnable=ScriptedChatModel(replies=["42"]))
    graph = create_hierarchy([assistant], success=YES, demonstrations=store, **settings)
    with pytest.raises(BudgetExceeded):
        graph.invoke({"messages": [HumanMessage(QUESTION)]})
