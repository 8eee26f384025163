"""A stream of requests with what each one means, and what a fit file holds: pairs, or such requests."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from llmops_plugins.backtest.json_lines import json_rows
from llmops_plugins.errors import ConfigurationError, RecordError

__all__ = ["OUT_OF_SCOPE", "StreamRequest", "holds_requests", "read_requests", "refuse_same_file", "shuffled"]

OUT_OF_SCOPE = "oos"
"""Intent of requests that have none in common: not even two of them are the same."""


@dataclass(frozen=True, kw_only=True)
class StreamRequest:
    """One request of a stream.

    Args:
        text: What is asked.
        intent: What is meant; one answer is right for all requests of an intent, but for ``oos``.
    """

    text: str
    intent: str

    def is_same(self, other: StreamRequest) -> bool:
        """Tell whether one answer is right for both."""
        return self.intent == other.intent != OUT_OF_SCOPE

    def answer(self, number: int) -> str:
        """Return what stands for its answer: equal for requests that are the same, and for no others.

        Args:
            number: Its place in the stream.
        """
        return f"{self.intent} {number}" if self.intent == OUT_OF_SCOPE else self.intent


def read_requests(path: Path | str, *, field: str = "stream") -> list[StreamRequest]:
    """Read a stream: one JSON object ``{"intent": ..., "text": ...}`` a line.

    Args:
        path: The file; one that ends in ``.gz`` is decompressed.
        field: The setting that names it, for errors.

    Raises:
        ConfigurationError: If it cannot be read, or holds fewer than two requests.
        RecordError: If a line is no request; the message names it.
    """
    requests = [_request(row, str(path), line) for line, row in json_rows(Path(path), field)]
    if len(requests) < 2:
        problem = f"{path} holds {len(requests)} requests, a stream takes at least 2"
        raise ConfigurationError(field, problem)
    return requests


def holds_requests(path: Path | str, *, field: str) -> bool:
    """Tell by its first row whether a file holds requests of a stream rather than pairs.

    Args:
        path: The file.
        field: The setting that names it, for errors.

    Raises:
        ConfigurationError: If it cannot be read, or is empty.
        RecordError: If its first line is not JSON.
    """
    for _, row in islice(json_rows(Path(path), field), 1):
        return isinstance(row, dict) and "intent" in row
    raise ConfigurationError(field, f"{path} is empty, give labelled pairs or requests with their intents")


def shuffled(requests: Sequence[StreamRequest], seed: int, most: int | None = None) -> list[StreamRequest]:
    """Return requests in the order they come, by a seed, and no more than ``most``."""
    order = list(requests)
    random.Random(seed).shuffle(order)  # noqa: S311 - no secret
    return order[:most]


def refuse_same_file(fit: Path | str, tested: Path | str) -> None:
    """Refuse to test a rule on what it is calibrated on.

    Raises:
        ConfigurationError: If both are one file.
    """
    if Path(fit).resolve() == Path(tested).resolve():
        raise ConfigurationError("fit", "must be another file than the one tested, or the figures lie")


def _request(row: Any, source: str, line: int) -> StreamRequest:
    if not isinstance(row, dict):
        raise RecordError(source, line, "must be an object with intent and text")
    for name in ("intent", "text"):
        if not isinstance(row.get(name), str) or not row[name].strip():
            raise RecordError(source, line, f"{name} must be a text, got {row.get(name)!r:.40}")
    return StreamRequest(text=row["text"].strip(), intent=row["intent"])
