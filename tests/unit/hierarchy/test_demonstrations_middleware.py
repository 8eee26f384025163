"""Demonstrations in front of a model: what it is sent, what is recorded, and that nothing fails for them."""

from types import SimpleNamespace

import pytest
from langchain.agents.middleware.types import ModelRequest, ModelResponse
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.runtime import Runtime

from llmops_plugins.effects import Emit, Forward
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.flow import Steps, run
from llmops_plugins.hierarchy.demonstrations.rendering import has_demonstrations, with_demonstrations
from llmops_plugins.hierarchy.middleware import DemonstrationsMiddleware
from llmops_plugins.testing import ScriptedChatModel
from tests.unit.hierarchy.solved import LIKE_IT, SOLUTION, details, memory, new_store, share, solve


def request_of(*messages, user="ann"):
    runtime = Runtime(context=SimpleNamespace(user=user))
    model = ScriptedChatModel(replies=["12"])
    return ModelRequest(model=model, messages=list(messages), runtime=runtime)


def driven(middleware, request):
    """Run a flow; return what the model was sent, and the decisions."""
    sent, decisions = followed(middleware.guarded_flow(request))
    (only,) = sent
    return only, decisions


def followed(flow):
    sent, decisions, steps = [], [], Steps(flow)
    for effect in steps:
        with steps:
            if isinstance(effect, Forward):
                sent.append(effect.request)
                steps.reply = ModelResponse(result=[AIMessage("12", id="reply")])
            elif isinstance(effect, Emit):
                decisions.append(effect.decision)
            else:
                steps.reply = run(performed(effect))
    return sent, decisions


def performed(effect):
    return (yield effect)


def middleware_of(store, **settings):
    return DemonstrationsMiddleware(store, **{"user": "ann", **settings})


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"user": ""}, "user"),
        ({"limit": 0}, "limit"),
        ({"token_budget": 0}, "token_budget"),
        ({"tenant": "acme"}, "tenant"),
        ({"store": memory()}, "tenant"),
        ({"store": memory(), "tenant": ""}, "tenant"),
        ({"mode": "perhaps"}, "mode"),
    ],
)
def test_a_wrong_setting_is_refused_when_built(settings, field):
    with pytest.raises(ConfigurationError) as caught:
        DemonstrationsMiddleware(**{"store": new_store(), "user": "ann", **settings})
    assert caught.value.field == field


def test_it_can_be_given_a_store_and_a_tenant():
    inner = memory()
    share(new_store(inner))
    sent, _ = driven(middleware_of(inner, tenant="acme"), request_of(HumanMessage(LIKE_IT)))
    assert SOLUTION in sent.messages[-1].text


def test_the_model_is_sent_demonstrations_and_the_request_is_left_as_it_was():
    store = new_store()
    key = solve(store)
    request = request_of(HumanMessage(LIKE_IT, id="asked"))
    sent, (decision,) = driven(middleware_of(store), request)
    assert SOLUTION in sent.messages[0].text
    assert request.messages[0].content == LIKE_IT
    assert (decision.capability, decision.outcome) == ("demonstrations", "recalled")
    assert decision.returned == "reply"
    assert decision.details["demonstrations"] == [key]
    assert 0 < decision.details["tokens"] <= 2_000


def test_where_none_is_found_the_request_goes_on_as_it_is():
    request = request_of(HumanMessage(LIKE_IT))
    sent, (decision,) = driven(middleware_of(new_store()), request)
    assert sent is request
    assert (decision.outcome, decision.details["demonstrations"]) == ("none", [])


@pytest.mark.parametrize("messages", [[], [AIMessage("Hello.")], [HumanMessage("")]])
def test_without_a_question_nothing_is_looked_for(messages):
    store = new_store()
    solve(store)
    request = request_of(*messages)
    assert driven(middleware_of(store), request)[0] is request


def test_words_about_a_picture_are_shown_no_demonstration():
    store = new_store()
    share(store)
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    request = request_of(HumanMessage([{"type": "text", "text": LIKE_IT}, picture]))
    sent, decisions = driven(middleware_of(store), request)
    assert sent.messages == request.messages
    assert [decision.outcome for decision in decisions] == ["none"]


def test_user_and_tenant_may_depend_on_the_request():
    store = new_store(tenant=lambda request: "acme")
    store.add(LIKE_IT, SOLUTION, **details())
    middleware = middleware_of(store, user=lambda request: request.runtime.context.user)
    assert SOLUTION in driven(middleware, request_of(HumanMessage(LIKE_IT)))[0].messages[0].text
    other = request_of(HumanMessage(LIKE_IT), user="ben")
    assert driven(middleware, other)[0] is other


def test_all_calls_of_a_turn_are_sent_the_same_though_more_is_learned_meanwhile():
    store = new_store()
    solve(store)
    middleware = middleware_of(store)
    asked = HumanMessage(LIKE_IT, id="asked")
    first, _ = driven(middleware, request_of(asked))
    solve(store, question=LIKE_IT, solution='print(tide("Calais"))')
    step = [
        AIMessage("", tool_calls=[{"name": "tide", "args": {}, "id": "1"}]),
        ToolMessage("1", tool_call_id="1"),
    ]
    second, _ = driven(middleware, request_of(asked, *step))
    assert second.messages[0] == first.messages[0]
    next_turn, _ = driven(middleware, request_of(HumanMessage(LIKE_IT, id="again")))
    assert "Calais" in next_turn.messages[0].content[0]["text"]


def test_what_one_users_turn_was_sent_is_not_sent_to_another():
    store = new_store()
    solve(store, "ann")
    middleware = middleware_of(store, user=lambda request: request.runtime.context.user)
    messages = [HumanMessage(LIKE_IT), AIMessage("Wait."), ToolMessage("1", tool_call_id="1")]
    driven(middleware, request_of(messages[0]))
    request = request_of(*messages, user="ben")
    assert driven(middleware, request)[0] is request


def test_what_has_demonstrations_is_given_no_others():
    store = new_store()
    solve(store)
    messages = with_demonstrations([HumanMessage(LIKE_IT)], store.list())
    request = request_of(*messages)
    assert driven(middleware_of(store), request)[0] is request


class DownError(Exception):
    pass


def refuse(*arguments):
    raise DownError


def failing_user(request):
    raise DownError


@pytest.mark.parametrize("user", ["ann", failing_user, lambda request: None])
def test_whatever_fails_the_request_goes_on_and_says_so(user, monkeypatch):
    inner = memory()
    store = new_store(inner)
    solve(store)
    monkeypatch.setattr(type(inner), "batch", refuse)
    request = request_of(HumanMessage(LIKE_IT))
    sent, (decision,) = driven(middleware_of(store, user=user), request)
    assert sent is request
    assert not has_demonstrations(sent.messages[0])
    assert decision.outcome == "failed_open"


def test_in_shadow_it_says_what_it_would_have_shown():
    store = new_store()
    key = solve(store)
    middleware = middleware_of(store, mode="shadow")
    request = request_of(HumanMessage(LIKE_IT))
    _, decisions = followed(middleware.shadow_flow(request, ModelResponse(result=[AIMessage("12")])))
    assert [(one.mode, one.outcome) for one in decisions] == [("shadow", "recalled")]
    assert decisions[0].details["demonstrations"] == [key]
