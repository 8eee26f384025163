"""Demonstrations in front of a real agent and a bare model, called, streamed, with the ledger listening."""

import asyncio

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage
from sqlalchemy import select

from llmops_plugins import CostLedger
from llmops_plugins.background import BACKGROUND
from llmops_plugins.hierarchy.demonstrations.rendering import render
from llmops_plugins.hierarchy.middleware import DemonstrationsMiddleware
from llmops_plugins.storage.ledger_tables import CALLS
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.wrapped_model.wrap import with_middleware
from tests.unit.hierarchy.solved import LIKE_IT, SOLUTION, new_store, share

IMAGE = {"type": "image", "url": "https://example.org/harbour.png"}


def tide(town: str) -> str:
    """Return the tide of a town."""
    return "12"


class Harbour:
    """A model that answers, and a store whose demonstration it is shown."""

    def __init__(self, *replies, **settings):
        self.store = new_store()
        self.key = share(self.store)
        self.model = ScriptedChatModel(replies=list(replies) or ["Twelve metres."], usage=None)
        self.middleware = DemonstrationsMiddleware(self.store, **{"user": "zoe", **settings})

    @property
    def agent(self):
        return create_agent(self.model, [tide], middleware=[self.middleware])

    @property
    def wrapped(self):
        return with_middleware(self.model, self.middleware)

    def shown(self):
        """Return the texts of the person's last message, by call."""
        return [[one for one in call if isinstance(one, HumanMessage)][-1] for call in self.model.calls]


def messages_of(question):
    return {"messages": [HumanMessage(question)]}


async def collected(stream):
    return [one async for one in stream]


def streamed_text(parts):
    return "".join(chunk.text for chunk, _ in parts if isinstance(chunk, AIMessage))


AGENT_WAYS = {
    "invoke": lambda agent, config: agent.invoke(messages_of(LIKE_IT), config)["messages"][-1].text,
    "ainvoke": lambda agent, config: (
        asyncio.run(agent.ainvoke(messages_of(LIKE_IT), config))["messages"][-1].text
    ),
    "stream": lambda agent, config: streamed_text(
        agent.stream(messages_of(LIKE_IT), config, stream_mode="messages")
    ),
    "astream": lambda agent, config: streamed_text(
        asyncio.run(collected(agent.astream(messages_of(LIKE_IT), config, stream_mode="messages")))
    ),
}
MODEL_WAYS = {
    "invoke": lambda model, config: model.invoke(LIKE_IT, config).text,
    "ainvoke": lambda model, config: asyncio.run(model.ainvoke(LIKE_IT, config)).text,
    "stream": lambda model, config: "".join(chunk.text for chunk in model.stream(LIKE_IT, config)),
    "astream": lambda model, config: "".join(
        chunk.text for chunk in asyncio.run(collected(model.astream(LIKE_IT, config)))
    ),
}


@pytest.mark.parametrize("way", AGENT_WAYS)
def test_an_agents_model_is_shown_what_was_solved(way, listener):
    harbour = Harbour()
    assert AGENT_WAYS[way](harbour.agent, {"callbacks": [listener]}) == "Twelve metres."
    (asked,) = harbour.shown()
    assert SOLUTION in asked.text
    assert asked.text.endswith(LIKE_IT)
    assert listener.outcomes == ["recalled"]
    assert listener.decisions[0]["details"]["demonstrations"] == [harbour.key]


@pytest.mark.parametrize("way", MODEL_WAYS)
def test_a_bare_model_is_shown_what_was_solved(way, listener):
    harbour = Harbour()
    assert MODEL_WAYS[way](harbour.wrapped, {"callbacks": [listener]}) == "Twelve metres."
    assert SOLUTION in harbour.shown()[0].text
    assert listener.outcomes == ["recalled"]


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_the_state_keeps_the_request_as_it_was_asked(way):
    harbour = Harbour()
    if way == "invoke":
        state = harbour.agent.invoke(messages_of(LIKE_IT))
    else:
        state = asyncio.run(harbour.agent.ainvoke(messages_of(LIKE_IT)))
    assert state["messages"][0].content == LIKE_IT
    assert len(state["messages"]) == 2


def test_every_call_of_a_turn_is_shown_the_same():
    call = {"type": "tool_call", "name": "tide", "args": {"town": "Calais"}, "id": "1"}
    harbour = Harbour(AIMessage("", tool_calls=[call]), "Twelve metres.")
    harbour.agent.invoke(messages_of(LIKE_IT))
    first, second = harbour.shown()
    assert first.content == second.content


def test_pictures_reach_the_model_beside_them():
    harbour = Harbour()
    asked = HumanMessage([{"type": "text", "text": LIKE_IT}, IMAGE])
    harbour.agent.invoke({"messages": [asked]})
    assert IMAGE in harbour.shown()[0].content


@pytest.mark.parametrize("build", ["agent", "wrapped"])
@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
def test_the_ledger_counts_their_tokens_as_demonstrations(build, way, tmp_path):
    harbour = Harbour()
    ways = AGENT_WAYS if build == "agent" else MODEL_WAYS
    with CostLedger(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        ways[way](getattr(harbour, build), {"callbacks": [ledger]})
        report = ledger.report()
        with ledger.engine.connect() as connection:
            found = select(CALLS.c.input_breakdown).where(CALLS.c.kind != "embed")
            breakdown = connection.execute(found).scalar_one()
    expected = len(render(harbour.store.recall(LIKE_IT, user="zoe"))) / 4
    assert breakdown["demonstrations"] == pytest.approx(expected, rel=0.1)
    assert breakdown["user"] == pytest.approx(len(LIKE_IT) / 4, abs=2)
    (decision,) = [one for one in report.decisions if one.capability == "demonstrations"]
    assert (decision.outcome, decision.count) == ("recalled", 1)


@pytest.mark.parametrize("build", ["agent", "wrapped"])
def test_in_shadow_the_model_is_sent_what_it_would_have_been(build, listener):
    harbour = Harbour(mode="shadow")
    ways = AGENT_WAYS if build == "agent" else MODEL_WAYS
    ways["invoke"](getattr(harbour, build), {"callbacks": [listener]})
    assert BACKGROUND.drain()
    assert harbour.shown()[0].content == LIKE_IT
    assert [(one["outcome"], one["mode"]) for one in listener.decisions] == [("recalled", "shadow")]


def test_switched_off_it_looks_for_nothing(listener):
    harbour = Harbour(mode="off")
    harbour.agent.invoke(messages_of(LIKE_IT), {"callbacks": [listener]})
    assert harbour.shown()[0].content == LIKE_IT
    assert listener.decisions == []


def nobody(request):
    raise LookupError("no user")


@pytest.mark.parametrize("way", AGENT_WAYS)
def test_where_it_fails_the_agent_answers_all_the_same(way, listener):
    harbour = Harbour(user=nobody)
    assert AGENT_WAYS[way](harbour.agent, {"callbacks": [listener]}) == "Twelve metres."
    assert harbour.shown()[0].content == LIKE_IT
    assert listener.outcomes == ["failed_open"]
