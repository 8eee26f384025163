"""How right an answer is, learned from recorded answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.embeddings import Embeddings

from llmops_plugins.effects import NEVER_SWALLOWED, Embed
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.messages import calls_tools, last_question
from llmops_plugins.verification.answers import extract_answer
from llmops_plugins.verification.scorer_features import embedding_values, text_values
from llmops_plugins.verification.scorer_rows import read_rows
from llmops_plugins.verification.scoring import Scoring
from llmops_plugins.verification.settings import check_probability
from llmops_plugins.verification.verdict import PriceRank, Verdict, answer_message

if TYPE_CHECKING:
    from langchain.agents.middleware.types import ModelRequest, ModelResponse

    from llmops_plugins.flow import Effect
    from llmops_plugins.records.reading import Record

__all__ = ["LearnedScorer"]


class LearnedScorer:
    """Accept an answer that is probably right, by a regression learned on recorded answers.

    The first reply is judged: by whether the others agree with it, its length, its words of doubt and its
    form, and with embeddings by how close it is to the question and to the other replies. The score is the
    probability that it is right. Below the threshold it is rejected. Other models, other prompts or another
    ``extract`` than it was fitted with make the probabilities and their bound void.

    Args:
        scoring: What was learned; :meth:`fit` and :meth:`load` make it.
        extract: Finds the final answer in a reply's text, as it did when the scorer was fitted.
        embeddings: The embeddings the scorer was fitted with, if it was.

    Raises:
        ConfigurationError: If it was fitted with embeddings and has none, or the other way round.
    """

    def __init__(
        self,
        scoring: Scoring,
        *,
        extract: Callable[[str], str | None] = extract_answer,
        embeddings: Embeddings | None = None,
    ) -> None:
        _check_embeddings(embeddings)
        if scoring.embedded is not (embeddings is not None):
            fix = "give the same again" if scoring.embedded else "leave them out"
            word = "with" if scoring.embedded else "without"
            raise ConfigurationError("embeddings", f"the scorer was fitted {word} any, {fix}")
        self.scoring = scoring
        self.minimum_replies = len(scoring.models)
        self.price = PriceRank.FREE if embeddings is None else PriceRank.EMBEDDING
        self._extract = extract
        self._embeddings = embeddings

    @classmethod
    def fit(
        cls,
        records: Sequence[Record],
        models: Sequence[str],
        *,
        max_error: float = 0.05,
        confidence: float = 0.9,
        extract: Callable[[str], str | None] = extract_answer,
        embeddings: Embeddings | None = None,
        seed: int = 0,
    ) -> LearnedScorer:
        """Learn from recorded answers, and accept as much as the bound allows.

        One half of the records is for the regression, the other for the threshold. Thresholds are put in an
        order, from careful to thrifty, on the first half; each is tested on the second until the first that
        fails, and the last that passed is taken. The calibration rows that a threshold fixed beforehand
        accepts are, given how many they are, independent draws of accepted traffic, so the wrong ones among
        them are binomial and the test is exact (selective classification, Geifman and El-Yaniv 2017,
        https://arxiv.org/abs/1705.08500, lemma 3.1). By fixed-sequence testing (Angelopoulos, Bates, Candès,
        Jordan and Lei 2021, *Learn then Test*, https://arxiv.org/abs/2110.01052, theorem 1 with section 4's
        fixed sequences) the probability that an accepted answer is wrong is at most ``max_error`` with
        probability ``confidence`` over the calibration records, provided that they and the traffic to come
        are drawn alike. For scores that are not all 0 or 1 it is the mean score an accepted answer lacks.

        Args:
            records: Recorded answers. At least 40 must hold a text of each model; others are left out, as
                the running scorer abstains from them.
            models: The models whose replies will be there, in order; the first one's is judged.
            max_error: Most that the probability of an accepted answer to be wrong may be, from 0 to 1.
            confidence: Probability with which that holds.
            extract: Finds the final answer in a reply's text, to see which replies agree.
            embeddings: Any LangChain embeddings; each verdict then costs one call of them.
            seed: Of the shuffle that splits the records.

        Raises:
            ConfigurationError: If a setting is wrong, or the records are too few.
            BoundNotMetError: If no threshold can be shown to keep ``max_error``; it says what could be shown.
        """
        check_probability("max_error", max_error)
        check_probability("confidence", confidence)
        _check_embeddings(embeddings)
        rows = read_rows(records, models, extract, embeddings)
        # Imported here: only fitting needs numpy.
        from llmops_plugins.verification.scorer_fitting import fit_scoring

        scoring = fit_scoring(
            rows,
            models=models,
            embedded=embeddings is not None,
            max_error=max_error,
            confidence=confidence,
            seed=seed,
        )
        return cls(scoring, extract=extract, embeddings=embeddings)

    def save(self, path: Path | str) -> None:
        """Write what was learned as a JSON file; ``extract`` and the embeddings are not in it.

        Raises:
            ConfigurationError: If it cannot be written.
        """
        self.scoring.save(path)

    @classmethod
    def load(
        cls,
        path: Path | str,
        *,
        extract: Callable[[str], str | None] = extract_answer,
        embeddings: Embeddings | None = None,
    ) -> LearnedScorer:
        """Read a scorer from a JSON file; other arguments as for the class.

        Raises:
            ConfigurationError: If the file cannot be read or is no scorer, or a setting is wrong.
        """
        return cls(Scoring.load(path), extract=extract, embeddings=embeddings)

    def __call__(
        self, request: ModelRequest[Any], replies: Sequence[ModelResponse[Any]]
    ) -> Generator[Effect, Any, Verdict]:
        """Judge the first reply; abstain from what the scorer was not fitted on."""
        expected = len(self.scoring.models)
        if len(replies) != expected:
            reason = f"the scorer was fitted on {expected} replies a question and had {len(replies)}"
            return Verdict(outcome="abstain", reason=reason)
        messages = [answer_message(reply) for reply in replies]
        if any(message is not None and calls_tools(message) for message in messages):
            return Verdict(
                outcome="abstain", reason="a reply calls tools, which the scorer was not fitted on"
            )
        texts = [
            last_question(request.messages),
            *(message.text if message is not None else "" for message in messages),
        ]
        if not all(map(str.strip, texts)):
            return Verdict(outcome="abstain", reason="the question or a reply holds no text")
        values = text_values(texts[0], texts[1:], self._extract)
        if self._embeddings is not None:
            try:
                vectors: Sequence[Sequence[float]] = yield Embed(self._embeddings, texts)
                values += embedding_values(vectors)
            except NEVER_SWALLOWED:
                raise
            except Exception as error:  # noqa: BLE001 - whatever a provider raises, a feature is missing
                return Verdict(outcome="abstain", reason=f"{type(error).__name__} from the embeddings")
            if not all(map(math.isfinite, values)):
                return Verdict(outcome="abstain", reason="an embedding has no direction to compare")
        return self._verdict(values)

    def _verdict(self, values: Sequence[float]) -> Verdict:
        probability, threshold = self.scoring.probability(values), self.scoring.threshold
        return Verdict(
            outcome="accept" if probability >= threshold else "reject",
            reason=f"right with probability {probability:.3f}, {threshold:.3f} is needed",
            score=probability,
        )


def _check_embeddings(embeddings: Any) -> None:
    if embeddings is not None and not isinstance(embeddings, Embeddings):
        problem = f"must be LangChain embeddings, such as init_embeddings(...), got {embeddings!r:.40}"
        raise ConfigurationError("embeddings", problem)
