"""Opens a ledger's database for one command."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from llmops_plugins.errors import ConfigurationError, LlmopsError

if TYPE_CHECKING:
    from sqlalchemy import Engine

__all__ = ["opened"]


@contextlib.contextmanager
def opened(url: str) -> Iterator[Engine]:
    """Open a database and let go of it, so that SQLite leaves no files of its own beside it.

    Args:
        url: An SQLAlchemy URL.

    Raises:
        ConfigurationError: If it cannot be opened or read.
    """
    from llmops_plugins.storage.database import open_engine

    engine = None
    try:
        engine = open_engine(url)
        yield engine
    except LlmopsError as error:
        # The library's argument is the command's option, and goes by its name here.
        library_field, _, problem = str(error).partition(": ")
        if library_field != "url":
            raise
        raise ConfigurationError("db", problem) from error
    finally:
        if engine is not None:
            engine.dispose()
