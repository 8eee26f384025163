"""The model calls that have started and not ended, and what becomes of those whose end never comes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any
from uuid import UUID

from llmops_plugins.accounting.observed import ObservedCall

__all__ = ["OpenCalls"]

_MAX_OPEN = 10_000
_LOOK_EVERY = 128
_MAX_GIVEN_UP = 1_000


class OpenCalls:
    """Calls in progress by run id; for use by any number of threads.

    A call whose end does not come (vetoed by another handler, or abandoned) is given up: it is written as it
    stands, and replaced if its end comes after all.
    """

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        # Reentrant: the garbage collector may close an abandoned stream, and so end its call, at any line.
        self._lock = threading.RLock()
        self._open: OrderedDict[UUID, ObservedCall] = OrderedDict()
        self._given_up: OrderedDict[UUID, ObservedCall] = OrderedDict()
        self._until_look = _LOOK_EVERY

    def is_open(self, run_id: UUID, given: Any) -> bool:
        """Tell whether this very call was opened already: a handler attached twice gets one object."""
        call = self._open.get(run_id)
        return call is not None and call.given is given

    def get(self, run_id: UUID) -> ObservedCall | None:
        """Return the call in progress under an id."""
        return self._open.get(run_id)

    def open(self, run_id: UUID, call: ObservedCall) -> list[ObservedCall]:
        """Note a call that starts; now and then returns calls given up because no end of theirs can come."""
        with self._lock:
            call.same_id = self._open.get(run_id)
            self._open[run_id] = call
            call.run.tree.open_calls.add(call)
            self._until_look -= 1
            if self._until_look > 0 and len(self._open) <= _MAX_OPEN:
                return []
            self._until_look = _LOOK_EVERY
            given_up = [one for one in self.ended_unseen() if self.give_up(one)]
            if len(self._open) > _MAX_OPEN:
                oldest_id, oldest = self._open.popitem(last=False)
                self._move_to_given_up(oldest_id, oldest)
                given_up.append(oldest)
            return given_up

    def ended_unseen(self) -> list[ObservedCall]:
        """Return the calls whose task is done though no end of theirs was seen: they were cancelled."""
        with self._lock:
            return [call for call in self._open.values() if call.cannot_end]

    def close(self, run_id: UUID) -> ObservedCall | None:
        """Note a call that ends; returns it unless it is unknown or was closed already."""
        with self._lock:
            call = self._open.pop(run_id, None)
            if call is None:
                return self._given_up.pop(run_id, None)
            if call.same_id is not None:
                self._open[run_id], call.same_id = call.same_id, None
            call.run.tree.open_calls.discard(call)
            return call

    def give_up(self, call: ObservedCall) -> bool:
        """Give a call up; returns whether it was still open."""
        with self._lock:
            run_id = UUID(call.run_id)
            if self._open.get(run_id) is not call:
                return False
            del self._open[run_id]
            self._move_to_given_up(run_id, call)
            return True

    def all(self) -> list[ObservedCall]:
        """Return every call in progress."""
        with self._lock:
            return list(self._open.values())

    def clear(self) -> None:
        """Forget everything, as a forked child must: its parent sees the ends."""
        self._reset()

    def _move_to_given_up(self, run_id: UUID, call: ObservedCall) -> None:
        call.run.tree.open_calls.discard(call)
        self._given_up[run_id] = call
        if len(self._given_up) > _MAX_GIVEN_UP:
            self._given_up.popitem(last=False)
