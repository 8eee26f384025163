"""One call costs the same, whoever asks: the books, the planner or a demonstration."""

from datetime import UTC, datetime

import pytest
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult

from llmops_plugins.models.call_cost import reply_cost_usd, result_cost_usd
from llmops_plugins.models.prices import PriceBook, TokenUsage
from llmops_plugins.models.registry import ModelRegistry, ModelSpec, Price
from llmops_plugins.testing import ScriptedChatModel

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OURS = PriceBook(
    ModelRegistry(
        [
            ModelSpec(
                name="ours", prices=[Price(input=1, output=10, cache_read=0.5, cache_write=2, input_audio=4)]
            )
        ]
    )
)
LISTS = PriceBook()
CACHED = {"cache_read": 200_000, "cache_creation": 100_000, "audio": 100_000}
COST_OF_CACHED = 0.6 * 1 + 0.2 * 0.5 + 0.1 * 2 + 0.1 * 4 + 0.5 * 10


def reply(details=None, answered=None, **more):
    usage = {"input_tokens": 1_000_000, "output_tokens": 500_000, "total_tokens": 1_500_000, **more}
    return AIMessage(
        "x",
        usage_metadata={**usage, "input_token_details": details or {}},
        response_metadata={"model_name": answered} if answered else {},
    )


def result_of(message):
    return LLMResult(generations=[[ChatGeneration(message=message)]])


def cost(message, prices=OURS, model="ours", provider=None):
    return result_cost_usd(prices, provider, model, result_of(message), NOW)


def test_every_kind_of_token_has_its_price():
    assert cost(reply(CACHED)) == pytest.approx(COST_OF_CACHED)


def test_the_providers_own_bill_goes_before_prices():
    assert cost(reply(total_cost=0.125)) == 0.125


def test_an_answer_of_langchains_cache_costs_nothing():
    assert cost(reply(total_cost=0)) == 0.0


def test_the_users_price_of_the_model_asked_for_goes_before_a_list_price_of_the_one_that_answered():
    assert cost(reply(answered="gpt-4o-mini-2024-07-18"), provider="openai") == pytest.approx(1 + 5)


def test_a_list_is_asked_for_the_model_that_answered():
    usage = TokenUsage(input_tokens=1_000_000, output_tokens=500_000)
    dearer = LISTS.price("openai", "gpt-4o", usage, NOW).total_usd
    asked_for = LISTS.price("openai", "gpt-4o-mini", usage, NOW).total_usd
    assert cost(reply(answered="gpt-4o"), LISTS, "gpt-4o-mini", "openai") == dearer > asked_for


def test_an_answer_of_a_model_that_no_list_has_costs_what_the_one_asked_for_does():
    usage = TokenUsage(input_tokens=1_000_000, output_tokens=500_000)
    asked_for = LISTS.price("openai", "gpt-4o-mini", usage, NOW).total_usd
    assert cost(reply(answered="deployment-7"), LISTS, "gpt-4o-mini", "openai") == asked_for


@pytest.mark.parametrize(
    ("message", "model"), [(AIMessage("x"), "ours"), (reply(), "nobody's"), (reply(), "")]
)
def test_without_usage_or_price_the_cost_is_unknown(message, model):
    assert cost(message, model=model) is None


def test_replies_cost_what_their_results_do():
    model = ScriptedChatModel(replies=["never asked"], model_name="ours")
    bill = AIMessage(
        "x", response_metadata={"token_usage": {"prompt_tokens": 1_000_000, "completion_tokens": 0}}
    )
    assert reply_cost_usd(OURS, model, [reply(CACHED), bill], NOW) == pytest.approx(COST_OF_CACHED + 1)
    assert reply_cost_usd(OURS, model, [], NOW) == 0


def test_one_reply_of_unknown_cost_leaves_the_sum_unknown():
    model = ScriptedChatModel(replies=["never asked"], model_name="ours")
    assert reply_cost_usd(OURS, model, [reply(), AIMessage("x")], NOW) is None
    assert reply_cost_usd(OURS, None, [reply()], NOW) is None
