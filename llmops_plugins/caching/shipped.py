"""The rule that ships with this package, for the embedded default."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path

from llmops_plugins.caching.calibration import calibrate_cache
from llmops_plugins.caching.pair import LabelledPair, read_pairs
from llmops_plugins.caching.similarity_rule import SimilarityRule

__all__ = ["build_shipped_rule", "shipped_pairs", "shipped_rule"]

_FILE = "minilm_rule.json"
_DIFFERENT_SHARE = 0.025
"""One look-up in forty meets a stored question that is nearly its own and is another one.

The pairs were written to be told apart with difficulty, and a third of them are such. Traffic of one's own
may hold more or fewer: only labels of its own tell.
"""

_FIT_SHARE = 0.25


def shipped_pairs() -> list[LabelledPair]:
    """Return the labelled pairs that were written for this package, in a fixed order."""
    folder = Path(str(resources.files("llmops_plugins.caching"))) / "pairs"
    return [pair for file in sorted(folder.glob("*.jsonl")) for pair in read_pairs(file)]


def shipped_rule(embeddings: str) -> SimilarityRule | None:
    """Return the rule for embeddings of that name; None where none ships for them.

    Args:
        embeddings: As :func:`~llmops_plugins.storage.item_indexing.embeddings_name` gives it.
    """
    rule = _read()
    return rule if rule is not None and rule.embeddings == embeddings else None


def build_shipped_rule() -> SimilarityRule:
    """Calibrate the shipped rule anew; ``make minilm-rule`` writes it.

    Raises:
        MissingExtraError: If the embedded default is not installed.
    """
    return calibrate_cache(shipped_pairs(), different_share=_DIFFERENT_SHARE, fit_share=_FIT_SHARE)


@cache
def _read() -> SimilarityRule | None:
    file = resources.files("llmops_plugins.caching") / _FILE
    return SimilarityRule.model_validate_json(file.read_bytes()) if file.is_file() else None
