"""Usage wherever providers put it."""

import pytest
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, Generation, LLMResult

from llmops_plugins.models.usage import (
    is_llm_cache_hit,
    reply_of,
    reported_cost_usd,
    reported_model,
    reported_usage,
    snapshot,
)


def result(message=None, llm_output=None, **fields):
    message = message or AIMessage("x", **fields)
    return LLMResult(generations=[[ChatGeneration(message=message)]], llm_output=llm_output)


def usage(**more):
    return {"input_tokens": 100, "output_tokens": 20, "total_tokens": 120, **more}


def test_every_kind_of_token():
    details = {
        "input_token_details": {"cache_read": 30, "cache_creation": 10, "audio": 5},
        "output_token_details": {"reasoning": 8, "audio": 3},
    }
    found = reported_usage(result(usage_metadata=usage(**details)))
    assert (found.input_tokens, found.output_tokens) == (100, 20)
    assert (found.cache_read_tokens, found.cache_write_tokens) == (30, 10)
    assert (found.input_audio_tokens, found.output_audio_tokens, found.reasoning_tokens) == (5, 3, 8)


def test_cache_writes_reported_by_lifetime_are_summed():
    details = {"input_token_details": {"ephemeral_5m_input_tokens": 7, "ephemeral_1h_input_tokens": 2}}
    assert reported_usage(result(usage_metadata=usage(**details))).cache_write_tokens == 9


@pytest.mark.parametrize(
    "found",
    [
        result(response_metadata={"token_usage": {"prompt_tokens": 100, "completion_tokens": 20}}),
        result(response_metadata={"usage": {"input_tokens": 100, "output_tokens": 20}}),
        result(llm_output={"token_usage": {"prompt_tokens": 100, "completion_tokens": 20}}),
        LLMResult(
            generations=[[Generation(text="x")]],
            llm_output={"token_usage": {"prompt_tokens": 100, "completion_tokens": 20}},
        ),
    ],
)
def test_older_places(found):
    assert (reported_usage(found).input_tokens, reported_usage(found).output_tokens) == (100, 20)


@pytest.mark.parametrize(
    "found", [None, result(), result(llm_output={"token_usage": {}}), LLMResult(generations=[])]
)
def test_none_is_none_and_never_zero(found):
    assert reported_usage(found) is None


def test_several_generations_share_one_bill():
    two = [ChatGeneration(message=AIMessage("x", usage_metadata=usage())) for _ in range(2)]
    assert reported_usage(LLMResult(generations=[two])).input_tokens == 100


def test_the_model_that_answered():
    assert (
        reported_model(result(response_metadata={"model_name": "gpt-4o-2024-08-06"})) == "gpt-4o-2024-08-06"
    )
    assert reported_model(result(llm_output={"model": "m"})) == "m"
    assert reported_model(result()) is None
    assert reported_model(None) is None


@pytest.mark.parametrize(
    ("cost", "usd", "hit"),
    [
        (0.5, 0.5, False),
        (0.0, 0.0, False),
        (0, None, True),
        (None, None, False),
        (True, None, False),
        (float("nan"), None, False),
        (-1.0, None, False),
        ("1", None, False),
    ],
)
def test_integer_zero_is_the_cache_and_any_other_cost_the_providers(cost, usd, hit):
    # As LangChain does it: a copy takes what a new message would refuse.
    found = result(AIMessage("x").model_copy(update={"usage_metadata": usage(total_cost=cost)}))
    assert (reported_cost_usd(found), is_llm_cache_hit(found)) == (usd, hit)


def test_a_text_models_text_is_a_reply():
    assert reply_of(LLMResult(generations=[[Generation(text="x")]])).text == "x"


def test_a_snapshot_does_not_change_when_the_cache_exchanges_the_message():
    found = result(usage_metadata=usage())
    kept = snapshot(found)
    found.generations[0][0].message = AIMessage("x", usage_metadata=usage()).model_copy(
        update={"usage_metadata": usage(total_cost=0)}
    )
    assert is_llm_cache_hit(found)
    assert not is_llm_cache_hit(kept)
    assert snapshot(None) is None
