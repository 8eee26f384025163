"""What the cache asks for around a model call, step by step, with replies given by hand."""

import threading
from datetime import UTC, datetime

import pytest
from langchain.agents.middleware.types import ModelResponse
from langchain.agents.structured_output import ToolStrategy
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.errors import GraphInterrupt
from langgraph.store.base import GetOp, Item, PutOp
from pydantic import create_model

from llmops_plugins.caching.flow import cached, shadow_cached
from llmops_plugins.caching.place import find_place
from llmops_plugins.effects import Emit, Forward, StoreOps, Wait
from llmops_plugins.errors import BudgetExceeded
from llmops_plugins.flow import run
from tests.unit.caching.fakes import QUESTION, Cached, request, semantic

REPLY = ModelResponse(result=[AIMessage("Berlin.")])


def played(flow, reply=lambda effect: None):
    """Drive a flow with replies by hand; returns what it asked for and its result."""
    effects, given = [], None
    try:
        while True:
            effect = flow.throw(given) if isinstance(given, Exception) else flow.send(given)
            effects.append(effect)
            given = reply(effect)
    except StopIteration as stop:
        return effects, stop.value


def names(effects):
    return [
        f"{type(one).__name__}({', '.join(type(op).__name__ for op in one.ops)})"
        if isinstance(one, StoreOps)
        else type(one).__name__
        for one in effects
    ]


def outcomes(effects):
    return [one.decision.outcome for one in effects if isinstance(one, Emit)]


def model_answers(stored=None):
    def reply(effect):
        match effect:
            case Forward():
                return REPLY
            case StoreOps():
                return [stored if isinstance(op, GetOp) else None for op in effect.ops]
        return None

    return reply


def stored_item(cache):
    """Return what the store holds after one question."""
    effects, _ = played(cached(request(), cache), model_answers())
    (put,) = [op for one in effects if isinstance(one, StoreOps) for op in one.ops if isinstance(op, PutOp)]
    now = datetime.now(UTC)
    return Item(value=put.value, key=put.key, namespace=put.namespace, created_at=now, updated_at=now)


@pytest.fixture
def cache():
    return Cached().middleware.cache


def test_a_new_question_is_looked_up_once_asked_live_and_stored(cache):
    effects, response = played(cached(request(), cache), model_answers())
    assert names(effects) == ["StoreOps(GetOp)", "Forward", "StoreOps(PutOp)", "Emit"]
    assert effects[1].live
    assert response is REPLY  # streamed as it came, so it must be the very same
    assert outcomes(effects) == ["miss"]


def test_a_hit_takes_one_look_up_and_nothing_else(cache):
    item = stored_item(cache)
    effects, response = played(cached(request(), cache), model_answers(item))
    assert names(effects) == ["StoreOps(GetOp)", "Emit"]
    assert outcomes(effects) == ["exact_hit"]
    assert response.result[0].text == "Berlin."
    decision = effects[1].decision
    assert decision.returned is None  # no call of this run stands behind the reply
    assert decision.details["reply"] == response.result[0].id
    assert QUESTION not in str(decision.to_dict())


@pytest.mark.parametrize("question", ["", " "])
def test_what_holds_no_question_passes_by(cache, question):
    effects, response = played(cached(request(question), cache), model_answers())
    assert names(effects) == ["Emit", "Forward"]
    assert outcomes(effects) == ["passed_by"]
    assert response is REPLY


@pytest.mark.parametrize(
    "settings",
    [{"tenant": lambda request: request.state["user"]}, {"keys": lambda request: {"db": object()}}],
    ids=["fails", "has no name"],
)
def test_a_request_that_is_nobodys_passes_by(settings):
    cache = Cached(**settings).middleware.cache
    effects, _ = played(cached(request(), cache), model_answers())
    assert names(effects) == ["Emit", "Forward"]
    effects, _ = played(shadow_cached(request(), REPLY, cache), model_answers())
    assert outcomes(effects) == ["passed_by"]


@pytest.mark.parametrize("veto", [BudgetExceeded("too dear"), GraphInterrupt()])
def test_a_veto_of_a_users_own_function_goes_on_to_them(veto):
    def refuse(*_):
        raise veto

    for settings in ({"tenant": refuse}, {"admit": refuse}):
        cache = Cached(**settings).middleware.cache
        with pytest.raises(type(veto)):
            played(cached(request(), cache), model_answers())
        assert cache.flights.join(_flight_key(Cached().middleware.cache)).leads


def _flight_key(cache):
    return find_place(request(), cache.partition).flight_key


@pytest.mark.parametrize(("failing", "where"), [(GetOp, "look-up"), (PutOp, "store")])
def test_a_store_that_fails_costs_nothing_but_the_hit(cache, failing, where):
    def reply(effect):
        if isinstance(effect, StoreOps) and any(isinstance(op, failing) for op in effect.ops):
            return ConnectionError("the store is down")
        return model_answers()(effect)

    effects, response = played(cached(request(), cache), reply)
    assert response is REPLY
    assert names(effects).count("Forward") == 1
    (decision,) = [one.decision for one in effects if isinstance(one, Emit)]
    assert decision.outcome == "failed_open"
    assert decision.reason == f"ConnectionError inside the cache's {where}"


def test_a_flow_that_is_closed_lets_the_next_one_lead(cache):
    leading = cached(request(), cache)
    next(leading)
    waiting = cached(request(), cache)
    assert isinstance(_effect_elsewhere(waiting), Wait)
    leading.close()
    effects, _ = played(_resumed(waiting), model_answers())
    assert "Forward" in names(effects)


def _effect_elsewhere(flow):
    """Begin a flow in a thread of its own: who waits must not be who leads."""
    effects = []
    thread = threading.Thread(target=lambda: effects.append(next(flow)))
    thread.start()
    thread.join()
    return effects[0]


def _resumed(waiting):
    """Go on with a flow that waited and was brought nothing."""
    given, first = None, True
    while True:
        try:
            effect = waiting.send(None) if first else waiting.send(given)
        except StopIteration as stop:
            return stop.value
        first = False
        given = yield effect


def test_who_waited_is_given_the_leaders_answer_under_an_id_of_its_own(cache):
    leading, waiting = cached(request(), cache), cached(request(), cache)
    next(leading)
    wait = _effect_elsewhere(waiting)
    leading.send([None])  # nothing stored
    leading.send(REPLY)  # asked, now to be stored
    leading.send([None])
    brought = wait.future.result(timeout=0)
    emitted = waiting.send(brought)
    assert emitted.decision.outcome == "shared_hit"
    with pytest.raises(StopIteration) as stop:
        waiting.send(None)
    message = stop.value.value.result[0]
    assert message.text == "Berlin."
    assert message.id != REPLY.result[0].id


def test_who_waited_is_given_what_the_leader_found(cache):
    item = stored_item(cache)
    leading, waiting = cached(request(), cache), cached(request(), cache)
    next(leading)
    wait = _effect_elsewhere(waiting)
    assert leading.send([item]).decision.outcome == "exact_hit"
    assert waiting.send(wait.future.result(timeout=0)).decision.outcome == "shared_hit"


def test_in_shadow_it_stores_and_says_what_it_would_have_done():
    cache = Cached().middleware.cache
    effects, _ = played(shadow_cached(request(), REPLY, cache), model_answers())
    assert names(effects) == ["StoreOps(GetOp)", "StoreOps(PutOp)", "Emit"]
    (decision,) = [one.decision for one in effects if isinstance(one, Emit)]
    assert (decision.outcome, decision.mode) == ("miss", "shadow")
    item = stored_item(cache)
    effects, _ = played(shadow_cached(request(), REPLY, cache), model_answers(item))
    (decision,) = [one.decision for one in effects if isinstance(one, Emit)]
    assert (decision.outcome, decision.mode, decision.avoided.basis) == ("exact_hit", "shadow", "measured")


def test_a_stored_answer_that_parses_no_more_is_asked_for_again():
    cache = Cached().middleware.cache
    strategy = ToolStrategy(create_model("City", name=(int, ...)))
    item = stored_item(cache)
    asked = request(response_format=strategy)
    effects, response = played(cached(asked, cache), model_answers(item))
    assert response is REPLY
    assert names(effects).count("Forward") == 1


def test_a_later_turn_is_looked_up_exactly_only():
    cache = Cached(semantic=semantic()).middleware.cache
    later = request(messages=[HumanMessage("Hi"), AIMessage("Hello"), HumanMessage(QUESTION)])
    effects, _ = played(cached(later, cache), model_answers())
    assert names(effects) == ["StoreOps(GetOp)", "Forward", "StoreOps(PutOp)", "Emit"]
    (put,) = effects[2].ops
    assert put.index is False


def test_the_calls_of_hits_are_told_apart_by_tier():
    cache = Cached(semantic=semantic()).middleware.cache
    assert run(cached(request(), cache), lambda request: REPLY).result[0].text == "Berlin."
    tiers = [
        run(cached(request(question), cache), None).result[0].response_metadata["llmops_cache"]
        for question in (QUESTION, "Germany: what is the capital of it?")
    ]
    assert tiers == ["exact", "semantic"]
