"""The cost ledger: one callback handler that sees what every answer cost, hidden calls included."""

from __future__ import annotations

import asyncio
import contextvars
import os
import time
import weakref
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, get_args

from langchain_core.tracers.context import register_configure_hook

from llmops_plugins.accounting.attribution import KindRule, check_kind_rule
from llmops_plugins.accounting.bookkeeper import Bookkeeper
from llmops_plugins.accounting.observer import Observer
from llmops_plugins.accounting.open_calls import OpenCalls
from llmops_plugins.accounting.rows import Content
from llmops_plugins.accounting.writer import Leftover, Writer
from llmops_plugins.background import BACKGROUND
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.models.prices import PriceBook
from llmops_plugins.models.registry import ModelRegistry

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from llmops_plugins.accounting.report import CostReport
    from llmops_plugins.accounting.trace import Trace

__all__ = ["CostLedger"]

_ACTIVE: contextvars.ContextVar[CostLedger | None] = contextvars.ContextVar("llmops_ledger", default=None)
register_configure_hook(_ACTIVE, inheritable=True)
# Context variables and not attributes: several tasks or threads may enter one ledger at the same time.
_ENCLOSING: contextvars.ContextVar[tuple[CostLedger | None, ...]] = contextvars.ContextVar(
    "llmops_enclosing_ledgers", default=()
)


_DRAIN_SECONDS = 10.0


class CostLedger(Observer):
    """Writes one row for each model call of any chain or graph, and the decisions of the plugins beside them.

    Attach it with ``graph.with_config(callbacks=[ledger])``, for one call with
    ``config={"callbacks": [ledger]}``, or as a context manager around any number of calls. It observes only:
    the app is never slowed by its database, and never broken by it.

    Args:
        url: SQLAlchemy URL of the database; made when missing.
        registry: Your own models and prices, or a YAML file of them; lists of public prices go after it.
        kinds: Your rule for what calls are for: kinds by node name, or a function of :class:`CallFacts`.
        content: Whether prompts and answers are stored: ``"none"``, ``"redacted"`` or ``"full"``.
        content_retention: How long stored prompts and answers are kept.
        max_queue: Events that may wait to be written; further ones are lost, and counted.

    Raises:
        ConfigurationError: If a setting is wrong. A database that cannot be opened is not: it warns once.

    Example:
        >>> from llmops_plugins.testing import ScriptedChatModel
        >>> ledger = CostLedger("sqlite://")
        >>> model = ScriptedChatModel(replies=["hello"])
        >>> model.invoke("hi", config={"callbacks": [ledger]}).text
        'hello'
        >>> ledger.report().totals.calls
        1
    """

    def __init__(
        self,
        url: str = "sqlite:///llmops.db",
        *,
        registry: ModelRegistry | str | Path | None = None,
        kinds: KindRule | None = None,
        content: Content = "none",
        content_retention: timedelta = timedelta(days=30),
        max_queue: int = 50_000,
    ) -> None:
        from llmops_plugins.storage.database import open_engine

        if content not in get_args(Content):
            raise ConfigurationError(
                "content", f"must be one of {', '.join(get_args(Content))}, got {content!r}"
            )
        if not isinstance(content_retention, timedelta) or content_retention <= timedelta(0):
            problem = f"must be a timedelta above 0, or set content='none', got {content_retention!r}"
            raise ConfigurationError("content_retention", problem)
        if type(max_queue) is not int or max_queue < 1:
            raise ConfigurationError("max_queue", f"must be a whole number from 1, got {max_queue!r}")
        check_kind_rule(kinds)
        if isinstance(registry, str | Path):
            registry = ModelRegistry.from_yaml(registry)
        if not isinstance(registry, ModelRegistry | None):
            raise ConfigurationError(
                "registry", f"must be a ModelRegistry or a YAML file's path, got {type(registry).__name__}"
            )
        self._engine = open_engine(url)
        prices = PriceBook(registry)
        writer = Writer(
            self._engine,
            lambda: Bookkeeper(prices=prices, kinds=kinds, content=content),
            content_retention=content_retention,
            max_queue=max_queue,
        )
        super().__init__(writer, prices=prices, kinds=kinds)
        # At exit, or when nobody holds the ledger any more.
        weakref.finalize(self, _close, self._writer, self._calls, self._engine)
        _LEDGERS.add(self)

    # -- what users call

    @property
    def engine(self) -> Engine:
        """The database, for queries of your own; call :meth:`flush` first."""
        return self._engine

    def report(
        self,
        by: Sequence[str] = ("node", "kind"),
        *,
        since: datetime | None = None,
        thread: str | None = None,
    ) -> CostReport:
        """Flush, and return what was spent and saved.

        Args:
            by: Columns to group by, or keys of your own run metadata.
            since: Only what happened from then on; without a time zone it is UTC.
            thread: Only this conversation.

        Raises:
            ConfigurationError: If ``by`` names nothing that can be grouped by.
        """
        from llmops_plugins.accounting.report import build_report

        self.flush()
        writer, background = self._writer, BACKGROUND.counts
        found = build_report(
            self._engine, by, since=since, thread=thread, unkept=writer.unkept, trouble=writer.trouble
        )
        unfinished = background.dropped + background.failed
        if unfinished:
            found.notes.append(f"{unfinished:,} shadow checks of this process did not run to their end.")
        return found

    def trace(self, trace_id: str | None = None) -> Trace:
        """Flush, and return one run tree with its calls and decisions; the latest without an id."""
        from llmops_plugins.accounting.trace import read_trace

        self.flush()
        return read_trace(self._engine, trace_id)

    def flush(self, timeout: float = 30.0) -> bool:
        """Wait until everything seen so far is durable.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            Whether it is; ``False`` when the database would not take it in time.
        """
        cancelled = self._calls.ended_unseen()
        if cancelled:
            self._writer.put(Leftover(cancelled, self._calls.give_up))
        return self._writer.flush(timeout)

    def close(self) -> None:
        """Flush and let go of the database; calls whose end has not come are written as aborted.

        Shadow work in threads gets ten seconds to end first. In an event loop, await
        ``BACKGROUND.adrain()`` of :mod:`llmops_plugins.background` before the loop ends.
        """
        _close(self._writer, self._calls, self._engine)

    def __reduce__(self) -> Any:
        raise TypeError("a CostLedger holds a database and a thread, attach it after unpickling")

    def __enter__(self) -> CostLedger:
        _ENCLOSING.set((*_ENCLOSING.get(), _ACTIVE.get()))
        _ACTIVE.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        *outer, active = _ENCLOSING.get()
        _ENCLOSING.set(tuple(outer))
        _ACTIVE.set(active)
        if not _in_event_loop():  # where waiting for a database would stop everybody
            self.flush()


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _close(writer: Writer, calls: OpenCalls, engine: Any) -> None:
    BACKGROUND.drain(_DRAIN_SECONDS)
    unfinished = calls.all()
    if unfinished:
        writer.put(Leftover(unfinished, calls.give_up, deadline=time.monotonic()))
    writer.stop()
    engine.dispose()


def _forget_parents() -> None:
    """Start afresh in a forked child."""
    for ledger in list(_LEDGERS):
        ledger._forget_parent()


_LEDGERS: weakref.WeakSet[CostLedger] = weakref.WeakSet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parents)
