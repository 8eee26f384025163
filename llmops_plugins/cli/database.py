"""Opens a ledger's database for one command."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Engine

__all__ = ["opened"]


@contextlib.contextmanager
def opened(url: str) -> Iterator[Engine]:
    """Open a database and let go of it, so that SQLite leaves no files of its own beside it.

    Args:
        url: An SQLAlchemy URL.
    """
    from llmops_plugins.storage.database import open_engine

    engine = open_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()
