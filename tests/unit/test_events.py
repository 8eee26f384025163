"""Decisions say who decided what and why, as plain data, and are written where LangSmith can see them."""

import asyncio
import json
from dataclasses import FrozenInstanceError, fields
from types import MappingProxyType

import pytest
from langchain_core.runnables import RunnableLambda
from langsmith import trace, tracing_context

from llmops_plugins.dispatch import LANGSMITH_DECISIONS_KEY, adispatch_decision, dispatch_decision
from llmops_plugins.events import AvoidedCall, Decision

AVOIDED = AvoidedCall(
    provider="openai", model="big", input_tokens=3, output_tokens=2, basis="estimated", source="the median"
)
FULL = Decision(
    capability="cascade",
    outcome="accepted",
    reason="two agree",
    returned="a",
    rejected=("b",),
    hidden=("c", "d"),
    avoided=AVOIDED,
    details=MappingProxyType({"tier": 0}),
)


@pytest.mark.parametrize("decision", [FULL, Decision(capability="c", outcome="o", reason="")])
def test_a_decision_is_plain_json_with_every_field(decision):
    data = decision.to_dict()
    assert json.loads(json.dumps(data)) == data
    assert set(data) == {field.name for field in fields(Decision)}


def test_a_decision_keeps_what_it_was_told():
    data = FULL.to_dict()
    assert data["avoided"]["source"] == "the median"
    assert data["rejected"] == ["b"]
    assert data["details"] == {"tier": 0}


def test_the_data_is_the_listeners_own():
    details = {"tier": 0}
    Decision(capability="c", outcome="o", reason="", details=details).to_dict()["details"]["tier"] = 9
    assert details == {"tier": 0}


def test_decisions_do_not_change_and_are_built_by_name():
    with pytest.raises(FrozenInstanceError):
        FULL.outcome = "other"
    with pytest.raises(TypeError):
        Decision("c", "o", "r")


def test_a_listener_hears_a_decision_once(listener):
    RunnableLambda(lambda _: dispatch_decision(FULL)).invoke(0, {"callbacks": [listener]})
    assert listener.decisions == [FULL.to_dict()]


async def test_a_listener_hears_an_async_decision_once(listener):
    async def decide(_):
        await adispatch_decision(FULL)

    await RunnableLambda(decide).ainvoke(0, {"callbacks": [listener]})
    assert listener.decisions == [FULL.to_dict()]


def test_without_a_run_a_decision_is_dropped():
    dispatch_decision(FULL)
    asyncio.run(adispatch_decision(FULL))


def test_decisions_are_listed_in_the_metadata_of_the_langsmith_run():
    with tracing_context(enabled="local"), trace("node") as run:
        dispatch_decision(FULL)
        dispatch_decision(Decision(capability="cache", outcome="miss", reason=""))
    assert [one["outcome"] for one in run.metadata[LANGSMITH_DECISIONS_KEY]] == ["accepted", "miss"]
