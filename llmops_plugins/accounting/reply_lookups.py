"""Looks up the replies of other processes, again where they were not there: those may write them later."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any

from llmops_plugins.accounting.batch import Batch
from llmops_plugins.accounting.earlier_replies import EarlierReplies, settle

__all__ = ["ReplyLookups"]

logger = logging.getLogger(__name__)
_FIRST_WAIT = 0.5
_GIVE_UP_AFTER = 60.0
_MAX_WAITING = 500


@dataclass(slots=True)
class _Lookup:
    """Replies that have been looked for.

    Args:
        left: Those that are not found yet; None where none is to be looked for any more.
        give_up_at: When to stop looking, as ``time.monotonic()``.
        wait: Seconds until they are looked for again; twice as long each time.
        next_at: When that is.
    """

    left: EarlierReplies | None
    give_up_at: float
    wait: float
    next_at: float = 0.0


class ReplyLookups:
    """Replies that were not in the database yet; for use by one thread.

    What is not found within a minute stays unknown.

    Args:
        engine: The ledger's database.
    """

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._waiting: list[_Lookup] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def settle(self, batch: Batch, *, at_once: bool) -> None:
        """Look up the replies of a batch, and those of earlier ones that were not there.

        Args:
            batch: Its earlier replies are taken from it, and what is found out is added.
            at_once: Whether to look for all, not only for those whose time has come.

        Raises:
            Exception: Whatever a database in trouble says; then what is left to look up is kept.
        """
        now = time.monotonic()
        for lookup in self._waiting:
            if at_once or now >= lookup.next_at:
                self._look(lookup, batch, now)
        while batch.earlier:  # let go of one by one: what was settled is so, though writing may fail
            lookup = _Lookup(batch.earlier[0], now + _GIVE_UP_AFTER, _FIRST_WAIT)
            self._look(lookup, batch, now)
            del batch.earlier[0]
            self._waiting.append(lookup)
        self._waiting = [lookup for lookup in self._waiting if lookup.left is not None][-_MAX_WAITING:]

    def _look(self, lookup: _Lookup, batch: Batch, now: float) -> None:
        from llmops_plugins.storage.ledger_tables import is_databases_trouble

        if lookup.left is None:
            return
        try:
            settled = settle(self._engine, lookup.left)
        except Exception as error:
            if is_databases_trouble(error):
                raise
            # Kept, it would be refused again each time, and nothing after it ever written.
            logger.debug("the database does not take the id of an earlier reply", exc_info=error)
            lookup.left = None
            return
        batch.corrections += settled.corrections
        batch.charges += [] if settled.charge is None else [settled.charge]
        lookup.left = settled.left if now < lookup.give_up_at else None
        lookup.next_at, lookup.wait = now + lookup.wait, 2 * lookup.wait
