"""Replays recorded answers through a real agent with the cascade, and counts what that would have cost.

Every model becomes a :class:`~llmops_plugins.testing.ReplayChatModel`; a LangGraph agent answers each prompt,
and the ledger keeps the bill. Scores are no part of what the agent sees: a question's comes in when its
answer is given.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import AIMessage

from llmops_plugins.accounting.ledger import CostLedger
from llmops_plugins.backtest.tiers import choose_tiers, parse_tiers
from llmops_plugins.cascade.middleware import CascadeMiddleware
from llmops_plugins.errors import ConfigurationError, RecordError, UnknownModelError
from llmops_plugins.models.prices import PriceBook
from llmops_plugins.models.registry import ModelRegistry
from llmops_plugins.records.reading import Record, Records, read_records
from llmops_plugins.records.singles import Single, best_single, singles
from llmops_plugins.testing import RecordedAnswer, ReplayChatModel
from llmops_plugins.verification.agreement import Agreement
from llmops_plugins.verification.answers import extract_answer

__all__ = ["CascadeOutcome", "ReplayResult", "replay"]

Progress = Callable[[int, int], None]
"""Called with the number of questions answered and of all."""


@dataclass(frozen=True, kw_only=True)
class CascadeOutcome:
    """What the cascade came to.

    Args:
        accuracy: Mean score of its answers, from 0 to 1.
        cost_usd: What its calls cost, by the ledger; None when a call has no known price.
        cost_ratio: That cost over the best single model's on the same questions; None without either.
        calls: Calls by model.
        tiers: The tiers, models asked at once together.
        answered_by: Answers by the model that gave them.
        seconds: How long the replay took.
    """

    accuracy: float
    cost_usd: float | None
    cost_ratio: float | None
    calls: dict[str, int]
    tiers: list[list[str]]
    answered_by: dict[str, int]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class ReplayResult:
    """A replay's figures.

    Args:
        questions: Questions replayed.
        singles: Every model alone.
        best_single: The most accurate of those that answered all questions; of equals the cheaper.
        cascade: The cascade, or None when none was asked for or none was worth it.
        notes: What a reader has to know about the figures, in sentences.
    """

    questions: int
    singles: dict[str, Single]
    best_single: str
    cascade: CascadeOutcome | None
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain JSON-compatible data."""
        return asdict(self)


def replay(
    path: Path | str,
    *,
    registry: ModelRegistry | None = None,
    tiers: str | None = None,
    fit: Path | str | None = None,
    skip_bad: bool = False,
    progress: Progress | None = None,
) -> ReplayResult:
    """Replay a file of recorded answers.

    Args:
        path: The records.
        registry: Prices of the models; lists of public prices go after it.
        tiers: Tiers as written on a command line, for example ``"small+medium,large"``.
        fit: Other records to choose the tiers on, when ``tiers`` is not given.
        skip_bad: Leave out rows that cannot be used instead of refusing the file.
        progress: Told how far the replay has come.

    Raises:
        ConfigurationError: If a setting is wrong.
        RecordError: If a row cannot be used and ``skip_bad`` is off.
    """
    prices = PriceBook(registry)
    records = read_records(path, skip_bad=skip_bad)
    notes: list[str] = []
    chosen = None
    if tiers is not None:
        if fit is not None:
            raise ConfigurationError("fit", "chooses the tiers, so leave it out or leave out --tiers")
        chosen = parse_tiers(tiers, records)
    elif fit is not None:
        if Path(fit).resolve() == Path(path).resolve():
            raise ConfigurationError("fit", "must be other records than those replayed, or the figures lie")
        chosen = _fitted(read_records(fit, skip_bad=skip_bad, field="fit"), records, prices)
        if chosen is None:
            notes.append("No two cheap models are worth it on the rows of --fit: use the best single model.")
    else:
        notes.append(
            "No cascade was replayed: give --tiers small+medium,large, or --fit RECORDS to choose them on."
        )
    rows, unusable = _usable(records, chosen, skip_bad=skip_bad)
    left_out = [*records.skipped, *unusable]
    if left_out:
        notes.append(f"{len(left_out)} rows were skipped, the first: {left_out[0]}.")
    found = singles(rows, prices)
    notes += _notes(found, len(rows))
    best = best_single(found)
    outcome = None
    if chosen is not None:
        outcome = _run_cascade(rows, chosen, registry, found[best], progress)
    return ReplayResult(questions=len(rows), singles=found, best_single=best, cascade=outcome, notes=notes)


def _fitted(fit: Records, records: Records, prices: PriceBook) -> list[list[str]] | None:
    """Choose tiers on one file for another."""
    if not any(response.text for row in fit.rows for response in row.responses.values()):
        raise ConfigurationError(
            "fit", f"{fit.source} holds no texts to compare, give records with responses.*.text"
        )
    if not any(single.cost_usd is not None for single in singles(fit.rows, prices).values()):
        raise ConfigurationError(
            "fit", f"no model of {fit.source} has a price, so none is cheap: name prices in --models FILE"
        )
    chosen = choose_tiers(fit.rows, prices, extract_answer)
    missing = {model for tier in chosen or () for model in tier} - set(records.models)
    if missing:
        raise UnknownModelError(
            "fit",
            f"chose {', '.join(sorted(missing))}, of which {records.source} has no answers; fit on its like",
        )
    return chosen


def _usable(
    records: Records, tiers: list[list[str]] | None, *, skip_bad: bool
) -> tuple[list[Record], list[RecordError]]:
    """Return the rows that hold all a cascade of these tiers needs."""
    needed = [model for tier in tiers or () for model in tier]
    usable: list[Record] = []
    unusable: list[RecordError] = []
    for row in records.rows:
        problem = next((problem for model in needed if (problem := _lacks(row, model))), None)
        if problem is None:
            usable.append(row)
            continue
        error = RecordError(records.source, row.line, problem)
        if not skip_bad:
            raise error
        unusable.append(error)
    if not usable:
        raise ConfigurationError(
            "tiers",
            f"no row of {records.source} has what they need, line {unusable[0].line}: {unusable[0].problem}",
        )
    return usable, unusable


_LEAVE_OUT = "--skip-bad leaves such rows out"


def _lacks(row: Record, model: str) -> str | None:
    response = row.responses.get(model)
    if response is None:
        return f"responses.{model} is missing, a tier needs it ({_LEAVE_OUT})"
    if response.text is None:
        return f"responses.{model}.text is null, a cascade needs the answer's text ({_LEAVE_OUT})"
    if response.input_tokens is None or response.output_tokens is None:
        return f"responses.{model} needs input_tokens and output_tokens ({_LEAVE_OUT})"
    return None


def _notes(found: dict[str, Single], questions: int) -> list[str]:
    notes = [
        f"{model} answered {single.questions:,} of {questions:,} questions; its figures are over those."
        for model, single in found.items()
        if single.questions < questions
    ]
    unpriced = [model for model, single in found.items() if single.cost_usd is None]
    if unpriced:
        notes.append(
            f"No price or no usage is known for {', '.join(unpriced)}: name prices in --models FILE."
        )
    return notes


def _run_cascade(
    rows: Sequence[Record],
    tiers: list[list[str]],
    registry: ModelRegistry | None,
    best: Single,
    progress: Progress | None,
) -> CascadeOutcome:
    started = time.perf_counter()
    answered_by: Counter[str] = Counter()
    score = 0.0
    with closing(CostLedger("sqlite://", registry=registry, max_queue=1_000_000)) as ledger:
        for row, model in _answers(rows, tiers, ledger):
            answered_by[model] += 1
            score += row.responses[model].score  # only now, with the answer given
            if progress is not None:
                progress(answered_by.total(), len(rows))
        report = ledger.report(by=["model"])
    complete = report.totals.unpriced_calls == 0 and report.totals.lost_calls == 0
    cost = report.totals.cost_usd if complete else None
    return CascadeOutcome(
        accuracy=score / len(rows),
        cost_usd=cost,
        cost_ratio=cost / best.cost_usd if cost is not None and best.cost_usd else None,
        calls={row.key["model"]: row.calls for row in report.rows},
        tiers=tiers,
        answered_by=dict(answered_by),
        seconds=time.perf_counter() - started,
    )


def _answers(
    rows: Sequence[Record], tiers: list[list[str]], ledger: CostLedger
) -> Iterator[tuple[Record, str]]:
    """Have the agent answer every row; yield the row and the model whose answer went out."""
    for part in _without_repeated_prompts(rows):
        agent = _agent(part, tiers).with_config(callbacks=[ledger])
        for row in part:
            yield row, _answering_model(agent.invoke({"messages": [("user", row.prompt)]}))


def _without_repeated_prompts(rows: Sequence[Record]) -> Iterator[list[Record]]:
    """Split rows so that no part holds a prompt twice: a replayed model knows records by their prompt."""
    rest = list(rows)
    while rest:
        part: dict[str, Record] = {}
        repeated = [row for row in rest if part.setdefault(row.prompt, row) is not row]
        yield list(part.values())
        rest = repeated


def _agent(rows: Sequence[Record], tiers: list[list[str]]) -> Any:
    models = [[_replayed(model, rows) for model in tier] for tier in tiers]
    cascade = CascadeMiddleware(tiers=models, verify=Agreement())
    return create_agent(models[-1][0], tools=[], middleware=[cascade])


def _replayed(model: str, rows: Sequence[Record]) -> ReplayChatModel:
    answers = {}
    for row in rows:
        response = row.responses[model]
        answers[row.prompt] = RecordedAnswer(
            text=response.text or "",
            input_tokens=response.input_tokens or 0,
            output_tokens=response.output_tokens or 0,
            cost_usd=response.cost_usd,
        )
    return ReplayChatModel(model_name=model, answers=answers, provider=None)


def _answering_model(output: dict[str, Any]) -> str:
    message: AIMessage = output["messages"][-1]
    return str(message.response_metadata["model_name"])
