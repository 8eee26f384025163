"""The semantic tier: answers to the same question in other words, as far as their error is bounded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel

from llmops_plugins.caching.entry import CacheEntry
from llmops_plugins.caching.guards.defaults import DEFAULT_GUARDS, first_refusal
from llmops_plugins.caching.guards.guard import Guard
from llmops_plugins.caching.partition import STATE
from llmops_plugins.caching.same_answer import SameAnswer
from llmops_plugins.caching.settings import check_guards
from llmops_plugins.caching.shipped import shipped_rule
from llmops_plugins.caching.similarity_rule import Match, SimilarityRule
from llmops_plugins.drift_monitor import DriftMonitor
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.models.build import as_chat_model
from llmops_plugins.storage.cached_embeddings import CachedEmbeddings
from llmops_plugins.storage.embeddings import resolve_embeddings
from llmops_plugins.storage.item_indexing import embeddings_name
from llmops_plugins.verification.settings import check_probability, check_rechecks, check_share
from llmops_plugins.verification.similarity import cosine
from llmops_plugins.verification.verdict import Verifier, check_verifier

__all__ = ["CANDIDATES", "Candidate", "SemanticTier"]

CANDIDATES = 10
"""How many stored questions a tier looks at unless it is told otherwise; rules are calibrated on as many."""


_WORTH_A_LABEL = 0.6
"""Cosine below which questions have so little in common that no rule has anything to learn from them."""
_LONGEST_QUESTION = 500
"""Characters above which a text holds more than a question: embeddings cut it off, or miss what differs."""
_PRIOR_CHECKS = 20
"""How many checks the rule's own estimate is worth beside an entry's own (a beta prior's strength)."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A stored question that may be the one asked.

    Args:
        key: Its key in the store.
        entry: Its entry.
        match: What the rule says of it.
        risk: Estimated probability that its answer is wrong here: the rule's, moved by what checking its
            earlier hits has shown.
        refused_by: What does not serve it: a guard's name, ``rule``, ``threshold``, ``checks``,
            ``uncalibrated`` or ``breach``; None where it may be served.
        reason: Why, in a few words that may quote the questions.
    """

    key: str
    entry: CacheEntry
    match: Match
    risk: float
    refused_by: str | None
    reason: str = ""

    @property
    def in_shadow(self) -> bool:
        """Whether it would be compared with the model's answer rather than served."""
        return self.refused_by in ("uncalibrated", "breach") and self.match.cosine >= _WORTH_A_LABEL


class SemanticTier:
    """Settings of the semantic tier.

    ``max_error`` bounds P(wrong | semantic hit). It holds by a rule calibrated on labelled pairs
    (:func:`~llmops_plugins.caching.calibration.calibrate_cache`); one for the embedded default ships with
    this package; it assumes that one look-up in forty meets a stored question that is nearly its own and
    is another one (docs/caching.md says what that means where there are more). Without a rule for its
    embeddings the tier serves nothing: it runs in shadow and collects labels, unless ``threshold`` is set
    by hand.

    Args:
        embeddings: LangChain embeddings, an ``init_embeddings`` string, or None for the embedded default.
        max_error: Largest share of wrong answers among those served.
        confidence: Probability with which calibration must show it.
        rule: What ``calibrate_cache`` returned, or the file it was saved to.
        threshold: Lowest cosine similarity to serve, by hand and without a bound. Instead of ``rule``.
        guards: What refuses a similar question that is not the same; see
            :data:`~llmops_plugins.caching.guards.defaults.DEFAULT_GUARDS`.
        candidates: How many stored questions are looked at.
        same_answer: Judges whether two replies say the same, for checks; by default
            :class:`~llmops_plugins.caching.same_answer.SameAnswer`. For long prose an LLM ``PairwiseJudge``
            is better.
        recheck_share: Share of hits that are asked again, in the background and at their cost.
        rechecks_an_hour: Most of them in any hour.
        rewrite: Chat model that makes a later turn's question stand on its own, so that it can be looked up;
            None looks later turns up exactly only.

    Raises:
        ConfigurationError: If a setting is wrong, or the rule is for other embeddings.
        BoundNotMetError: If the rule cannot show ``max_error``.
        MissingExtraError: If the embedded default is not installed.
    """

    def __init__(
        self,
        *,
        embeddings: Embeddings | str | None = None,
        max_error: float = 0.01,
        confidence: float = 0.9,
        rule: SimilarityRule | Path | str | None = None,
        threshold: float | None = None,
        guards: Sequence[Guard] = DEFAULT_GUARDS,
        candidates: int = CANDIDATES,
        same_answer: Verifier | None = None,
        recheck_share: float = 0.02,
        rechecks_an_hour: int = 60,
        rewrite: str | BaseChatModel | None = None,
    ) -> None:
        check_probability("max_error", max_error)
        check_probability("confidence", confidence)
        if rule is not None and threshold is not None:
            raise ConfigurationError("threshold", "is set by hand, leave it out beside a rule")
        if threshold is not None:
            check_share("threshold", threshold)
        if not isinstance(candidates, int) or isinstance(candidates, bool) or candidates < 1:
            raise ConfigurationError("candidates", f"must be a whole number from 1, got {candidates!r}")
        check_rechecks(recheck_share, rechecks_an_hour)
        self.guards = check_guards("guards", guards)
        self.embeddings = _symmetric(resolve_embeddings(embeddings))
        self.max_error, self.confidence = max_error, confidence
        self.candidates = candidates
        self.threshold = threshold
        self.rule = _rule(rule, threshold, self.embeddings)
        self.tested = self.rule.threshold(max_error, confidence, self._guard_names()) if self.rule else None
        self.same_answer = same_answer or SameAnswer(self.embeddings)
        check_verifier("same_answer", self.same_answer)
        self.rewriter = None if rewrite is None else as_chat_model("rewrite", rewrite)
        self.monitor = DriftMonitor(
            bound=max_error, confidence=confidence, share=recheck_share, most_an_hour=rechecks_an_hour
        )

    @staticmethod
    def can_compare(question: str) -> bool:
        """Tell whether a text is short enough for its embedding to stand for all of it."""
        return len(question) <= _LONGEST_QUESTION

    def candidate(self, key: str, entry: CacheEntry, match: Match, question: str) -> Candidate:
        """Weigh one stored question.

        Args:
            key: Its key in the store.
            entry: Its entry.
            match: What the rule, or its cosine alone, says of it.
            question: What is asked now.
        """
        estimate = self.max_error if self.rule is None else 1 - match.probability
        risk = (_PRIOR_CHECKS * estimate + entry.differing) / (_PRIOR_CHECKS + entry.checked)
        refused_by, reason = self._refusal(entry, match, risk, question) or (None, "")
        return Candidate(key=key, entry=entry, match=match, risk=risk, refused_by=refused_by, reason=reason)

    def matches(
        self,
        question: str,
        vectors: Sequence[Sequence[float]],
        stored: Sequence[str],
        answers: Sequence[str],
    ) -> list[Match]:
        """Return how likely each stored question is the one asked.

        Args:
            question: What is asked now.
            vectors: Its vector, then one for each stored question.
            stored: The stored questions.
            answers: What is stored for each, normalized.
        """
        if self.rule is not None:
            return self.rule.matches(question, stored, vectors, answers)
        return [Match(cosine=cosine(vectors[0], vector), probability=0.0) for vector in vectors[1:]]

    def _refusal(self, entry: CacheEntry, match: Match, risk: float, question: str) -> tuple[str, str] | None:
        if self.threshold is not None:
            if not match.cosine >= self.threshold:  # not a number is not enough
                return "threshold", f"its cosine is {match.cosine:.3f}"
        elif self.tested is not None and not match.probability >= self.tested.probability:
            return "rule", f"it is the same question with probability {match.probability:.3f}"
        if entry.differing and risk > self._highest_risk:
            return "checks", f"{entry.differing} of {entry.checked} checks of it gave another answer"
        refused = first_refusal(self.guards, question, entry.question or "")  # last: they read every word
        if refused is not None:
            return refused.guard, refused.reason
        if self.threshold is None and self.tested is None:
            return "uncalibrated", "no rule is calibrated for these embeddings"
        return None

    def _guard_names(self) -> list[str]:
        return [guard.name for guard in self.guards]

    @property
    def _highest_risk(self) -> float:
        return max(self.max_error, 1 - self.tested.probability) if self.tested else self.max_error

    @property
    def fingerprint(self) -> str:
        """What a breach is remembered by: another rule is another tier."""
        return self.rule.name if self.rule is not None else f"threshold-{self.threshold}"

    @property
    def breach_place(self) -> tuple[tuple[str, ...], str]:
        """Namespace and key where a store remembers that the bound was breached."""
        return STATE, f"breach-{self.fingerprint}"


def _symmetric(embeddings: Embeddings) -> Embeddings:
    """Questions are compared with questions, so a query's vector is a document's: one call serves both."""
    inner = embeddings.embeddings if isinstance(embeddings, CachedEmbeddings) else embeddings
    return embeddings if getattr(inner, "symmetric", False) else CachedEmbeddings(inner, symmetric=True)


def _rule(
    rule: SimilarityRule | Path | str | None, threshold: float | None, embeddings: Embeddings
) -> SimilarityRule | None:
    if threshold is not None:
        return None
    name = embeddings_name(embeddings)
    if rule is None:
        return shipped_rule(name)
    loaded = rule if isinstance(rule, SimilarityRule) else SimilarityRule.load(rule)
    if loaded.embeddings != name:
        raise ConfigurationError(
            "rule", f"was calibrated with {loaded.embeddings}, not {name}: use those, or calibrate anew"
        )
    return loaded
