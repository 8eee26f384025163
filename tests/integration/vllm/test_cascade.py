"""The cascade with a real tier: drafts that do not hold are paid for, and the user never sees them."""

import pytest
from langchain_core.messages import AIMessage

from llmops_plugins.cascade.middleware import CascadeMiddleware
from llmops_plugins.testing import RecordedAnswer, ReplayChatModel, ScriptedChatModel
from llmops_plugins.verification.predicate import Predicate
from tests.integration.vllm.conftest import agent_graph, watch

QUESTION = "Explain your returns policy in detail."


def cascade(*tiers, accept):
    return CascadeMiddleware(tiers=tiers, verify=Predicate(lambda message: accept, name="told to"))


def streamed(agent, config, asynchronous):
    """What a user interface would show, and the answer in the final state."""
    shown, state = watch(agent, QUESTION, config, asynchronous)
    return "".join(shown), state["messages"][-1]


def test_a_rejected_draft_of_the_server_stays_out_of_the_stream(server, books, asynchronous):
    recorded = RecordedAnswer(text="Within thirty days.", input_tokens=20, output_tokens=4, cost_usd=0.01)
    strong = ReplayChatModel(answers={QUESTION: recorded}, model_name="strong")
    agent = agent_graph(strong, middleware=[cascade(server.chat(), strong, accept=False)])
    before = server.counters()
    shown, answer = streamed(agent, books.config, asynchronous)
    counted = server.counters() - before
    assert shown == answer.text == "Within thirty days."
    draft, final = books.calls
    assert (draft.model, draft.rejected, draft.hidden, draft.usage_source) == (
        server.model,
        True,
        True,
        "reported",
    )
    assert (draft.input_tokens, draft.output_tokens) == (counted.input_tokens, counted.output_tokens)
    assert counted.requests == 1
    assert (final.model, final.rejected, final.kind) == ("strong", False, "answer")
    assert [(one.capability, one.outcome) for one in books.decisions] == [("cascade", "escalated")]
    assert books.ledger.report().totals.cost_usd == pytest.approx(draft.cost_usd + 0.01)


def test_the_server_as_the_last_tier_streams_as_it_comes(server, books, asynchronous):
    cheap = ScriptedChatModel(replies=["I do not know."], model_name="cheap")
    strong = server.chat()
    agent = agent_graph(strong, middleware=[cascade(cheap, strong, accept=False)])
    before = server.counters()
    shown, answer = streamed(agent, books.config, asynchronous)
    counted = server.counters() - before
    assert shown == answer.text
    assert "I do not know." not in shown
    draft, final = books.calls
    assert (draft.model, draft.rejected) == ("cheap", True)
    assert (final.model, final.rejected, final.hidden) == (server.model, False, False)
    assert (final.input_tokens, final.output_tokens) == (counted.input_tokens, counted.output_tokens)
    assert final.first_token_seconds > 0


def test_an_accepted_answer_of_the_server_spares_the_strong_model(server, books, asynchronous):
    strong = ScriptedChatModel(replies=[AIMessage("never asked")], model_name="strong")
    agent = agent_graph(strong, middleware=[cascade(server.chat(), strong, accept=True)])
    shown, answer = streamed(agent, books.config, asynchronous)
    assert shown == answer.text != "never asked"
    (call,) = books.calls
    assert (call.model, call.rejected, call.hidden, call.usage_source) == (
        server.model,
        False,
        False,
        "reported",
    )
    (decision,) = books.decisions
    assert decision.outcome == "accepted"
    assert strong.calls == []
