"""Recorded answers as arrays, which is what a cascade is calibrated on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from llmops_plugins.records.reading import Record
from llmops_plugins.records.singles import price_response
from llmops_plugins.verification.comparable import answer_or_none
from llmops_plugins.verification.evidence import ReplyFacts, evidence, reply_facts

if TYPE_CHECKING:
    from llmops_plugins.models.prices import PriceBook

__all__ = ["StageEvidence", "Traffic", "read_traffic"]


@dataclass(frozen=True)
class StageEvidence:
    """What is known of each row once some models have been asked.

    Args:
        values: The evidence, rows x names.
        candidates: For each row the index, among all models, of the one whose answer is proposed.
    """

    values: NDArray[np.float64]
    candidates: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """Rows of recorded answers, each by the same models.

    Args:
        models: The models, in the order of the columns.
        scores: How right each answer is, from 0 to 1, rows x models.
        costs: What each answer cost in USD, rows x models.
        facts: What is read from each reply, rows of models.
        prompt_lengths: Natural logarithm of one plus each prompt's characters.
    """

    models: tuple[str, ...]
    scores: NDArray[np.float64]
    costs: NDArray[np.float64]
    facts: tuple[tuple[ReplyFacts, ...], ...]
    prompt_lengths: tuple[float, ...]
    _evidence: dict[tuple[int, ...], StageEvidence] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.facts)

    def evidence(self, asked: Sequence[int], by_accuracy: Sequence[int]) -> StageEvidence:
        """Return every row's evidence once some models have been asked.

        Args:
            asked: Indices of the models, in the order asked.
            by_accuracy: Indices of all models, the most accurate first.
        """
        ranked = [model for model in by_accuracy if model in asked]
        key = (*asked, *ranked)  # twice the models asked: only the order among them matters
        if key not in self._evidence:
            ranks = [ranked.index(model) for model in asked]
            found = [
                evidence([row[model] for model in asked], ranks, length)
                for row, length in zip(self.facts, self.prompt_lengths, strict=True)
            ]
            self._evidence[key] = StageEvidence(
                np.array([one.values for one in found]),
                np.array([asked[one.candidate] for one in found], dtype=np.int64),
            )
        return self._evidence[key]


def read_traffic(
    rows: Sequence[Record], prices: PriceBook, extract: Callable[[str], str | None]
) -> tuple[Traffic, dict[str, str]]:
    """Return the rows as arrays, of the models that can take part in a cascade.

    Args:
        rows: Recorded answers.
        prices: Prices the answers without a recorded cost.
        extract: Finds the final answer in a reply's text; an exception in it means there is none.

    Returns:
        The arrays, and for each model left out why.
    """
    left_out: dict[str, str] = {}
    models = list(dict.fromkeys(model for row in rows for model in row.responses))
    costs: dict[str, list[float]] = {}
    for model in models:
        answers = [row.responses.get(model) for row in rows]
        if any(answer is None for answer in answers):
            left_out[model] = "has not answered every row"
        elif any(answer is None or answer.text is None for answer in answers):
            left_out[model] = "has answers without their text"
        else:
            priced = [price_response(model, answer, prices) for answer in answers if answer is not None]
            costs[model] = [cost for cost in priced if cost is not None]
            if len(costs[model]) < len(rows):
                left_out[model] = "has no known price, name it in the prices file"
    kept = tuple(model for model in models if model not in left_out)
    return (
        Traffic(
            models=kept,
            scores=np.array([[row.responses[model].score for model in kept] for row in rows]),
            costs=np.array([costs[model] for model in kept]).T,
            facts=tuple(
                tuple(_facts(row.responses[model].text or "", extract) for model in kept) for row in rows
            ),
            prompt_lengths=tuple(math.log1p(len(row.prompt)) for row in rows),
        ),
        left_out,
    )


def _facts(text: str, extract: Callable[[str], str | None]) -> ReplyFacts:
    return reply_facts(text, answer_or_none(extract, text))
