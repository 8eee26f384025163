"""What a recording has to do: which answers there are, which are missing, and which scores still hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from llmops_plugins.backtest.asked_model import AskedModel
from llmops_plugins.backtest.dataset import Question
from llmops_plugins.backtest.journal import Answer
from llmops_plugins.backtest.recorded_file import RecordedRow, read_recorded, recorded_response
from llmops_plugins.errors import ConfigurationError

__all__ = ["RecordingPlan", "plan_recording"]

_SCORE_FIELDS = ("score", "scored_by")


@dataclass(kw_only=True)
class RecordingPlan:
    """Questions, what is known of their answers, and who is still to be asked.

    Args:
        out: The file of records.
        questions: In the dataset's order; equal prompts, whose golds then differ, share their answers.
        asked: Models to ask, in order.
        responses: Known answers by fingerprint and model, as responses of a record without a score.
        scores: Known scores by fingerprint, gold and model, with what scored them.
        others: Records in the file whose prompts the dataset does not hold; they stay.
        repeated: Questions left out, since another sends the same and has the same gold.
    """

    out: Path
    questions: list[Question]
    asked: dict[str, AskedModel]
    responses: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    scores: dict[tuple[str, str | None, str], tuple[float, str | None]] = field(default_factory=dict)
    others: list[RecordedRow] = field(default_factory=list)
    repeated: int = 0

    @property
    def models(self) -> list[str]:
        """Every model with an answer or to be asked: as in the file, then as given."""
        known = {question.fingerprint for question in self.questions}
        recorded = [model for fingerprint, model in self.responses if fingerprint in known]
        return list(dict.fromkeys([*recorded, *self.asked]))

    @property
    def groups(self) -> list[list[Question]]:
        """The questions, those with equal prompts together: they are asked once."""
        groups: dict[str, list[Question]] = {}
        for question in self.questions:
            groups.setdefault(question.fingerprint, []).append(question)
        return list(groups.values())

    def missing(self) -> list[tuple[Question, AskedModel]]:
        """Return whom to ask what."""
        return [
            (group[0], model)
            for group in self.groups
            for name, model in self.asked.items()
            if (group[0].fingerprint, name) not in self.responses
        ]

    def add(self, answers: Iterable[Answer]) -> None:
        """Take answers from elsewhere into account; those in the file go before them."""
        for answer in answers:
            key = answer.fingerprint, self._recorded_name(answer.model)
            if answer.kind == "answer" and answer.text is not None:
                self.responses.setdefault(key, recorded_response(answer))

    def unscored(self, rows: Sequence[RecordedRow]) -> int:
        """Return how many answers of the file would be gone if these records took its place.

        Args:
            rows: A record of every question, in order.
        """
        kept = {
            (question.fingerprint, model)
            for question, row in zip(self.questions, rows, strict=True)
            for model in row["responses"]
        }
        return len({(fingerprint, model) for fingerprint, _, model in self.scores} - kept)

    def learn(self) -> None:
        """Let models know how long their known answers were, for estimates."""
        messages = {question.fingerprint: question.messages for question in self.questions}
        for (fingerprint, name), response in self.responses.items():
            if name in self.asked and fingerprint in messages:
                self.asked[name].learn(
                    messages[fingerprint], response.get("input_tokens"), response.get("output_tokens")
                )

    def _recorded_name(self, model: str) -> str:
        """Return the name by which the user asks the model that a provider names, dated or not."""
        return next((name for name, one in self.asked.items() if one.answers_for(model)), model)


def plan_recording(
    out: Path, questions: Sequence[Question] | None, models: Sequence[AskedModel]
) -> RecordingPlan:
    """Return what there is to do.

    Args:
        out: The file of records, which may exist.
        questions: What to ask; None takes the questions of the file.
        models: Whom to ask.

    Raises:
        ConfigurationError: If a model is named twice, or the file cannot be read, or is needed and missing.
        RecordError: If a row of the file cannot be used.
    """
    asked = {model.name: model for model in models}
    if len(asked) < len(models):
        raise ConfigurationError("models", "names one twice, name each once")
    rows = read_recorded(out)
    if questions is None:
        if not rows:
            raise ConfigurationError("out", f"there are no records at {out} to score, name a file of records")
        questions = [question for question, _ in rows]
    distinct = _distinct(questions, [question for question, _ in rows])
    plan = RecordingPlan(out=out, questions=distinct, asked=asked, repeated=len(questions) - len(distinct))
    wanted = {question.fingerprint for question in questions}
    for question, row in rows:
        if question.fingerprint not in wanted:
            plan.others.append(row)
            continue
        for model, response in row["responses"].items():
            key = question.fingerprint, model
            bare = {name: value for name, value in response.items() if name not in _SCORE_FIELDS}
            plan.responses.setdefault(key, bare)
            score = float(response["score"]), response.get("scored_by")
            plan.scores[question.fingerprint, question.gold, model] = score
    return plan


def _distinct(questions: Sequence[Question], recorded: Sequence[Question]) -> list[Question]:
    """Return each question once: the same answers twice would count as evidence twice.

    A question without gold takes that of an equal prompt.
    """
    gold = {one.fingerprint: one.gold for one in (*recorded, *questions) if one.gold is not None}
    found: dict[tuple[str, str | None], Question] = {}
    for one in questions:
        known = one.gold if one.gold is not None else gold.get(one.fingerprint)
        found.setdefault((one.fingerprint, known), replace(one, gold=known))
    return list(found.values())
