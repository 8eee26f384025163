"""The models of some records, each repeating what it once said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from llmops_plugins.errors import ConfigurationError, RecordError, UnknownModelError
from llmops_plugins.records.reading import Record, Records
from llmops_plugins.testing import RecordedAnswer, ReplayChatModel

__all__ = ["RecordedModels", "complete_rows", "without_repeated_prompts"]


class RecordedModels(Mapping[str, ReplayChatModel]):
    """Chat models by name, built when they are asked for: only those need complete answers.

    A name that the records do not hold is refused, by ``get`` too: nobody means to ask a real model in its
    place.

    Args:
        rows: Records, no prompt twice.
        field: The setting that asks for the models, for errors.
    """

    def __init__(self, rows: Sequence[Record], field: str) -> None:
        self._rows = rows
        self._field = field
        self._names = list(dict.fromkeys(model for row in rows for model in row.responses))
        self._built: dict[str, ReplayChatModel] = {}

    @property
    def asked_for(self) -> list[str]:
        """The models that were asked for so far, in order."""
        return list(self._built)

    def __getitem__(self, name: str) -> ReplayChatModel:
        if name not in self._names:
            raise UnknownModelError(
                self._field, f"{name!r} has no recorded answers; there are {', '.join(sorted(self._names))}"
            )
        if name not in self._built:
            answers = {row.prompt: _answer(row, name) for row in self._rows if _lacks(row, name) is None}
            self._built[name] = ReplayChatModel(model_name=name, answers=answers, provider=None)
        return self._built[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def complete_rows(
    records: Records, models: Sequence[str], *, field: str, skip_bad: bool
) -> tuple[list[Record], list[RecordError]]:
    """Return the rows that hold all it takes to ask some models, and what is wrong with the others.

    Args:
        records: The rows.
        models: The models that are asked.
        field: The setting that names them, for errors.
        skip_bad: Leave out rows that lack something instead of refusing the first.

    Raises:
        ConfigurationError: If no row is complete.
        RecordError: If a row is not and ``skip_bad`` is off.
    """
    complete: list[Record] = []
    lacking: list[RecordError] = []
    for row in records.rows:
        problem = next((problem for model in models if (problem := _lacks(row, model))), None)
        if problem is None:
            complete.append(row)
            continue
        error = RecordError(records.source, row.line, problem)
        if not skip_bad:
            raise error
        lacking.append(error)
    if not complete:
        raise ConfigurationError(
            field,
            f"no row of {records.source} has what they need, line {lacking[0].line}: {lacking[0].problem}",
        )
    return complete, lacking


def without_repeated_prompts(rows: Sequence[Record]) -> Iterator[list[Record]]:
    """Split rows so that no part holds a prompt twice: a replayed model knows records by their prompt."""
    rest = list(rows)
    while rest:
        part: dict[str, Record] = {}
        repeated = [row for row in rest if part.setdefault(row.prompt, row) is not row]
        yield list(part.values())
        rest = repeated


_LEAVE_OUT = "--skip-bad leaves such rows out"


def _lacks(row: Record, model: str) -> str | None:
    response = row.responses.get(model)
    if response is None:
        return f"responses.{model} is missing, and the replay asks it ({_LEAVE_OUT})"
    if response.text is None:
        return f"responses.{model}.text is null, a replay needs the answer's text ({_LEAVE_OUT})"
    if response.input_tokens is None or response.output_tokens is None:
        return f"responses.{model} needs input_tokens and output_tokens ({_LEAVE_OUT})"
    return None


def _answer(row: Record, model: str) -> RecordedAnswer:
    response = row.responses[model]
    return RecordedAnswer(
        text=response.text or "",
        input_tokens=response.input_tokens or 0,
        output_tokens=response.output_tokens or 0,
        cost_usd=response.cost_usd,
    )
