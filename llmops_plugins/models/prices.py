"""What a model call costs: the user's own prices first, then genai-prices, and never a silent zero.

A call that nothing prices is :class:`Unpriced`, with the reason and the fix, because a zero would pass for a
saving. genai-prices itself answers zero where it lists a model without a token price, so such a model is
unpriced here too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Literal

from llmops_plugins.models.registry import ModelRegistry, SelfHosted, canonical_provider

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

__all__ = ["Cost", "PriceBook", "PriceSource", "TokenUsage", "Unpriced"]

PriceSource = Literal["override", "reported", "genai-prices", "self-hosted"]
"""Who said the price: the registry, the provider's own bill, genai-prices, or measured GPU time."""

_CACHED_MODELS = 1024
_MILLION = 1_000_000
# Each part's key in genai-prices, and the part whose price it takes where it has none of its own.
_LISTED_KEYS = {
    "input": ("input_mtok", None),
    "cache_read": ("cache_read_mtok", "input"),
    "cache_write": ("cache_write_mtok", "input"),
    "input_audio": ("input_audio_mtok", "input"),
    "output": ("output_mtok", None),
    "reasoning": ("output_reasoning_mtok", "output"),
    "output_audio": ("output_audio_mtok", "output"),
}
# USD per million tokens, each with the input tokens above which it holds; the largest first, -1 for the base.
_Steps = tuple[tuple[int, Decimal], ...]
_LookUp = Callable[[str | None, str], "ModelInfo | Unpriced"]
_INPUT_PARTS = ("input", "cache_read", "cache_write", "input_audio")
_OUTPUT_PARTS = ("output", "reasoning", "output_audio")


@dataclass(frozen=True, kw_only=True)
class TokenUsage:
    """The tokens of one model call, counted as LangChain's ``usage_metadata`` does.

    Args:
        input_tokens: Tokens sent, cached and audio ones included.
        output_tokens: Tokens written, reasoning and audio ones included.
        cache_read_tokens: Of the input, tokens read from the provider's prompt cache.
        cache_write_tokens: Of the input, tokens written to that cache.
        input_audio_tokens: Of the input, audio tokens.
        output_audio_tokens: Of the output, audio tokens.
        reasoning_tokens: Of the output, tokens of hidden reasoning.
    """

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    input_audio_tokens: int = 0
    output_audio_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one model call cost, in USD.

    Args:
        parts: USD by part, for the parts the call has: ``input``, ``cache_read``, ``cache_write``,
            ``input_audio``, ``output``, ``reasoning`` and ``output_audio``. They do not overlap, so they sum
            to ``total_usd``. A provider's fee for each request is within ``input``.
        source: Who said the price.
    """

    parts: Mapping[str, float]
    source: PriceSource

    @property
    def total_usd(self) -> float:
        """All parts."""
        return math.fsum(self.parts.values())

    @property
    def input_usd(self) -> float:
        """The parts that were sent."""
        return math.fsum(self.parts.get(part, 0.0) for part in _INPUT_PARTS)

    @property
    def output_usd(self) -> float:
        """The parts that were written."""
        return math.fsum(self.parts.get(part, 0.0) for part in _OUTPUT_PARTS)


@dataclass(frozen=True)
class Unpriced:
    """No price is known for a call.

    Args:
        reason: Why, naming the model, and how to give it a price.
    """

    reason: str


class PriceBook:
    """Prices model calls; safe to share between threads, and some 10 us a call once a model was seen.

    The order is: the registry's price in force on the call's day (UTC), the model's measured ``self_hosted``
    cost, genai-prices. A price of the registry without cache prices charges cached tokens as fresh input: it
    overstates a cost rather than invent a discount. Name ``cache_write`` where writing costs extra.

    Args:
        registry: The user's own prices; ``None`` asks genai-prices only.
    """

    def __init__(self, registry: ModelRegistry | None = None) -> None:
        declared = ModelRegistry() if registry is None else registry
        self._declared = lru_cache(maxsize=_CACHED_MODELS)(partial(_declared_tariffs, declared))
        self._listed: tuple[DataSnapshot, _LookUp] | None = None

    def price(
        self, provider: str | None, model: str | None, usage: TokenUsage, at: datetime
    ) -> Cost | Unpriced:
        """Return what a call cost, or why nobody knows.

        Token counts that contradict each other are clamped: no part is negative, and the tokens priced add up
        to ``input_tokens`` and ``output_tokens``.

        Args:
            provider: LangChain's ``ls_provider``. One that genai-prices does not list (``"vllm"``) is never
                priced by another's list; only ``None`` lets genai-prices go by the model's name alone.
            model: The model name the call reports.
            usage: The call's tokens.
            at: When the call was made; without a time zone it is taken as UTC.
        """
        if not model:
            return Unpriced("The call names no model: give the chat model a name and add it to the registry.")
        moment = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        day = moment.date()
        for start, tariff in self._declared(provider, model):
            if start <= day:
                return tariff.cost(usage, model)
        listed = self._list_price(provider, model)
        if isinstance(listed, Unpriced):
            return listed
        return _tariff_of_list(listed.get_prices(moment)).cost(usage, model)

    def _list_price(self, provider: str | None, model: str) -> ModelInfo | Unpriced:
        from genai_prices.data_snapshot import get_snapshot

        snapshot = get_snapshot()
        listed = self._listed
        if listed is None or listed[0] is not snapshot:
            # genai-prices' updater swaps the snapshot; the pair is replaced as one, so threads never mix two.
            listed = (snapshot, lru_cache(maxsize=_CACHED_MODELS)(partial(_find_listed, snapshot)))
            self._listed = listed
        return listed[1](provider, model)


@dataclass(frozen=True)
class _Tariff:
    """The prices in force for one call; a part without a price is missing from ``rates``."""

    source: PriceSource
    rates: Mapping[str, _Steps]
    request_usd: Decimal = Decimal(0)

    def cost(self, usage: TokenUsage, model: str) -> Cost | Unpriced:
        usd: dict[str, Decimal] = {"input": self.request_usd} if self.request_usd else {}
        size = max(usage.input_tokens, 0)
        shares = _split(usage)
        # "input" even where there is none: a model listed without it is no free model, but one nobody priced.
        for part in ("input", *shares):
            if part not in self.rates:
                return _unpriced(model, f"{self.source} has no {part} price for {model!r}")
        for part, tokens in shares.items():
            rate = next(rate for above, rate in self.rates[part] if size > above)
            usd[part] = usd.get(part, 0) + rate * tokens / _MILLION
        return Cost(parts={part: float(amount) for part, amount in usd.items()}, source=self.source)


def _split(usage: TokenUsage) -> dict[str, int]:
    """Return disjoint, positive token counts by part, whatever the provider reported."""
    # Cached audio is counted as cached: that price applies to it, and LangChain does not report the overlap.
    cached = ("cache_read", usage.cache_read_tokens), ("cache_write", usage.cache_write_tokens)
    sent = _share(usage.input_tokens, "input", *cached, ("input_audio", usage.input_audio_tokens))
    special = ("output_audio", usage.output_audio_tokens), ("reasoning", usage.reasoning_tokens)
    return sent | _share(usage.output_tokens, "output", *special)


def _share(total: int, rest: str, *claims: tuple[str, int]) -> dict[str, int]:
    """Deal ``total`` out to the claims in order, the remainder to ``rest``; leave empty shares out."""
    shares: dict[str, int] = {}
    for part, claimed in (*claims, (rest, total)):
        tokens = min(claimed, total)
        if tokens > 0:
            shares[part] = tokens
            total -= tokens
    return shares


def _declared_tariffs(
    registry: ModelRegistry, provider: str | None, model: str
) -> tuple[tuple[date, _Tariff], ...]:
    """Return the registry's tariffs with the day each starts, in the order to try them."""
    spec = registry.find(provider, model)
    if spec is None:
        return ()
    tariffs = []
    for price in sorted(spec.prices, key=lambda price: price.effective_from or date.min, reverse=True):
        usd = {part: getattr(price, part, None) for part in _LISTED_KEYS}
        tariffs.append((price.effective_from or date.min, _flat_tariff("override", usd)))
    if spec.self_hosted is not None:
        tariffs.append((date.min, _self_hosted_tariff(spec.self_hosted)))
    return tuple(tariffs)


def _self_hosted_tariff(host: SelfHosted) -> _Tariff:
    usd_per_million_seconds = host.gpu_usd_per_hour / 3600 * _MILLION
    usd = {
        "input": usd_per_million_seconds / host.input_tokens_per_second,
        "output": usd_per_million_seconds / host.output_tokens_per_second,
    }
    return _flat_tariff("self-hosted", usd)


def _flat_tariff(source: PriceSource, usd: Mapping[str, float | None]) -> _Tariff:
    # Through text: Decimal(0.1) would carry the binary error of 0.1 into every price.
    exact = {part: Decimal(str(value)) for part, value in usd.items() if value is not None}
    return _tariff(source, exact)


def _tariff_of_list(price: ModelPrice) -> _Tariff:
    # Not getattr: ModelPrice searches its registry of units for every price it does not have.
    listed = vars(price)
    usd = {part: listed.get(key) for part, (key, _) in _LISTED_KEYS.items()}
    per_thousand = listed.get("requests_kcount")
    return _tariff("genai-prices", usd, Decimal(0) if per_thousand is None else per_thousand / 1000)


def _tariff(
    source: PriceSource,
    usd: Mapping[str, Decimal | TieredPrices | None],
    request_usd: Decimal = Decimal(0),
) -> _Tariff:
    rates: dict[str, _Steps] = {}
    for part, (_, substitute) in _LISTED_KEYS.items():
        steps = _steps(usd.get(part))
        if steps is None and substitute is not None:
            steps = rates.get(substitute)
        if steps is not None:
            rates[part] = steps
    return _Tariff(source, rates, request_usd)


def _steps(price: Decimal | TieredPrices | None) -> _Steps | None:
    """Return a price as steps, or ``None`` where it is no price: a list may say "varies" by -1."""
    if price is None:
        return None
    if isinstance(price, Decimal):
        steps: _Steps = ((-1, price),)
    else:
        tiers = [(tier.start, tier.price) for tier in reversed(price.tiers)]
        steps = (*tiers, (-1, price.base))
    return steps if all(usd.is_finite() and usd >= 0 for _, usd in steps) else None


def _find_listed(snapshot: DataSnapshot, provider: str | None, model: str) -> ModelInfo | Unpriced:
    """Return genai-prices' entry for a model, without its guessing at providers.

    Given a provider id, genai-prices also accepts one that merely contains a known name, so a subscription
    (``openai-codex``) or a proxy would be billed at a vendor's list price. Only exact ids count here.
    """
    if provider is None:
        try:
            return snapshot.find_provider_model(model, None, None, None)[1]
        except LookupError:
            return _unpriced(model, f"genai-prices does not know {model!r}, and the call names no provider")
    wanted = canonical_provider(provider)
    seller = next((known for known in snapshot.providers if known.id == wanted), None)
    if seller is None:
        return _unpriced(model, f"genai-prices has no provider {provider!r} to price {model!r}")
    listed = seller.find_model(model, all_providers=snapshot.providers)
    return listed or _unpriced(model, f"genai-prices has no price for {model!r} of {provider!r}")


def _unpriced(model: str, problem: str) -> Unpriced:
    return Unpriced(f"{problem}: add models.{model} with its input and output prices to the registry.")
