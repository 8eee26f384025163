"""What every model alone would have cost and answered: what a cascade is measured against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from llmops_plugins.models.prices import Cost, PriceBook, TokenUsage
from llmops_plugins.records.reading import Record, RecordedResponse

__all__ = ["Single", "best_single", "price_response", "singles"]


@dataclass(frozen=True, kw_only=True)
class Single:
    """One model alone on a set of records.

    Args:
        accuracy: Mean score of its answers, from 0 to 1.
        cost_usd: What all its answers cost; None when one has no known price.
        questions: How many of the records it answered.
    """

    accuracy: float
    cost_usd: float | None
    questions: int


def singles(rows: Sequence[Record], prices: PriceBook) -> dict[str, Single]:
    """Return every model's accuracy and cost over the records it answered."""
    answers: dict[str, list[RecordedResponse]] = {}
    for row in rows:
        for model, response in row.responses.items():
            answers.setdefault(model, []).append(response)
    return {model: _single(model, given, prices) for model, given in answers.items()}


def best_single(found: Mapping[str, Single]) -> str:
    """Return the most accurate of the models that answered most records.

    Accuracies over different records cannot be compared: a model is not the best for skipping what is hard.
    Of equals it is the cheaper one, an unknown cost last.
    """

    def merit(model: str) -> tuple[int, float, bool, float]:
        single = found[model]
        return single.questions, single.accuracy, single.cost_usd is not None, -(single.cost_usd or 0.0)

    return max(found, key=merit)


def price_response(model: str, response: RecordedResponse, prices: PriceBook) -> float | None:
    """Return what one recorded answer cost: its recorded cost, or its tokens at the model's price."""
    if response.cost_usd is not None:
        return response.cost_usd
    if response.input_tokens is None or response.output_tokens is None:
        return None
    usage = TokenUsage(input_tokens=response.input_tokens, output_tokens=response.output_tokens)
    cost = prices.price(None, model, usage, datetime.now(UTC))
    return cost.total_usd if isinstance(cost, Cost) else None


def _single(model: str, answers: Sequence[RecordedResponse], prices: PriceBook) -> Single:
    costs = [price_response(model, answer, prices) for answer in answers]
    known = [cost for cost in costs if cost is not None]
    return Single(
        accuracy=sum(answer.score for answer in answers) / len(answers),
        cost_usd=sum(known) if len(known) == len(costs) else None,
        questions=len(answers),
    )
