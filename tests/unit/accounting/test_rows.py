"""One observed call as a row: who says what it used, and who says what it cost."""

import asyncio
from datetime import UTC, datetime

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, LLMResult

from llmops_plugins.accounting.breakdown import SentBefore
from llmops_plugins.accounting.observed import ObservedCall, Run, RunTree
from llmops_plugins.accounting.rows import call_row
from llmops_plugins.models.prices import PriceBook
from llmops_plugins.models.registry import ModelRegistry, ModelSpec, Price

PRICES = PriceBook(ModelRegistry([ModelSpec(name="m", model="p:m", prices=(Price(input=1.0, output=2.0),))]))
MILLION = {"input_tokens": 1_000_000, "output_tokens": 1_000_000, "total_tokens": 2_000_000}


def row(
    usage=None, text="x" * 40, error=None, ended=True, content="none", metadata=None, answered="m", **fields
):
    message = AIMessage(text, id="i", response_metadata={"model_name": answered}).model_copy(
        update={"usage_metadata": usage}
    )
    observed = ObservedCall(
        run_id="c",
        parent_id="p",
        run=Run(RunTree("r")),
        messages=[HumanMessage("?" * 384)],  # 100 tokens with the template's
        metadata={"ls_provider": "p", "ls_model_name": "m", **(metadata or {})},
        parameters={},
        started_at=1_000.0,
        started_clock=1.0,
        ended_clock=3.5,
        result=LLMResult(generations=[[ChatGeneration(message=message)]]),
        error=error,
    )
    for name, value in fields.items():
        setattr(observed, name, value)
    return call_row(observed, prices=PRICES, sent_before=SentBefore(), content=content)


def test_an_ordinary_call():
    found = row(MILLION, first_token_clock=1.5)
    assert (found["status"], found["usage_source"], found["cost_usd"]) == ("ok", "reported", 3.0)
    assert (found["latency_seconds"], found["first_token_seconds"]) == (2.5, 0.5)
    assert (found["trace_id"], found["parent_id"], found["message_id"]) == ("r", "p", "i")
    assert found["started_at"] == datetime.fromtimestamp(1_000, UTC)


def test_no_usage_is_no_cost_and_never_zero():
    found = row(None)
    assert (found["usage_source"], found["input_tokens"], found["cost_usd"]) == ("none", None, None)


@pytest.mark.parametrize("error", [GeneratorExit(), asyncio.CancelledError(), KeyboardInterrupt()])
def test_an_aborted_call_is_estimated_from_its_own_text(error):
    found = row(None, error=error)
    assert (found["status"], found["usage_source"]) == ("aborted", "estimated")
    assert (found["input_tokens"], found["output_tokens"]) == (100, 10)
    assert found["cost_usd"] == pytest.approx(100e-6 + 20e-6)


def test_what_the_provider_had_said_by_then_is_kept():
    found = row({"input_tokens": 7, "output_tokens": 1, "total_tokens": 8}, error=GeneratorExit())
    assert (found["input_tokens"], found["output_tokens"], found["usage_source"]) == (7, 10, "estimated")


def test_an_error_before_the_first_token_was_not_billed():
    found = row(None, text="", error=ValueError("secret"))
    assert (found["status"], found["usage_source"], found["error"]) == ("error", "none", "ValueError")
    assert "secret" not in str(found)


@pytest.mark.parametrize(
    ("fields", "status"),
    [({}, "refused"), ({"first_token_clock": 1.1}, "aborted")],
    ids=["nothing", "a token"],
)
def test_a_call_whose_end_never_came(fields, status):
    found = row(result=None, ended_clock=None, **fields)
    assert (found["status"], found["latency_seconds"]) == (status, None)
    assert (found["input_tokens"] is None) == (status == "refused")


def test_the_users_price_for_the_model_asked_for_goes_before_lists_of_the_one_that_answered():
    assert row(MILLION, answered="gpt-4o")["price_source"] == "override"
    assert row(MILLION, answered="gpt-4o")["model"] == "gpt-4o"


def test_content_only_where_asked():
    assert [row(MILLION)[name] for name in ("prompt", "answer")] == [None, None]
    full = row(MILLION, content="full", text="ann@example.org")
    assert (full["answer"], "?" * 384 in full["prompt"]) == ("ann@example.org", True)
    assert row(MILLION, content="redacted", text="ann@example.org")["answer"] == "[email]"


def test_values_that_no_column_takes_are_made_to_fit():
    found = row(MILLION, metadata={"ls_provider": 3, "langgraph_step": "x", "thread_id": "y" * 999})
    assert (found["provider"], found["step"], len(found["thread_id"])) == ("3", None, 255)


@pytest.mark.parametrize(("addresses", "before"), [(0, 199_990), (0, 209_990), (1_500, 209_990)])
def test_no_beginning_of_a_secret_stays_where_a_text_is_cut(addresses, before):
    key = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789"
    begins = ("ann@example.org " * addresses + "x " * before)[: before - before % 2]
    answer = row(MILLION, content="redacted", text=f"{begins} {key} and so on")["answer"]
    assert "sk-" not in answer
    assert 180_000 < len(answer) <= 200_000
