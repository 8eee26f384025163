"""Solved requests in a file: what was asked, and what solved it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmops_plugins.backtest.json_lines import json_rows
from llmops_plugins.errors import ConfigurationError, RecordError

__all__ = ["SolvedRequests", "read_solved_requests"]

_FEWEST = 8
_QUESTION_FIELDS = ("query", "question")
_SOLUTION_FIELDS = ("gold_code", "solution")


@dataclass(frozen=True, kw_only=True)
class SolvedRequests:
    """Requests with what solved each, none of them twice.

    Args:
        questions: What was asked.
        solutions: What solved it, in the same order.
        unsolved: Rows left out because they hold no solution.
        repeated: Rows left out because their question came before.
    """

    questions: tuple[str, ...]
    solutions: tuple[str, ...]
    unsolved: int
    repeated: int


def read_solved_requests(path: Path | str, *, field: str = "file") -> SolvedRequests:
    """Read solved requests: one JSON object ``{"query": ..., "gold_code": ...}`` a line.

    ``question`` and ``solution`` will do as well, so a file of exported demonstrations can be read. Of rows
    with the same question the first that holds a solution counts.

    Args:
        path: The file; one that ends in ``.gz`` is decompressed.
        field: The setting that names it, for errors.

    Raises:
        ConfigurationError: If it cannot be read, or holds fewer than 8 solved requests.
        RecordError: For the first row that is no request; the message names it.
    """
    solved: dict[str, str] = {}
    unsolved = repeated = 0
    for line, row in json_rows(Path(path), field):
        question, solution = _request(row, str(path), line)
        if solution is None:
            unsolved += 1
        elif question in solved:
            repeated += 1
        else:
            solved[question] = solution
    if len(solved) < _FEWEST:
        problem = f"{path} holds {len(solved)} different solved requests, give at least {_FEWEST}"
        raise ConfigurationError(field, problem)
    return SolvedRequests(
        questions=tuple(solved), solutions=tuple(solved.values()), unsolved=unsolved, repeated=repeated
    )


def _request(row: Any, source: str, line: int) -> tuple[str, str | None]:
    if not isinstance(row, dict):
        raise RecordError(source, line, "must be an object with query and gold_code")
    question = _text(row, _QUESTION_FIELDS, source, line)
    if question is None:
        raise RecordError(source, line, "query must be a text that is not empty")
    return question, _text(row, _SOLUTION_FIELDS, source, line)


def _text(row: dict[str, Any], fields: tuple[str, ...], source: str, line: int) -> str | None:
    """Return the first of some fields that is there, without blanks around it; None for no text."""
    for name in fields:
        if row.get(name) is not None:
            if not isinstance(row[name], str):
                raise RecordError(source, line, f"{name} must be a text, got {row[name]!r:.40}")
            return row[name].strip() or None
    return None
