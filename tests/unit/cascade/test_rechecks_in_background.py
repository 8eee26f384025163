"""An accepted answer is asked of the reference again, behind the user's back and never at their expense."""

import asyncio
import threading

import pytest
from langchain_core.messages import AIMessage

from llmops_plugins.background import BACKGROUND
from llmops_plugins.verification.tool_calls import ValidToolCalls


def double(x: int) -> str:
    """Double a number."""
    return str(2 * x)


def rechecks(listener):
    return [one for one in listener.decisions if one["outcome"] in ("rechecked", "bound_breached")]


def test_asking_again_does_not_delay_the_answer(simulation, policy, listener):
    models = simulation.models(large="The answer is 42")
    models.named["large"].delay = 0.5
    wrapped = models.wrap(policy, recheck_share=1.0)
    assert wrapped.invoke("?", {"callbacks": [listener]}).text == "42"
    assert rechecks(listener) == []  # it has not been made yet
    assert BACKGROUND.drain()
    (check,) = rechecks(listener)
    assert (check["outcome"], check["mode"], check["details"]["differs"]) == ("rechecked", "shadow", False)
    assert models.calls == (1, 1, 1, 0)


async def test_asking_again_goes_on_after_an_async_answer(simulation, policy, listener):
    models = simulation.models(large="The answer is 43")
    wrapped = models.wrap(policy, recheck_share=1.0)
    assert (await wrapped.ainvoke("?", {"callbacks": [listener]})).text == "42"
    assert await BACKGROUND.adrain()
    (check,) = rechecks(listener)
    assert check["details"]["differs"] is True
    assert len(asyncio.all_tasks()) == 1


def test_a_reference_that_fails_breaks_nothing(simulation, policy, listener):
    models = simulation.models(large=ConnectionError("down"))
    failed = BACKGROUND.counts.failed
    wrapped = models.wrap(policy, recheck_share=1.0)
    assert wrapped.invoke("?", {"callbacks": [listener]}).text == "42"
    assert BACKGROUND.drain()
    assert BACKGROUND.counts.failed == failed + 1
    assert rechecks(listener) == []
    assert wrapped.invoke("?").text == "42"
    assert BACKGROUND.drain()


def test_what_is_asked_again_never_reaches_the_stream(simulation, policy):
    models = simulation.models(large="never seen")
    wrapped = models.wrap(policy, recheck_share=1.0)
    assert [chunk.text for chunk in wrapped.stream("?") if chunk.text] == ["42"]
    assert BACKGROUND.drain()
    assert models.calls == (1, 1, 1, 0)


@pytest.mark.parametrize(
    "settings", [{"recheck_share": 0.0}, {"rechecks_an_hour": 0}, {"mode": "shadow"}, {"mode": "off"}]
)
def test_nothing_is_asked_again_where_it_was_not_asked_for(simulation, policy, settings):
    models = simulation.models()
    models.wrap(policy, **{"recheck_share": 1.0, **settings}).invoke("?")
    assert BACKGROUND.drain()
    assert len(models.named["large"].calls) == 0


def test_what_a_verifier_accepted_is_outside_of_the_bound_and_not_asked_again(simulation, policy):
    calling = AIMessage("", tool_calls=[{"name": "double", "args": {"x": 1}, "id": "1"}])
    models = simulation.models(a=calling, b=calling)
    wrapped = models.wrap(policy, verify=ValidToolCalls(), recheck_share=1.0).bind_tools([double])
    assert wrapped.invoke("?").tool_calls
    assert BACKGROUND.drain()
    assert models.calls == (1, 1, 0, 0)


def test_after_a_breach_what_was_accepted_before_is_escalated(simulation, listener):
    policy = simulation.agreement_policy(sure=0.84)  # asking the last is worth 0.8, the margin will be 0.05
    models = simulation.models()
    wrapped = models.wrap(policy, recheck_share=1.0, rechecks_an_hour=1000)
    answers = []
    while "bound_breached" not in listener.outcomes:
        answers.append(wrapped.invoke("?", {"callbacks": [listener]}).text)
        assert BACKGROUND.drain()
        assert len(answers) < 50
    assert set(answers) == {"42"}
    assert wrapped.invoke("?").text == "I see: 43."


def test_threads_share_one_monitor(simulation, policy, listener):
    models = simulation.models(large="The answer is 42")
    wrapped = models.wrap(policy, recheck_share=1.0, rechecks_an_hour=5)
    threads = [threading.Thread(target=wrapped.invoke, args=("?",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert BACKGROUND.drain()
    assert models.calls == (8, 8, 5, 0)
