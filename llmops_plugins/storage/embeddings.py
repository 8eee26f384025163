"""What a user may give as embeddings, made into one thing: counted, cached, in calls of bounded size."""

from __future__ import annotations

from langchain_core.embeddings import Embeddings

from llmops_plugins.errors import ConfigurationError, MissingExtraError
from llmops_plugins.storage.cached_embeddings import CachedEmbeddings

__all__ = ["resolve_embeddings"]


def resolve_embeddings(value: Embeddings | str | None = None, *, cache_size: int = 10_000) -> Embeddings:
    """Return embeddings that remember what they embedded and announce each call they do make.

    Args:
        value: LangChain embeddings, an ``init_embeddings`` string such as
            ``"openai:text-embedding-3-small"``, or None for the embedded default, all-MiniLM-L6-v2 without
            torch. What this function returned before comes back as it is.
        cache_size: The most vectors kept in memory; 0 keeps none. One takes four bytes a dimension: 10,000
            of 384 dimensions are 15 MB, of 3,072 dimensions 123 MB.

    Raises:
        MissingExtraError: A package is not installed; the message names the extra or the package.
        ConfigurationError: ``value`` or ``cache_size`` is none of these, or the provider refuses it.
    """
    if isinstance(cache_size, bool) or not isinstance(cache_size, int) or cache_size < 0:
        raise ConfigurationError("cache_size", f"must be a whole number from 0, got {cache_size!r}")
    if isinstance(value, CachedEmbeddings):
        return value
    return CachedEmbeddings(_build(value), cache_size=cache_size)


def _build(value: Embeddings | str | None) -> Embeddings:
    if value is None:
        from llmops_plugins.storage.minilm import MiniLMEmbeddings

        return MiniLMEmbeddings()
    if isinstance(value, str):
        return _from_name(value)
    if not isinstance(value, Embeddings):
        problem = (
            f"must be LangChain embeddings, an init_embeddings string or None, got {type(value).__name__}"
        )
        raise ConfigurationError("embeddings", problem)
    return value


def _from_name(name: str) -> Embeddings:
    from langchain.embeddings import init_embeddings

    if ":" not in name:
        problem = f"{name!r} must name its provider too, as in 'openai:text-embedding-3-small'"
        raise ConfigurationError("embeddings", problem)
    try:
        embeddings: Embeddings = init_embeddings(name)
    except ImportError as error:
        raise MissingExtraError("embeddings", f"{name!r} cannot be built: {_first_line(error)}") from error
    except Exception as error:
        raise ConfigurationError("embeddings", f"{name!r} cannot be built: {_first_line(error)}") from error
    return embeddings


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
