"""Labelled pairs of questions: what a rule for the semantic tier is calibrated on."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmops_plugins.errors import ConfigurationError, RecordError

__all__ = ["LabelledPair", "read_pairs"]


@dataclass(frozen=True, kw_only=True)
class LabelledPair:
    """Two questions, and whether one answer is right for both.

    Args:
        a: A question.
        b: Another.
        same: Whether a complete right answer to the one is a complete right answer to the other.
        neighbourhood: Where the pair is a look-up among other stored questions, what their answers say; see
            :mod:`~llmops_plugins.caching.neighbourhood`.
    """

    a: str
    b: str
    same: bool
    neighbourhood: tuple[float, ...] | None = None


def read_pairs(path: Path | str) -> list[LabelledPair]:
    """Read labelled pairs: one JSON object ``{"a": ..., "b": ..., "same": 0 or 1}`` a line.

    Args:
        path: The file; one that ends in ``.gz`` is decompressed.

    Raises:
        ConfigurationError: If it cannot be read, or holds no pair.
        RecordError: If a line is no pair; the message names it.
    """
    pairs = list(_pairs(Path(path)))
    if not pairs:
        raise ConfigurationError("pairs", f"{path} holds no pair")
    return pairs


def _pairs(path: Path) -> Iterator[LabelledPair]:
    opened: Any = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _pair(line, str(path), number)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            "pairs", f"{path} cannot be read ({error}), name a JSON Lines file"
        ) from error


def _pair(line: str, source: str, number: int) -> LabelledPair:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise RecordError(source, number, f"is not JSON ({error})") from error
    if not isinstance(row, dict):
        raise RecordError(source, number, "must be an object with a, b and same")
    for name in ("a", "b"):
        if not isinstance(row.get(name), str) or not row[name].strip():
            raise RecordError(source, number, f"{name} must be a question, got {row.get(name)!r:.40}")
    if row.get("same") not in (0, 1):
        raise RecordError(source, number, f"same must be 0 or 1, got {row.get('same')!r:.40}")
    return LabelledPair(a=row["a"], b=row["b"], same=bool(row["same"]))
