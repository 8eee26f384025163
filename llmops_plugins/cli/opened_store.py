"""Opens a store for one command."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from llmops_plugins.errors import ConfigurationError, DatabaseUnavailableError, LlmopsError

if TYPE_CHECKING:
    from langgraph.store.base import BaseStore

__all__ = ["opened_store"]

_BUSY_SECONDS = 5.0


@contextlib.contextmanager
def opened_store(named: str, what: str = "cache") -> Iterator[BaseStore]:
    """Open the store that a user names, and let go of it; a file that is not there is not made.

    Args:
        named: A store's file, or ``module:attribute``: a LangGraph store, or a function without arguments, or
            a context manager, that gives one.
        what: What errors call what is expected in it.

    Raises:
        ConfigurationError: If there is no such store, it is none, or it fails.
    """
    named = named.removeprefix("sqlite:///")
    module, _, attribute = named.rpartition(":")
    is_file = Path(named).exists() or not (module and attribute.isidentifier())
    with _file_store(Path(named), what) if is_file else _user_store(named) as store:
        yield store


@contextlib.contextmanager
def _file_store(path: Path, what: str) -> Iterator[BaseStore]:
    from llmops_plugins.storage.local_store import LocalStore

    _check_file(path, what)
    try:
        # Without an index, so that nobody's embeddings are needed to count or delete.
        with contextlib.closing(LocalStore(path)) as store:
            yield store
    except DatabaseUnavailableError as error:
        # The library's argument is the command's option, and goes by its name here.
        raise ConfigurationError("store", str(error).removeprefix("path: ")) from error


def _check_file(path: Path, what: str) -> None:
    """Refuse what is no store before it is opened as one: that would make a file, or tables in another's."""
    if not path.is_file():
        problem = f"there is no file {path}, name the one with your {what} or module:attribute of your store"
        raise ConfigurationError("store", problem)
    try:
        address = f"{path.resolve().as_uri()}?mode=rw"
        with contextlib.closing(sqlite3.connect(address, timeout=_BUSY_SECONDS, uri=True)) as connection:
            found = connection.execute(
                "SELECT 1 FROM sqlite_master WHERE name = 'llmops_store_items'"
            ).fetchone()
    except sqlite3.Error as error:
        raise ConfigurationError(
            "store", f"{path} cannot be read ({error}), name the file of your {what}"
        ) from error
    if found is None:
        raise ConfigurationError("store", f"{path} holds no store, name the file of your {what}")


@contextlib.contextmanager
def _user_store(named: str) -> Iterator[BaseStore]:
    from llmops_plugins.backtest.error_sentence import error_sentence
    from llmops_plugins.backtest.user_module import importable

    try:
        with importable(named), contextlib.ExitStack() as stack:
            yield _found_store(named, stack)
    except (LlmopsError, typer.Abort, typer.Exit):
        raise
    except (Exception, SystemExit) as error:
        # It may be any store, over any network: it fails as it likes.
        raise ConfigurationError(
            "store", f"{named} failed ({error_sentence(error)}), check that it can be reached"
        ) from error


def _found_store(named: str, stack: contextlib.ExitStack) -> BaseStore:
    from langgraph.store.base import BaseStore

    from llmops_plugins.backtest.user_module import load_attribute

    module, _, attribute = named.rpartition(":")
    found: Any = load_attribute(named, "store")
    if found is None:
        raise ConfigurationError("store", f"{module} has no attribute {attribute!r}, check its spelling")
    if callable(found) and not isinstance(found, BaseStore):
        found = found()
    if isinstance(found, contextlib.AbstractContextManager) and not isinstance(found, BaseStore):
        found = stack.enter_context(found)
    if not isinstance(found, BaseStore):
        problem = f"{named} is a {type(found).__name__}, name the LangGraph store that you use"
        raise ConfigurationError("store", problem)
    return found
