"""Scorers as they are written on a command line."""

from __future__ import annotations

from langchain_core.embeddings import Embeddings

from llmops_plugins.backtest.scoring.exact import ExactScorer
from llmops_plugins.backtest.scoring.final_answer import FinalAnswerScorer
from llmops_plugins.backtest.scoring.function import FunctionScorer, load_function
from llmops_plugins.backtest.scoring.judge import AskJudge, JudgeScorer
from llmops_plugins.backtest.scoring.numeric import NumericScorer
from llmops_plugins.backtest.scoring.regex import RegexScorer
from llmops_plugins.backtest.scoring.schema import SchemaScorer
from llmops_plugins.backtest.scoring.scorer import Scorer
from llmops_plugins.backtest.scoring.similarity import SimilarityScorer
from llmops_plugins.errors import ConfigurationError

__all__ = ["judge_of", "parse_scorer"]

_KNOWN = "answer, exact, numeric, similarity, regex:PATTERN, schema:FILE.json, judge:MODEL or module:function"


def parse_scorer(
    text: str, *, embeddings: str | Embeddings | None = None, judge: AskJudge | None = None
) -> Scorer:
    """Return the scorer that a text names.

    Args:
        text: ``answer``, ``exact``, ``numeric``, ``similarity``, ``regex:PATTERN``, ``schema:FILE.json``,
            ``judge:MODEL`` or ``module:function``.
        embeddings: For ``similarity``: embeddings, or an ``init_embeddings`` string.
        judge: For ``judge:MODEL``: sends that model messages.

    Raises:
        ConfigurationError: If it names none, or what it needs is missing.

    Example:
        >>> parse_scorer("regex:^yes").name
        'regex:^yes'
    """
    kind, colon, rest = text.partition(":")
    if embeddings is not None and text != "similarity":
        raise ConfigurationError("embeddings", "are for --score similarity, leave them out")
    match kind, bool(colon):
        case "answer", False:
            return FinalAnswerScorer()
        case "exact", False:
            return ExactScorer()
        case "numeric", False:
            return NumericScorer()
        case "similarity", False:
            return SimilarityScorer(embeddings=_embeddings(embeddings))
        case (("regex" | "schema" | "judge"), True) if not rest:
            raise ConfigurationError("score", f"{text!r} lacks what comes after the colon; write {_KNOWN}")
        case "regex", True:
            return RegexScorer(pattern=rest)
        case "schema", True:
            return SchemaScorer(file=rest)
        case "judge", True:
            if judge is None:
                raise ConfigurationError(
                    "score", f"{text!r} needs a function that asks the model, give judge"
                )
            return JudgeScorer(name=text, ask=judge)
        case _, True if kind and rest:
            return FunctionScorer(name=text, function=load_function(text))
    raise ConfigurationError("score", f"{text!r} is no scorer, write {_KNOWN}")


def judge_of(text: str) -> str | None:
    """Return the model that a scorer has as its judge, or None for any other scorer."""
    return text.removeprefix("judge:") if text.startswith("judge:") else None


def _embeddings(given: str | Embeddings | None) -> Embeddings:
    from langchain.embeddings import init_embeddings

    if given is None:
        raise ConfigurationError(
            "embeddings", "are needed for --score similarity, name for example openai:text-embedding-3-small"
        )
    if not isinstance(given, str):
        return given
    try:
        built = init_embeddings(given)
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ConfigurationError("embeddings", f"{given!r} cannot be built: {reason}") from error
    if not isinstance(built, Embeddings):
        raise ConfigurationError("embeddings", f"{given!r} is no embedding model, write provider:model")
    return built
