"""Equal requests at once make one call: the first leads, the others wait for what it brings."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

__all__ = ["Flight", "SingleFlight"]

Outcome = TypeVar("Outcome")


class Flight(Generic[Outcome]):
    """One run's part in a flight: it leads, or it waits for ``future``.

    Args:
        leads: Whether this run is the one that makes the call.
        future: Done when the flight has landed, with its outcome or with None where there is none.
        waits_for_itself: Whether the task or thread that leads is this one, which waiting would hold up: who
            reads a stream may ask the same question before its end.
        flights: Where it is registered.
        key: What under.
    """

    def __init__(
        self,
        *,
        leads: bool,
        future: Future[Outcome | None],
        waits_for_itself: bool,
        flights: SingleFlight[Outcome],
        key: str,
    ) -> None:
        self.leads = leads
        self.future = future
        self.waits_for_itself = waits_for_itself
        self._flights = flights
        self._key = key

    def give_up(self) -> None:
        """Stop waiting for a leader that takes too long: whoever comes next leads."""
        self._flights.forget(self._key, self.future)

    def land(self, outcome: Outcome | None) -> None:
        """End the flight, if this run leads it and it has not ended: waiters get the outcome.

        Args:
            outcome: What the leader brought; None makes the next waiter lead.
        """
        if self.leads and not self.future.done():
            self._flights.forget(self._key, self.future)
            self.future.set_result(outcome)


class SingleFlight(Generic[Outcome]):
    """The flights of one process, by key; safe from threads and event loops."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun: dict[str, tuple[Future[Outcome | None], Any]] = {}

    def join(self, key: str) -> Flight[Outcome]:
        """Join the flight under a key, or begin it as its leader, who must land it in the end."""
        runner = _runner()
        with self._lock:
            begun = self._begun.get(key)
            future, leader = begun if begun is not None else (Future(), None)
            if begun is None:
                self._begun[key] = future, runner
        return Flight(
            leads=begun is None,
            future=future,
            waits_for_itself=leader == runner,
            flights=self,
            key=key,
        )

    def forget(self, key: str, future: Future[Outcome | None]) -> None:
        """Let the next run that joins under the key lead, unless another flight has begun there."""
        with self._lock:
            begun = self._begun.get(key)
            if begun is not None and begun[0] is future:
                del self._begun[key]


def _runner() -> Any:
    """Return what runs this: the task of an event loop, or else the thread."""
    try:
        return asyncio.current_task() or threading.get_ident()
    except RuntimeError:
        return threading.get_ident()
