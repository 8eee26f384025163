"""The middleware with a calibrated policy: who is asked, what reaches the user, and what goes on behind."""

import asyncio
import time

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage
from pydantic import BaseModel, PrivateAttr

from llmops_plugins.cascade.calibration import calibrate
from llmops_plugins.cascade.middleware import CascadeMiddleware
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.models.prices import PriceBook
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.tool_calls import ValidToolCalls


@pytest.fixture(params=["sync", "async"])
def answer(request):
    """Ask a model, sync or async; return its reply."""

    def ask(model, config=None):
        if request.param == "sync":
            return model.invoke("6 * 7?", config)
        return asyncio.run(model.ainvoke("6 * 7?", config))

    return ask


# --- what it is built of -------------------------------------------------------------------------


def test_models_are_found_by_the_names_the_policy_knows_them_by(simulation, policy):
    models = simulation.models()
    middleware = CascadeMiddleware(policy=policy, models={**models.named, "unused": models.own})
    assert [list(tier.models) for tier in middleware.tiers] == [
        [models.named["a"], models.named["b"]],
        [models.named["large"]],
    ]


def test_a_name_left_out_is_an_init_chat_model_string(simulation, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-key")
    policy = simulation.agreement_policy(("a", "openai:gpt-4o-mini"), last="openai:gpt-4o")
    middleware = CascadeMiddleware(policy=policy, models=simulation.models().named)
    assert [model.model_name for tier in middleware.tiers for model in tier.models] == [
        "a",
        "gpt-4o-mini",
        "gpt-4o",
    ]


@pytest.mark.parametrize("missing", ["a", "large"])
def test_a_name_that_is_neither_is_refused_in_one_sentence(simulation, policy, missing):
    models = simulation.models().named
    del models[missing]
    with pytest.raises(ConfigurationError) as refused:
        CascadeMiddleware(policy=policy, models=models)
    assert refused.value.field == "models"
    assert f"lacks {missing!r}" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("as_path", [str, lambda path: path])
def test_a_policy_may_be_a_file(simulation, policy, tmp_path, as_path, answer):
    policy.save(tmp_path / "policy.json")
    models = simulation.models()
    assert answer(models.wrap(as_path(tmp_path / "policy.json"))).text == "42"


@pytest.mark.parametrize(
    ("settings", "field", "fix"),
    [
        ({"policy": None}, "tiers", "give tiers with a verifier, or a policy"),
        ({"tiers": ["x", "y"]}, "tiers", "exclude each other, give one of them"),
        ({"models": ["x"]}, "models", "must map names to chat models, got list"),
        ({"recheck_share": "0.5"}, "recheck_share", "must be a number from 0 to 1"),
        ({"rechecks_an_hour": -1}, "rechecks_an_hour", "0 or more, got -1"),
        ({"policy": "no-such-file.json"}, "policy", "cannot be read"),
        ({"policy": {"stages": []}}, "policy", "must be a CascadePolicy or the file of one, got dict"),
        ({"recheck_share": 1.5}, "recheck_share", "from 0 to 1"),
        ({"recheck_share": -0.1}, "recheck_share", "from 0 to 1"),
        ({"timeout": 0}, "timeout", "above 0 seconds"),
        ({"models": {"a": 7}}, "models['a']", "must be a chat model"),
        ({"verify": ValidToolCalls}, "verify", "ValidToolCalls(...)"),
        ({"mode": "dry"}, "mode", "must be one of on, shadow, off"),
    ],
)
def test_what_cannot_work_is_refused_when_built_naming_field_and_fix(
    simulation, policy, settings, field, fix
):
    with pytest.raises(ConfigurationError) as refused:
        CascadeMiddleware(**{"policy": policy, "models": simulation.models().named, **settings})
    assert refused.value.field == field
    assert fix in str(refused.value)


# --- who answers ---------------------------------------------------------------------------------


def test_models_that_agree_answer_and_no_other_is_asked(simulation, policy, answer):
    models = simulation.models()
    assert answer(models.wrap(policy)).text == "42"
    assert models.calls == (1, 1, 0, 0)


def test_models_that_differ_leave_it_to_the_last(simulation, policy, answer):
    models = simulation.models(b="41")
    assert answer(models.wrap(policy)).text == "I see: 43."
    assert models.calls == (1, 1, 1, 0)


def test_a_calibrated_policy_accepts_in_the_agent_what_it_accepted_in_the_records(simulation, answer):
    policy = calibrate(simulation.records(rows=300), prices=PriceBook())
    text = "Let me see. Let me see. The answer is {}."
    agreeing = simulation.models(*[text.format("000007")] * 2)
    differing = simulation.models(text.format("error0"), text.format("error1"))
    assert answer(agreeing.wrap(policy)).text == text.format("000007")
    assert answer(differing.wrap(policy)).text == "I see: 43."


def test_a_policy_without_stages_passes_the_call_to_its_last_model(simulation, policy, answer, listener):
    models = simulation.models()
    alone = policy.model_copy(update={"stages": (), "by_accuracy": ()})
    wrapped = models.wrap(alone, recheck_share=1.0)
    assert answer(wrapped, {"callbacks": [listener]}).text == "I see: 43."
    assert models.calls == (0, 0, 1, 0)
    assert listener.outcomes == ["escalated"]
    assert [chunk.text for chunk in wrapped.stream("?") if chunk.text] == ["I ", "see: ", "43."]


class Meeting(ScriptedChatModel):
    """Counts how many of them are at work at once."""

    _gathered: list = PrivateAttr(default_factory=lambda: [0, 0])

    def _enter(self):
        self._gathered[0] += 1
        self._gathered[1] = max(self._gathered)

    def _generate(self, *args, **kwargs):
        self._enter()
        time.sleep(0.1)
        self._gathered[0] -= 1
        return super()._generate(*args, **kwargs)

    async def _agenerate(self, *args, **kwargs):
        self._enter()
        await asyncio.sleep(0.1)
        self._gathered[0] -= 1
        return await super()._agenerate(*args, **kwargs)


def test_models_of_a_stage_are_asked_at_once(simulation, policy, answer):
    models = simulation.models()
    a, b = (Meeting(replies=["42"], model_name=name) for name in "ab")
    b._gathered = a._gathered
    models.named |= {"a": a, "b": b}
    assert answer(models.wrap(policy)).text == "42"
    assert a._gathered == [0, 2]


# --- tools and structured output -----------------------------------------------------------------


def double(x: int) -> str:
    """Double a number."""
    return str(2 * x)


def calling(x):
    return AIMessage("", tool_calls=[{"type": "tool_call", "name": "double", "args": {"x": x}, "id": "1"}])


@pytest.mark.parametrize(
    ("verify", "argument", "answered_by"),
    [(None, 1, "large"), (ValidToolCalls(), 1, "a"), (ValidToolCalls(), "no number", "large")],
)
def test_tool_calls_go_to_the_last_model_unless_a_verifier_accepts_them(
    simulation, policy, answer, verify, argument, answered_by
):
    models = simulation.models(a=calling(argument), b=calling(argument), large=calling(7))
    reply = answer(models.wrap(policy, verify=verify).bind_tools([double]))
    assert reply.response_metadata["model_name"] == answered_by
    assert models.calls == (1, 1, int(answered_by == "large"), 0)


class Person(BaseModel):
    """A person."""

    name: str


@pytest.mark.parametrize(("verify", "name"), [(None, "from large"), (ValidToolCalls(), "from a")])
@pytest.mark.parametrize("method", ["invoke", "ainvoke"])
def test_structured_output_goes_through(simulation, policy, verify, name, method):
    models = simulation.models(
        *[
            AIMessage("", tool_calls=[{"name": "Person", "args": {"name": f"from {one}"}, "id": one}])
            for one in ("a", "b", "large")
        ]
    )
    middleware = CascadeMiddleware(policy=policy, models=models.named, verify=verify, recheck_share=0)
    agent = create_agent(models.own, [], middleware=[middleware], response_format=Person)
    question = {"messages": [("user", "who?")]}
    state = agent.invoke(question) if method == "invoke" else asyncio.run(agent.ainvoke(question))
    assert state["structured_response"] == Person(name=name)


# --- failures ------------------------------------------------------------------------------------


@pytest.mark.parametrize("broken", ["a", "b"])
def test_a_model_that_raises_leaves_it_to_the_last(simulation, policy, answer, broken):
    models = simulation.models(**{broken: ConnectionError("down")})
    assert answer(models.wrap(policy)).text == "I see: 43."


@pytest.mark.parametrize("slow", ["a", "b"])
def test_a_model_that_is_late_leaves_it_to_the_last(simulation, policy, answer, slow):
    models = simulation.models()
    models.named[slow].delay = 3.0
    started = time.perf_counter()
    assert answer(models.wrap(policy, timeout=0.05)).text == "I see: 43."
    assert time.perf_counter() - started < 3.0


def test_a_stage_of_one_model_that_is_late_leaves_it_to_the_last(simulation, answer):
    models = simulation.models()
    models.named["a"].delay = 0.6
    assert answer(models.wrap(simulation.agreement_policy(("a",)), timeout=0.05)).text == "I see: 43."


def test_where_all_fail_the_last_models_error_comes_through_unchanged(simulation, policy, answer):
    own = ConnectionError("the last one's")
    models = simulation.models(a=TimeoutError("a"), b=TimeoutError("b"), large=own)
    with pytest.raises(ConnectionError) as raised:
        answer(models.wrap(policy))
    assert raised.value is own
    assert models.calls == (1, 1, 1, 0)  # once each: nobody tries again behind the user's back


@pytest.mark.parametrize("method", ["ainvoke", "astream"])
async def test_cancellation_in_mid_cascade_leaves_no_task_behind(simulation, policy, listener, method):
    models = simulation.models()
    models.named["a"].delay = models.named["b"].delay = 30.0
    wrapped = models.wrap(policy)

    async def use():
        if method == "ainvoke":
            return await wrapped.ainvoke("?", {"callbacks": [listener]})
        return [one async for one in wrapped.astream("?", {"callbacks": [listener]})]

    task = asyncio.create_task(use())
    while len(listener.model_runs) < 2:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.02)
    assert models.calls == (0, 0, 0, 0)
    assert listener.outcomes == []
    assert len(asyncio.all_tasks()) == 1


# --- streams -------------------------------------------------------------------------------------


def streamed(wrapped):
    async def collect():
        return [chunk.text async for chunk in wrapped.astream("?") if chunk.text]

    together = [chunk.text for chunk in wrapped.stream("?") if chunk.text]
    assert asyncio.run(collect()) == together
    return together


def test_an_accepted_answer_arrives_whole(simulation, policy):
    assert streamed(simulation.models(a="It is 42", b="42").wrap(policy, extract=lambda text: text[-2:])) == [
        "It is 42"
    ]


def test_the_last_model_streams_and_rejected_answers_are_never_seen(simulation, policy):
    assert streamed(simulation.models(b="41").wrap(policy)) == ["I ", "see: ", "43."]
