"""Recorded answers: what several models said to the same prompts, and how right they were.

One JSON object a line, gzipped or not::

    {"id": "q1", "prompt": "2 + 2?", "responses": {
        "small": {"text": "4", "score": 1.0, "input_tokens": 12, "output_tokens": 1},
        "large": {"text": "4.", "score": 1.0, "input_tokens": 12, "output_tokens": 2, "cost_usd": 0.0004}}}
"""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from pathlib import Path
from typing import Any

from llmops_plugins.errors import ConfigurationError, RecordError

__all__ = ["Record", "RecordedResponse", "Records", "read_records"]


@dataclass(frozen=True, kw_only=True)
class RecordedResponse:
    """One model's recorded answer to one prompt.

    Args:
        text: What it said; None where only the score was recorded.
        score: How right it was, from 0 to 1. Masked from everything that decides.
        input_tokens: Tokens it was sent, where recorded.
        output_tokens: Tokens it wrote, where recorded.
        cost_usd: What it cost, where recorded; goes before any price list.
    """

    text: str | None
    score: float
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, kw_only=True)
class Record:
    """One prompt and every model's answer to it.

    Args:
        line: Line in the file, from 1.
        record_id: The record's own id.
        prompt: The prompt.
        responses: Answers by model.
        gold: The right answer, where recorded. Masked from everything that decides.
    """

    line: int
    record_id: str
    prompt: str
    responses: Mapping[str, RecordedResponse]
    gold: str | None = None


@dataclass(frozen=True, kw_only=True)
class Records:
    """A file of records.

    Args:
        source: The file.
        rows: Its usable records, in order.
        skipped: What was wrong with the rows left out.
    """

    source: str
    rows: list[Record]
    skipped: list[RecordError] = dataclass_field(default_factory=list)

    @property
    def models(self) -> list[str]:
        """Every model in the file, in order of first appearance."""
        return list(dict.fromkeys(model for row in self.rows for model in row.responses))


def read_records(path: Path | str, *, skip_bad: bool = False, field: str = "records") -> Records:
    """Read a file of records.

    Args:
        path: A ``.jsonl`` or ``.jsonl.gz`` file.
        skip_bad: Leave out rows that cannot be used, and say which, instead of refusing the file.
        field: The setting that names the file, for the error.

    Raises:
        ConfigurationError: If the file cannot be read or holds no usable record.
        RecordError: For the first row that cannot be used, unless ``skip_bad``.
    """
    path = Path(path)
    rows: list[Record] = []
    skipped: list[RecordError] = []
    for line, text in _lines(path, field):
        try:
            rows.append(_record(str(path), line, text))
        except RecordError as error:
            if not skip_bad:
                raise
            skipped.append(error)
    if not rows:
        raise ConfigurationError(field, f"{path} holds no usable record, see the format in docs/cascade.md")
    return Records(source=str(path), rows=rows, skipped=skipped)


def _lines(path: Path, field: str) -> Iterator[tuple[int, bytes]]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            for line, text in enumerate(file, 1):
                if text.strip():
                    yield line, text
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(
            field, f"{path} cannot be read ({reason}), give a .jsonl or .jsonl.gz file"
        ) from error


def _record(source: str, line: int, text: bytes) -> Record:
    def refuse(problem: str) -> RecordError:
        return RecordError(source, line, problem)

    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise refuse(f"is not JSON ({error})") from error
    if not isinstance(raw, dict):
        raise refuse("must be a JSON object with prompt and responses")
    prompt, responses = raw.get("prompt"), raw.get("responses")
    if not isinstance(prompt, str) or not prompt:
        raise refuse("prompt must be a text that is not empty")
    if not isinstance(responses, dict) or not responses:
        raise refuse("responses must map model names to answers")
    return Record(
        line=line,
        record_id=str(raw.get("id", line)),
        prompt=prompt,
        responses={model: _response(model, answer, refuse) for model, answer in responses.items()},
        gold=_gold(raw.get("gold")),
    )


def _gold(raw: Any) -> str | None:
    """Return a right answer as text; one that is neither text nor number is for others to read."""
    if isinstance(raw, bool | int | float):
        return json.dumps(raw)
    return raw if isinstance(raw, str) and raw else None


def _response(model: str, raw: Any, refuse: Callable[[str], RecordError]) -> RecordedResponse:
    if not isinstance(raw, dict):
        raise refuse(f"responses.{model} must be an object with text and score")
    text = raw.get("text")
    if text is not None and not isinstance(text, str):
        raise refuse(f"responses.{model}.text must be a text or null")
    score = _number(raw.get("score"))
    if score is None or score > 1:
        raise refuse(f"responses.{model}.score must be a number from 0 to 1, got {raw.get('score')!r}")
    for name in ("input_tokens", "output_tokens"):
        if raw.get(name) is not None and (type(raw[name]) is not int or raw[name] < 0):
            raise refuse(f"responses.{model}.{name} must be a whole number of tokens, got {raw[name]!r}")
    cost = _number(raw.get("cost_usd"))
    if cost is None and raw.get("cost_usd") is not None:
        raise refuse(f"responses.{model}.cost_usd must be zero or more USD, got {raw['cost_usd']!r}")
    return RecordedResponse(
        text=text,
        score=score,
        input_tokens=raw.get("input_tokens"),
        output_tokens=raw.get("output_tokens"),
        cost_usd=cost,
    )


def _number(value: Any) -> float | None:
    """Return a finite number that is not negative, or None for anything else."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < math.inf:
        return None
    return float(value)
