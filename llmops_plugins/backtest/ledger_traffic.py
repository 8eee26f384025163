"""Questions and answers out of what a ledger has stored, so that people back-test on their own traffic."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from llmops_plugins.backtest.dataset import Question, question_from_row
from llmops_plugins.backtest.journal import Answer
from llmops_plugins.errors import ConfigurationError, RecordError

if TYPE_CHECKING:
    from sqlalchemy import Engine

__all__ = ["LedgerTraffic", "read_ledger_traffic"]


@dataclass(frozen=True, kw_only=True)
class LedgerTraffic:
    """What a ledger's stored traffic holds.

    Args:
        questions: Prompts that can be asked again, each once, oldest first.
        answers: What models answered to them; of several answers of one model the latest.
        notes: What was left out, in sentences.
    """

    questions: list[Question]
    answers: list[Answer]
    notes: list[str] = field(default_factory=list)


def read_ledger_traffic(engine: Engine, *, limit: int | None = None) -> LedgerTraffic:
    """Read the answers of a ledger whose content was stored.

    Only what is text can be asked again: calls that were offered tools, or were sent their results or
    images, are left out and counted.

    Args:
        engine: The ledger's database.
        limit: How many prompts at most: the latest.

    Raises:
        ConfigurationError: If the ledger holds no content, or none that can be asked again.
        DatabaseUnavailableError: If it cannot be read.
    """
    from llmops_plugins.storage.ledger_queries import LedgerQueries

    rows = [row for row in LedgerQueries(engine).calls() if _is_answer(row)]
    stored = [row for row in rows if row["prompt"] is not None and row["answer"] is not None]
    if not stored:
        raise ConfigurationError("from_ledger", _nothing_stored(len(rows)))
    left_out: Counter[str] = Counter()
    questions: dict[str, Question] = {}
    answers: dict[tuple[str, str], Answer] = {}
    for row in stored:
        try:
            question = _question(row)
        except _CannotBeAskedError as error:
            left_out[str(error)] += 1
            continue
        key = question.fingerprint
        first = questions.pop(key, question)  # put at the end: it was asked again
        questions[key] = first
        answers[key, row["model"]] = _answer(key, row)
    if not questions:
        raise ConfigurationError("from_ledger", f"no stored call can be asked again: {_told(left_out)}")
    chosen = list(questions.values())[-limit:] if limit is not None else list(questions.values())
    kept = {question.fingerprint for question in chosen}
    notes = [f"Calls left out, since they cannot be asked again: {_told(left_out)}."] if left_out else []
    return LedgerTraffic(
        questions=chosen, answers=[one for one in answers.values() if one.fingerprint in kept], notes=notes
    )


class _CannotBeAskedError(Exception):
    """Why a stored call cannot be asked again."""


def _is_answer(row: Mapping[str, Any]) -> bool:
    return row["kind"] == "answer" and row["status"] == "ok" and not row["rejected"] and bool(row["model"])


def _question(row: Mapping[str, Any]) -> Question:
    if (row["input_breakdown"] or {}).get("tools"):
        raise _CannotBeAskedError("used tools")
    try:
        stored = json.loads(row["prompt"])
    except ValueError:
        raise _CannotBeAskedError("were too long to be stored whole") from None
    if any(message["role"] in ("tool", "function") for message in stored):
        raise _CannotBeAskedError("used tools")
    messages = [{"role": message["role"], "content": _text(message["content"])} for message in stored]
    try:
        return question_from_row("ledger", 1, {"id": row["call_id"], "messages": messages})
    except RecordError:
        raise _CannotBeAskedError("do not end with what a user says") from None


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if any(block.get("type") != "text" for block in content):
        raise _CannotBeAskedError("held more than text")
    return "\n".join(block.get("text", "") for block in content)


def _answer(fingerprint: str, row: Mapping[str, Any]) -> Answer:
    return Answer(
        fingerprint=fingerprint,
        model=row["model"],
        text=row["answer"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        cost_usd=row["cost_usd"],
        latency_seconds=row["latency_seconds"],
    )


def _told(left_out: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {why}" for why, count in left_out.items())


def _nothing_stored(answers: int) -> str:
    return (
        f"the ledger holds {answers:,} answers and the text of none; let CostLedger(..., content='full') "
        "store what is asked from now on"
    )
