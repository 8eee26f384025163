"""Which models a cascade is made of: as the user writes them, or chosen on records kept for that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

from llmops_plugins.errors import ConfigurationError, UnknownModelError
from llmops_plugins.models.prices import PriceBook
from llmops_plugins.records.reading import Record, Records
from llmops_plugins.records.singles import best_single, price_response, singles

__all__ = ["choose_tiers", "parse_tiers"]

_TOLERATED_LOSS = 0.005
"""How much accuracy a cascade may lose against the best single model to be worth it: half a point."""


def parse_tiers(text: str, records: Records) -> list[list[str]]:
    """Read tiers as written on a command line: ``,`` between tiers, ``+`` between models asked at once.

    Raises:
        ConfigurationError: If a tier is empty, the last has several models, or another has only one.
        UnknownModelError: If the records hold no answers of a model.

    Example:
        >>> from llmops_plugins.records.reading import Record, RecordedResponse
        >>> answer = RecordedResponse(text="4", score=1.0)
        >>> row = Record(line=1, record_id="1", prompt="2+2", responses=dict.fromkeys("abc", answer))
        >>> parse_tiers("a+b,c", Records(source="-", rows=[row]))
        [['a', 'b'], ['c']]
    """
    tiers = [[model.strip() for model in tier.split("+")] for tier in text.split(",")]
    if not all(all(tier) for tier in tiers):
        raise ConfigurationError("tiers", f"{text!r} has an empty tier, write for example small+medium,large")
    known = set(records.models)
    for model in (model for tier in tiers for model in tier):
        if model not in known:
            raise UnknownModelError(
                "tiers", f"{model!r} has no recorded answers; there are {', '.join(sorted(known))}"
            )
    if len(tiers) < 2:
        raise ConfigurationError("tiers", f"{text!r} is one tier, write for example small+medium,large")
    if len(tiers[-1]) > 1:
        raise ConfigurationError("tiers", "the last tier answers unverified, give it one model")
    if any(len(tier) < 2 for tier in tiers[:-1]):
        raise ConfigurationError("tiers", "agreement compares two models, join them as small+medium")
    named = [model for tier in tiers for model in tier]
    repeated = next((model for model in named if named.count(model) > 1), None)
    if repeated is not None:
        raise ConfigurationError("tiers", f"{repeated!r} is named twice, a second opinion is another model's")
    return tiers


def choose_tiers(
    rows: Sequence[Record], prices: PriceBook, extract: Callable[[str], str | None]
) -> list[list[str]] | None:
    """Choose the two cheap models that are worth it, and the best.

    Worth it means: on these rows the cascade of the pair and the best single model costs less than that model
    alone and loses at most half a point. Of the pairs that are, the one with the cheapest cascade is taken: a
    pair that is cheap by itself but seldom agrees pays for the strongest model too often.

    Args:
        rows: Records to choose on; never those the choice is then measured on.
        prices: Prices the answers.
        extract: Finds the final answer in a text.

    Returns:
        The tiers, or None when no pair is worth it: then the best single model is the answer.
    """
    found = {
        model: single
        for model, single in singles(rows, prices).items()
        if single.questions == len(rows) and single.cost_usd is not None
    }
    if not found:
        return None
    best = best_single(found)
    by_price = sorted(found, key=lambda model: found[model].cost_usd or 0.0)
    cheaper = by_price[: by_price.index(best)]
    answers = {model: [extract(row.responses[model].text or "") for row in rows] for model in cheaper}
    chosen, lowest = None, found[best].cost_usd or 0.0
    for first, second in combinations(cheaper, 2):
        agreed = [
            one is not None and one == other
            for one, other in zip(answers[first], answers[second], strict=True)
        ]
        accuracy, cost = _outcome(rows, prices, (first, second, best), agreed)
        if accuracy >= found[best].accuracy - _TOLERATED_LOSS and cost < lowest:
            chosen, lowest = [[first, second], [best]], cost
    return chosen


def _outcome(
    rows: Sequence[Record], prices: PriceBook, models: tuple[str, str, str], agreed: Sequence[bool]
) -> tuple[float, float]:
    first, second, best = models
    score = cost = 0.0
    for row, held in zip(rows, agreed, strict=True):
        score += row.responses[first if held else best].score
        for model in (first, second) if held else models:
            cost += price_response(model, row.responses[model], prices) or 0.0
    return score / len(rows), cost
