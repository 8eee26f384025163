import subprocess
import sys
import threading
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import genai_prices
import pytest
from genai_prices.data_snapshot import DataSnapshot, get_snapshot, set_custom_snapshot
from genai_prices.types import ClauseEquals, ModelInfo, ModelPrice, Provider
from hypothesis import given
from hypothesis import strategies as st

from llmops_plugins.models.prices import Cost, PriceBook, TokenUsage, Unpriced
from llmops_plugins.models.registry import ModelRegistry, ModelSpec, Price, SelfHosted

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MILLION_EACH = TokenUsage(input_tokens=1_000_000, output_tokens=1_000_000)

counts = st.integers(-1_000, 3_000_000)
usages = st.builds(
    TokenUsage,
    input_tokens=counts,
    output_tokens=counts,
    cache_read_tokens=counts,
    cache_write_tokens=counts,
    input_audio_tokens=counts,
    output_audio_tokens=counts,
    reasoning_tokens=counts,
)
rates = st.floats(0, 1_000)
prices = st.builds(
    Price,
    input=rates,
    output=rates,
    cache_read=st.none() | rates,
    cache_write=st.none() | rates,
    input_audio=st.none() | rates,
    output_audio=st.none() | rates,
)
listed = st.sampled_from(
    [
        ("openai", "gpt-4o-mini"),
        ("openai", "gpt-4o-audio-preview"),
        ("anthropic", "claude-sonnet-4-5"),
        ("google_genai", "gemini-2.5-pro"),
        ("deepseek", "deepseek-chat"),
        ("perplexity", "sonar-deep-research"),
        ("perplexity", "sonar-pro"),
    ]
)
LISTED = PriceBook()


def book(*dated, self_hosted=None, model=None):
    return PriceBook(ModelRegistry([ModelSpec(name="m", model=model, prices=dated, self_hosted=self_hosted)]))


def assert_sound(cost):
    assert isinstance(cost, Cost)
    assert all(usd >= 0 for usd in cost.parts.values())
    assert sum(cost.parts.values()) == pytest.approx(cost.total_usd, rel=1e-15, abs=1e-12)
    assert cost.input_usd + cost.output_usd == pytest.approx(cost.total_usd, rel=1e-15, abs=1e-12)


@given(usages, prices)
def test_parts_of_an_override_are_never_negative_and_sum_to_the_total(usage, price):
    assert_sound(book(price).price(None, "m", usage, NOW))


@given(usages, listed)
def test_parts_of_a_listed_price_are_never_negative_and_sum_to_the_total(usage, call):
    assert_sound(LISTED.price(*call, usage, NOW))


@given(usages, prices, st.integers(0, 10**6), st.integers(0, 10**6))
def test_more_tokens_never_cost_less(usage, price, more_input, more_output):
    larger = TokenUsage(
        **vars(usage)
        | {
            "input_tokens": usage.input_tokens + more_input,
            "output_tokens": usage.output_tokens + more_output,
        }
    )
    priced = book(price)
    assert priced.price(None, "m", larger, NOW).total_usd >= priced.price(None, "m", usage, NOW).total_usd


@given(listed, usages, st.integers(0, 10**6))
def test_more_tokens_never_cost_less_across_listed_tiers(call, usage, more):
    larger = TokenUsage(**vars(usage) | {"input_tokens": usage.input_tokens + more})
    assert LISTED.price(*call, larger, NOW).total_usd >= LISTED.price(*call, usage, NOW).total_usd


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(-48, 48))
def test_a_dated_price_switches_exactly_at_its_day(start, hours):
    priced = book(Price(input=1, output=0), Price(input=5, output=0, effective_from=start))
    midnight = datetime(start.year, start.month, start.day, tzinfo=UTC)
    at = midnight + timedelta(hours=hours)
    expected = 5 if hours >= 0 else 1
    assert priced.price(None, "m", MILLION_EACH, at).total_usd == expected
    assert priced.price(None, "m", MILLION_EACH, midnight - timedelta(microseconds=1)).total_usd == 1


@given(prices, listed, usages)
def test_a_negotiated_price_goes_before_the_list(price, call, usage):
    registry = ModelRegistry([ModelSpec(name=call[1], prices=(price,))])
    cost = PriceBook(registry).price(*call, usage, NOW)
    assert cost.source == "override"
    assert cost == book(price).price(None, "m", usage, NOW)


def test_the_latest_price_in_force_wins_whatever_the_order():
    late = Price(input=3, output=0, effective_from=date(2026, 6, 1))
    early = Price(input=2, output=0, effective_from=date(2026, 1, 1))
    for dated in [(late, early), (early, late)]:
        assert book(*dated).price(None, "m", MILLION_EACH, NOW).total_usd == 3
        assert book(*dated).price(None, "m", MILLION_EACH, datetime(2026, 2, 1, tzinfo=UTC)).total_usd == 2


def test_days_are_utc_days():
    priced = book(Price(input=1, output=0), Price(input=5, output=0, effective_from=date(2026, 1, 1)))
    tokyo = timezone(timedelta(hours=9))
    assert priced.price(None, "m", MILLION_EACH, datetime(2026, 1, 1, 8, tzinfo=tokyo)).total_usd == 1
    assert priced.price(None, "m", MILLION_EACH, datetime(2026, 1, 1, 9, tzinfo=tokyo)).total_usd == 5
    assert priced.price(None, "m", MILLION_EACH, datetime(2026, 1, 1)).total_usd == 5


def test_before_its_first_day_a_price_does_not_apply():
    start = Price(input=1, output=1, effective_from=date(2027, 1, 1))
    registry = ModelRegistry([ModelSpec(name="gpt-4o-mini", prices=(start,))])
    assert PriceBook(registry).price("openai", "gpt-4o-mini", MILLION_EACH, NOW).source == "genai-prices"
    assert isinstance(book(start).price("scripted", "m", MILLION_EACH, NOW), Unpriced)


def test_every_part_has_its_own_price():
    usage = TokenUsage(
        input_tokens=1_000_000,
        output_tokens=1_000_000,
        cache_read_tokens=100_000,
        cache_write_tokens=200_000,
        input_audio_tokens=300_000,
        output_audio_tokens=400_000,
        reasoning_tokens=500_000,
    )
    price = Price(input=10, output=20, cache_read=1, cache_write=12, input_audio=40, output_audio=80)
    cost = book(price).price(None, "m", usage, NOW)
    assert cost.parts == pytest.approx(
        {
            "input": 4.0,
            "cache_read": 0.1,
            "cache_write": 2.4,
            "input_audio": 12.0,
            "output": 2.0,
            "reasoning": 10.0,
            "output_audio": 32.0,
        }
    )
    assert (cost.input_usd, cost.output_usd) == pytest.approx((18.5, 44.0))


def test_without_cache_prices_cached_tokens_cost_as_much_as_fresh_ones():
    cached = TokenUsage(input_tokens=1000, output_tokens=0, cache_read_tokens=600, cache_write_tokens=300)
    fresh = TokenUsage(input_tokens=1000, output_tokens=0)
    priced = book(Price(input=3, output=15))
    assert priced.price(None, "m", cached, NOW).total_usd == priced.price(None, "m", fresh, NOW).total_usd


@pytest.mark.parametrize(
    ("usage", "parts"),
    [
        (TokenUsage(input_tokens=10, output_tokens=0, cache_read_tokens=1000), {"cache_read": 10e-6}),
        (TokenUsage(input_tokens=10, output_tokens=0, cache_read_tokens=-5), {"input": 20e-6}),
        (
            TokenUsage(input_tokens=10, output_tokens=0, cache_read_tokens=8, cache_write_tokens=8),
            {"cache_read": 8e-6, "cache_write": 4e-6},
        ),
        (TokenUsage(input_tokens=0, output_tokens=10, reasoning_tokens=99), {"reasoning": 20e-6}),
        (TokenUsage(input_tokens=-10, output_tokens=-10), {}),
    ],
)
def test_contradicting_counts_are_clamped_to_the_totals(usage, parts):
    cost = book(Price(input=2, output=2, cache_read=1)).price(None, "m", usage, NOW)
    assert cost.parts == pytest.approx(parts)


def test_self_hosted_costs_its_seconds_of_gpu():
    host = SelfHosted(gpu_usd_per_hour=3.6, input_tokens_per_second=1000, output_tokens_per_second=100)
    usage = TokenUsage(input_tokens=2000, output_tokens=300, cache_read_tokens=500)
    cost = book(self_hosted=host).price("vllm", "m", usage, NOW)
    assert cost.source == "self-hosted"
    assert cost.total_usd == pytest.approx((2 + 3) * 0.001)


def test_self_hosted_goes_before_the_list_and_after_ones_own_price():
    host = SelfHosted(gpu_usd_per_hour=1, input_tokens_per_second=1000, output_tokens_per_second=100)
    hosted = ModelSpec(name="gpt-oss-20b", self_hosted=host)
    priced = ModelSpec(name="gpt-oss-20b", self_hosted=host, prices=(Price(input=1, output=1),))
    for spec, source in [(hosted, "self-hosted"), (priced, "override")]:
        cost = PriceBook(ModelRegistry([spec])).price("openai", "gpt-oss-20b", MILLION_EACH, NOW)
        assert cost.source == source


def test_totals_agree_with_genai_prices_for_every_model_it_lists():
    usage = TokenUsage(
        input_tokens=250_000,
        output_tokens=9_000,
        cache_read_tokens=50_000,
        cache_write_tokens=1_000,
        reasoning_tokens=500,
    )
    compared = 0
    for provider in get_snapshot().providers:
        for model in provider.models:
            theirs = provider.find_model(model.id)
            cost = LISTED.price(provider.id, model.id, usage, NOW)
            if theirs is None or isinstance(cost, Unpriced):
                continue
            expected = theirs.calc_price(
                genai_prices.Usage(
                    input_tokens=usage.input_tokens,
                    output_tokens=usage.output_tokens,
                    cache_read_tokens=usage.cache_read_tokens,
                    cache_write_tokens=usage.cache_write_tokens,
                    output_reasoning_tokens=usage.reasoning_tokens,
                ),
                provider,
                genai_request_timestamp=NOW,
            ).total_price
            assert cost.total_usd == pytest.approx(float(expected), rel=1e-12), (provider.id, model.id)
            compared += 1
    assert compared > 1_000


def test_a_model_listed_without_token_prices_is_unpriced_where_genai_prices_says_zero():
    known = genai_prices.calc_price(
        genai_prices.Usage(input_tokens=1_000), "gpt-4o", provider_id="github-copilot"
    )
    assert known.total_price == 0
    for usage in (MILLION_EACH, TokenUsage(input_tokens=0, output_tokens=0)):
        assert isinstance(LISTED.price("github-copilot", "gpt-4o", usage, NOW), Unpriced)


def test_output_of_a_model_without_an_output_price_is_unpriced():
    only_input = TokenUsage(input_tokens=1_000_000, output_tokens=0)
    assert LISTED.price("openai", "text-embedding-3-small", only_input, NOW).total_usd > 0
    unpriced = LISTED.price("openai", "text-embedding-3-small", MILLION_EACH, NOW)
    assert "no output price for 'text-embedding-3-small'" in unpriced.reason


@pytest.mark.parametrize(
    ("provider", "listed_as"),
    [
        ("google_genai", "google"),
        ("google_vertexai", "google"),
        ("mistralai", "mistral"),
        ("amazon_bedrock", "aws"),
        ("bedrock_converse", "aws"),
        ("azure", "azure"),
        ("azure_openai", "azure"),
        ("xai", "x-ai"),
        ("together", "together"),
        ("groq", "groq"),
    ],
)
def test_langchain_names_of_providers_reach_genai_prices(provider, listed_as):
    seller = next(seller for seller in get_snapshot().providers if seller.id == listed_as)
    priced = [
        model.id
        for model in seller.models
        if isinstance(
            LISTED.price(provider, model.id, TokenUsage(input_tokens=9, output_tokens=9), NOW), Cost
        )
    ]
    assert len(priced) > 5


@pytest.mark.parametrize(
    "provider",
    # the later ones genai-prices itself would take for openai or anthropic, because the name contains theirs
    ["vllm", "ollama", "scripted", "", "litellm", "openai-codex", "my-openai-proxy", "not-anthropic"],
)
@pytest.mark.parametrize("model", ["gpt-4o-mini", "claude-sonnet-4-5", "deepseek-chat"])
def test_an_unknown_provider_is_never_priced_by_anothers_list(provider, model):
    unpriced = LISTED.price(provider, model, MILLION_EACH, NOW)
    assert isinstance(unpriced, Unpriced)
    assert f"{model!r}" in unpriced.reason
    assert f"add models.{model} " in unpriced.reason


def test_without_a_provider_the_name_is_priced_as_genai_prices_resolves_it():
    expected = genai_prices.calc_price(
        genai_prices.Usage(input_tokens=10**6, output_tokens=10**6),
        "gpt-4o-mini",
        genai_request_timestamp=NOW,
    )
    cost = LISTED.price(None, "gpt-4o-mini", MILLION_EACH, NOW)
    assert cost.total_usd == pytest.approx(float(expected.total_price))
    assert isinstance(LISTED.price(None, "nobodys-model", MILLION_EACH, NOW), Unpriced)


@pytest.mark.parametrize("model", [None, ""])
def test_a_call_without_a_model_is_unpriced(model):
    assert "names no model" in LISTED.price("openai", model, MILLION_EACH, NOW).reason


def test_the_hour_counts_where_a_list_has_hours():
    prices = {
        LISTED.price("deepseek", "deepseek-v4-pro", MILLION_EACH, NOW.replace(hour=hour)).total_usd
        for hour in range(24)
    }
    assert len(prices) == 2


@pytest.fixture
def snapshot_of():
    def install(price):
        model = ModelInfo(id="m", match=ClauseEquals("m"), prices=ModelPrice(**price))
        provider = Provider(id="shop", name="Shop", api_pattern="x", models=[model])
        set_custom_snapshot(DataSnapshot(providers=[provider], from_auto_update=True))

    yield install
    set_custom_snapshot(None)


def test_an_updated_price_list_takes_effect(snapshot_of):
    priced = PriceBook()
    for usd in (1, 2):
        snapshot_of({"input_mtok": Decimal(usd), "output_mtok": Decimal(0)})
        assert priced.price("shop", "m", MILLION_EACH, NOW).total_usd == usd


def test_a_negative_listed_price_is_no_price(snapshot_of):
    snapshot_of({"input_mtok": Decimal(-1), "output_mtok": Decimal(-1)})
    assert isinstance(PriceBook().price("shop", "m", MILLION_EACH, NOW), Unpriced)


def test_threads_agree():
    priced = PriceBook()
    calls = [("openai", "gpt-4o-mini"), ("vllm", "gpt-4o-mini"), ("google_genai", "gemini-2.5-pro")] * 50
    expected = [LISTED.price(*call, MILLION_EACH, NOW) for call in calls]
    seen: list[object] = []

    def run():
        seen.append([priced.price(*call, MILLION_EACH, NOW) for call in calls])

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [expected] * 8


def test_importing_and_overriding_load_no_price_list():
    code = """
import sys
from datetime import datetime
from llmops_plugins.models.prices import PriceBook, TokenUsage
from llmops_plugins.models.registry import ModelRegistry, ModelSpec, Price
registry = ModelRegistry([ModelSpec(name="m", prices=(Price(input=1, output=1),))])
PriceBook(registry).price("openai", "m", TokenUsage(input_tokens=1, output_tokens=1), datetime(2026, 1, 1))
assert not {"genai_prices", "yaml", "langchain", "langchain_core"} & set(sys.modules), "heavy import"
"""
    subprocess.run([sys.executable, "-c", code], check=True)
