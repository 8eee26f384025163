"""Decisions of a capability land beside the calls: what they spent, what they spared, what they discarded."""

import pytest
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage

from llmops_plugins.effects import CallModel, Emit, Forward
from llmops_plugins.events import AvoidedCall, Decision
from llmops_plugins.flow_middleware import FlowMiddleware


def avoided(model="large"):
    return AvoidedCall(
        provider="scripted",
        model=model,
        input_tokens=10,
        output_tokens=5,
        basis="estimated",
        source="the draft's own tokens",
    )


class DraftFirst(FlowMiddleware):
    """Lets a cheap model draft and a judge decide: the smallest cascade there is."""

    capability = "cascade"

    def __init__(self, draft, judge, avoided, **settings):
        super().__init__(**settings)
        self.draft, self.judge, self.avoided = draft, judge, avoided

    def flow(self, request):
        draft = yield Forward(request.override(model=self.draft))
        message = draft.result[-1]
        verdict = yield CallModel(self.judge, [HumanMessage(message.text)], "judge")
        paid = {"hidden": (verdict.message.id,)}
        if verdict.message.text == "good":
            yield self._say("accepted", returned=message.id, avoided=self.avoided, **paid)
            return draft
        reply = yield Forward(request, live=True)
        yield self._say("escalated", returned=reply.result[-1].id, rejected=(message.id,), **paid)
        return reply

    def shadow_flow(self, request, reply):
        draft = yield CallModel(self.draft, request.messages, "other")
        yield self._say("accepted", mode="shadow", hidden=(draft.message.id,), avoided=self.avoided)

    def _say(self, outcome, **what):
        return Emit(Decision(capability="cascade", outcome=outcome, reason="the judge said so", **what))


def ask(books, agent):
    agent.invoke({"messages": [("user", "?")]}, {**books.config, "metadata": {"tenant": "acme"}})


def agent_of(model, verdict, spared, **settings):
    middleware = DraftFirst(model("small", "a draft"), model("small", verdict), spared, **settings)
    return create_agent(model("large", "the answer"), middleware=[middleware])


def test_an_accepted_draft_spares_the_avoided_call_less_what_was_spent(books, model, call_usd):
    ask(books, agent_of(model, "good", avoided()))
    assert books.kinds == [("small", "answer"), ("small", "judge")]
    assert [call.hidden for call in books.calls] == [False, True]
    (decision,) = books.decisions
    assert (decision.capability, decision.outcome, decision.mode) == ("cascade", "accepted", "on")
    assert decision.spent_usd == pytest.approx(2 * call_usd["small"])
    assert decision.saved_usd == pytest.approx(call_usd["large"] - 2 * call_usd["small"])
    assert (decision.saved_basis, decision.saved_source) == ("estimated", "the draft's own tokens")
    assert (decision.node, decision.trace_id) == ("model", books.calls[0].trace_id)
    assert decision.user_metadata == {"tenant": "acme"}


def test_an_escalation_saves_less_than_nothing(books, model, call_usd):
    ask(books, agent_of(model, "bad", avoided()))
    assert [(c.model, c.kind, c.hidden, c.rejected) for c in books.calls] == [
        ("small", "answer", True, True),  # of the kind of the reply that came in its place
        ("small", "judge", True, False),
        ("large", "answer", False, False),
    ]
    (decision,) = books.decisions
    assert decision.saved_usd == pytest.approx(-2 * call_usd["small"])
    assert decision.saved_basis == "measured"


def test_a_flush_in_between_changes_nothing(books, model, monkeypatch):
    agent = agent_of(model, "bad", avoided())

    def flush_midway(messages):
        assert books.ledger.flush()
        return "the answer"

    agent = create_agent(
        model("large", flush_midway),
        middleware=[DraftFirst(model("small", "a draft"), model("small", "bad"), avoided())],
    )
    ask(books, agent)
    assert [(c.kind, c.hidden, c.rejected) for c in books.calls] == [
        ("answer", True, True),
        ("judge", True, False),
        ("answer", False, False),
    ]


def test_a_shadow_decision_rejects_nothing(books, model):
    from llmops_plugins.background import BACKGROUND

    ask(books, agent_of(model, "good", avoided(), mode="shadow"))
    assert BACKGROUND.drain()
    assert sorted(books.kinds) == [("large", "answer"), ("small", "other")]
    (decision,) = books.decisions
    assert (decision.mode, decision.outcome) == ("shadow", "accepted")
    assert not any(call.rejected for call in books.calls)


def test_what_nothing_prices_saves_nobody_knows_how_much(books, model):
    ask(books, agent_of(model, "good", avoided("unheard-of")))
    assert (books.decisions[0].saved_usd, books.decisions[0].spent_usd > 0) == (None, True)


def test_attached_twice_decides_once(books, model):
    with books.ledger:
        ask(books, agent_of(model, "good", avoided()).with_config(books.config))
    assert len(books.decisions) == 1


def test_an_event_of_that_name_that_is_no_decision_loses_no_call(books, model):
    from langchain_core.callbacks import dispatch_custom_event
    from langchain_core.runnables import RunnableLambda

    def node(text):
        dispatch_custom_event("llmops.decision", {"not": "a decision"})
        return model("large", "hello").invoke(text)

    RunnableLambda(node).invoke("hi", books.config)
    assert books.kinds == [("large", "answer")]
    assert books.ledger.flush()
    assert books.losses == []
