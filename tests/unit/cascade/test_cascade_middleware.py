"""What the middleware accepts as tiers and verifiers, and what it refuses when it is built."""

import pytest
from langchain_core.messages import HumanMessage

from llmops_plugins.background import BACKGROUND
from llmops_plugins.cascade.middleware import CascadeMiddleware
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.agreement import Agreement
from llmops_plugins.verification.first_applicable import FirstApplicable
from llmops_plugins.verification.predicate import Predicate
from llmops_plugins.verification.tool_calls import ValidToolCalls
from llmops_plugins.wrapped_model.wrap import with_middleware


def model(*replies, name="model"):
    return ScriptedChatModel(replies=replies or ["x"], model_name=name)


ANY = Predicate(lambda message: True)


@pytest.mark.parametrize(
    ("tiers", "verify", "field", "fix"),
    [
        ([], ANY, "tiers", "at least two tiers"),
        ([model()], ANY, "tiers", "at least two tiers"),
        ("openai:gpt-4o", ANY, "tiers", "at least two tiers"),
        ([[], model()], ANY, "tiers[0]", "at least one model"),
        ([model(), [model(), model()]], ANY, "tiers[1]", "one model"),
        ([model(), model()], Agreement(), "tiers[0]", "give it 2 models"),
        ([model(), model()], FirstApplicable(ValidToolCalls(), Agreement()), "tiers[0]", "give it 2 models"),
        ([model(), 7], ANY, "tiers[1]", "chat model"),
        ([model().bind(stop=["."]), model()], ANY, "tiers[0]", "chat model"),
        (["no-such-provider:m", model()], ANY, "tiers[0]", "cannot be built"),
        ([model(), model()], "judge", "verify", "must be a verifier"),
        ([model(), model()], ValidToolCalls, "verify", "ValidToolCalls(...)"),
        ([model(), model()], lambda message: True, "verify", "Predicate(function)"),
    ],
)
def test_what_cannot_work_is_refused_when_built_naming_field_and_fix(tiers, verify, field, fix):
    with pytest.raises(ConfigurationError) as refused:
        CascadeMiddleware(tiers=tiers, verify=verify)
    assert refused.value.field == field
    assert fix in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_unknown_mode_is_refused():
    with pytest.raises(ConfigurationError, match="mode: must be one of on, shadow, off"):
        CascadeMiddleware(tiers=[model(), model()], verify=ANY, mode="dry-run")


def test_a_tier_may_be_named_as_init_chat_model_names_it(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-key")
    cascade = CascadeMiddleware(tiers=["openai:gpt-4o-mini", "openai:gpt-4o"], verify=ValidToolCalls())
    assert [tier.models[0].model_name for tier in cascade.tiers] == ["gpt-4o-mini", "gpt-4o"]


@pytest.mark.parametrize(
    ("mode", "accepted", "answer", "asked"),
    [
        ("on", True, "cheap", (1, 0, 0)),
        ("on", False, "last", (1, 1, 0)),
        ("shadow", True, "own", (1, 0, 1)),
        ("shadow", False, "own", (1, 0, 1)),
        ("off", True, "own", (0, 0, 1)),
    ],
)
def test_modes(mode, accepted, answer, asked):
    cheap, last, own = model("cheap"), model("last"), model("own")
    verify = Predicate(lambda message: accepted)
    wrapped = with_middleware(own, CascadeMiddleware(tiers=[cheap, last], verify=verify, mode=mode))
    assert wrapped.invoke([HumanMessage("?")]).text == answer
    assert BACKGROUND.drain()
    assert tuple(len(one.calls) for one in (cheap, last, own)) == asked


def test_a_cascade_that_fails_inside_leaves_the_call_as_it_would_have_been():
    def broken(request, replies):
        yield from ()
        raise ZeroDivisionError

    cheap, last, own = model("cheap"), model("last"), model("own")
    wrapped = with_middleware(own, CascadeMiddleware(tiers=[cheap, last], verify=broken))
    assert wrapped.invoke("?").text == "own"
    assert (len(last.calls), len(own.calls)) == (0, 1)


def test_a_cheap_model_that_is_down_escalates():
    wrapped = with_middleware(
        model("own"), CascadeMiddleware(tiers=[model(ConnectionError("down")), model("last")], verify=ANY)
    )
    assert wrapped.invoke("?").text == "last"
