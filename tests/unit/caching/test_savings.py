"""A hit spared the calls behind the answer, less what the provider's own prompt cache would have."""

import pytest

from llmops_plugins import CostLedger, with_middleware
from llmops_plugins.caching.entry import RecordedUsage
from llmops_plugins.caching.savings import PromptCaching
from llmops_plugins.models.registry import ModelRegistry, ModelSpec, Price
from tests.unit.caching.fakes import QUESTION, UNLIKE, Cached, scripted


def usage(**settings):
    defaults = {"provider": "openai", "model": "m", "calls": 1, "input_tokens": 2000, "output_tokens": 10}
    return RecordedUsage(**{**defaults, **settings})


def test_an_exact_hit_is_measured_and_one_in_other_words_is_estimated():
    exact = PromptCaching().avoided(usage(), exact=True, warm=False)
    assert (exact.input_tokens, exact.output_tokens, exact.cache_read_tokens) == (2000, 10, 0)
    assert exact.basis == "measured"
    assert PromptCaching().avoided(usage(), exact=False, warm=False).basis == "estimated"


@pytest.mark.parametrize(
    ("settings", "served"),
    [
        ({}, 1920),  # 15 times 128
        ({"input_tokens": 1023}, 0),
        ({"input_tokens": 1024}, 1024),
        ({"cache_read_tokens": 1930}, 1930),
        ({"provider": "anthropic"}, 0),  # where caching has to be asked for
        ({"provider": None}, 0),
        ({"input_tokens": None}, 0),
        ({"calls": 2, "input_tokens": 2600}, 2560),
        ({"calls": 2, "input_tokens": 2000}, 0),
    ],
)
def test_a_warm_prompt_would_have_been_cheaper_anyway(settings, served):
    assert PromptCaching().avoided(usage(**settings), exact=True, warm=True).cache_read_tokens == served


def test_what_the_provider_served_last_time_counts_also_cold():
    avoided = PromptCaching().avoided(usage(cache_read_tokens=512), exact=True, warm=False)
    assert avoided.cache_read_tokens == 512


def test_nothing_is_known_of_an_answer_from_elsewhere():
    assert PromptCaching().avoided(None, exact=True, warm=True) is None


def test_a_partition_is_warm_for_five_minutes_after_each_request():
    caching = PromptCaching()
    assert [caching.note_request("a", at) for at in (0, 299, 598, 898)] == [False, True, True, False]
    assert not caching.note_request("b", 299)


@pytest.mark.parametrize(("provider", "cached_tokens"), [("openai", 1920), ("scripted", 0)])
def test_the_report_counts_what_a_prompt_cache_would_have_left_to_save(provider, cached_tokens):
    price = Price(input=2.0, output=8.0, cache_read=0.2)
    registry = ModelRegistry([ModelSpec(name="large", prices=(price,))])
    used = {"input_tokens": 2000, "output_tokens": 100, "total_tokens": 2100}
    model = scripted("Berlin.", model_name="large", provider=provider, usage=used)
    chat = with_middleware(model, Cached().middleware)
    with CostLedger("sqlite://", registry=registry) as ledger:
        for question in (QUESTION, UNLIKE, QUESTION):
            chat.invoke(question)
        totals = ledger.report().totals
    call_usd = 2000 * 2e-6 + 100 * 8e-6
    assert totals.saved_measured_usd == pytest.approx(call_usd - cached_tokens * 1.8e-6)
    assert totals.cost_usd == pytest.approx(2 * call_usd)
