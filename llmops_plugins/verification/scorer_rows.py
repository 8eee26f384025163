"""Recorded answers as rows of features, which is what a learned scorer is fitted on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from langchain_core.embeddings import Embeddings

from llmops_plugins.errors import ConfigurationError, UnknownModelError
from llmops_plugins.records.fingerprint import fingerprint
from llmops_plugins.verification.scorer_features import embedding_values, text_values

if TYPE_CHECKING:
    from llmops_plugins.records.reading import Record

__all__ = ["ScorerRows", "read_rows"]

_FEWEST_ROWS = 40
_EMBEDDED_AT_ONCE = 100
"""Records whose texts are embedded in one call; it bounds how many vectors are held."""


@dataclass(frozen=True, kw_only=True)
class ScorerRows:
    """What was read from recorded answers.

    Args:
        values: The features, rows x names.
        scores: How right each judged answer is, from 0 to 1.
        fingerprint: Of the records they come from.
    """

    values: tuple[tuple[float, ...], ...]
    scores: tuple[float, ...]
    fingerprint: str

    def __len__(self) -> int:
        return len(self.scores)


def read_rows(
    records: Sequence[Record],
    models: Sequence[str],
    extract: Callable[[str], str | None],
    embeddings: Embeddings | None,
) -> ScorerRows:
    """Read the records that the running scorer would not abstain from.

    Args:
        records: Recorded answers.
        models: The models whose replies are read, in order; the first one's is judged.
        extract: Finds the final answer in a reply's text.
        embeddings: Embeds questions and answers, unless None.

    Raises:
        ConfigurationError: If the models are not in the records, or too few records hold their texts.
    """
    _check_models(models, records)
    usable = [(record, texts) for record in records if all(map(str.strip, texts := _texts(record, models)))]
    values = [text_values(texts[0], texts[1:], extract) for _, texts in usable]
    if embeddings is not None:
        added = _embedded([texts for _, texts in usable], embeddings)
        values = [one + more for one, more in zip(values, added, strict=True)]
    rows = [
        (one, texts, record.responses[models[0]].score)
        for one, (record, texts) in zip(values, usable, strict=True)
        if all(map(math.isfinite, one))
    ]
    if len(rows) < _FEWEST_ROWS:
        held = f"hold a text of each of {', '.join(models)} in {len(rows)} rows"
        raise ConfigurationError("records", f"{held}, fitting needs {_FEWEST_ROWS} or more")
    return ScorerRows(
        values=tuple(one for one, _, _ in rows),
        scores=tuple(score for _, _, score in rows),
        fingerprint=fingerprint(records),
    )


def _texts(record: Record, models: Sequence[str]) -> list[str]:
    """Return the question and the models' answers, empty where there is none."""
    answers = (record.responses.get(model) for model in models)
    return [record.prompt, *((answer.text or "") if answer is not None else "" for answer in answers)]


def _embedded(rows: Sequence[Sequence[str]], embeddings: Embeddings) -> Iterator[tuple[float, ...]]:
    for start in range(0, len(rows), _EMBEDDED_AT_ONCE):
        batch = rows[start : start + _EMBEDDED_AT_ONCE]
        vectors = iter(embeddings.embed_documents([text for texts in batch for text in texts]))
        for texts in batch:
            yield embedding_values([next(vectors) for _ in texts])


def _check_models(models: Sequence[str], records: Sequence[Record]) -> None:
    if isinstance(models, str) or not models or len(set(models)) < len(models):
        raise ConfigurationError("models", f"must name one model or more, each once, got {models!r:.80}")
    if not records:
        raise ConfigurationError("records", f"hold no answer, fitting needs {_FEWEST_ROWS} or more")
    known = sorted({model for record in records for model in record.responses})
    for model in models:
        if model not in known:
            raise UnknownModelError("models", f"{model} is in no record, there are {', '.join(known)}")
