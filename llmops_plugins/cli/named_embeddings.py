"""The embeddings that a user names on the command line."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from llmops_plugins.errors import ConfigurationError, LlmopsError

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

__all__ = ["named_embeddings"]


@contextlib.contextmanager
def named_embeddings(named: str | None) -> Iterator[Embeddings | str | None]:
    """Yield embeddings of the user's own, where a name is that of any; else the name itself.

    Args:
        named: ``module:attribute``, an ``init_embeddings`` string, or None for the embedded default.

    Raises:
        ConfigurationError: If the user's own cannot be found or made.
    """
    from llmops_plugins.backtest.user_module import importable

    if named is None or not _is_own(named):
        yield named
        return
    with importable(named):  # what they call imports too
        yield _own_embeddings(named)


def _is_own(named: str) -> bool:
    """Tell ``module:attribute`` from ``provider:model``, which looks the same."""
    from llmops_plugins.backtest.user_module import importable

    module, _, attribute = named.rpartition(":")
    if not module or not attribute.isidentifier():
        return False
    if module.endswith(".py"):
        return True
    with importable(named):
        try:
            return importlib.util.find_spec(module) is not None
        except (ImportError, ValueError):
            return False


def _own_embeddings(named: str) -> Embeddings | str:
    from langchain_core.embeddings import Embeddings

    from llmops_plugins.backtest.error_sentence import error_sentence
    from llmops_plugins.backtest.user_module import load_attribute

    module, _, attribute = named.rpartition(":")
    found: Any = load_attribute(named, "embeddings")
    if found is None and not module.endswith(".py"):
        return named  # a provider's package may be installed under its name
    if found is None:
        raise ConfigurationError("embeddings", f"{module} has no {attribute!r}, check its spelling")
    try:
        made = found() if callable(found) and not isinstance(found, Embeddings) else found
    except LlmopsError:
        raise
    except (Exception, SystemExit) as error:
        problem = f"{named} failed ({error_sentence(error)}), check that it can be made"
        raise ConfigurationError("embeddings", problem) from error
    if not isinstance(made, Embeddings):
        problem = f"{named} is a {type(made).__name__}, name LangChain embeddings or what makes them"
        raise ConfigurationError("embeddings", problem)
    return made
