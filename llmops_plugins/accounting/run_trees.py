"""Which run is part of which tree, noted as runs start: parents cannot be walked afterwards."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from llmops_plugins.accounting.observed import Run, RunTree

__all__ = ["RunTrees"]

_MAX_RUNNING = 50_000
_MAX_ENDED = 5_000


class RunTrees:
    """The runs in progress and the latest ended ones, by id; for use by any number of threads.

    Ended runs are remembered for a while because background work starts calls below parents that have ended.
    Both are bounded: a run that is forgotten is taken for the root of a tree of its own.
    """

    def __init__(self) -> None:
        # Every step below is one operation on an ordered dictionary, which the interpreter makes atomic.
        self._running: OrderedDict[UUID, Run] = OrderedDict()
        self._ended: OrderedDict[UUID, Run] = OrderedDict()

    def find(self, run_id: UUID | None) -> Run | None:
        """Return a run that is in progress or has lately ended."""
        if run_id is None:
            return None
        return self._running.get(run_id) or self._ended.get(run_id)

    def start(
        self,
        run_id: UUID,
        parent_run_id: UUID | None,
        metadata: Mapping[str, Any] | None,
        *,
        inputs: Any = None,
        tool: str | None = None,
    ) -> None:
        """Note a run that starts.

        Args:
            run_id: The run.
            parent_run_id: The run it is part of; one never seen makes it a root.
            metadata: Its metadata.
            inputs: What it was given.
            tool: The tool it is, if it is one.
        """
        if run_id in self._running:  # the handler is attached twice
            return
        parent = self.find(parent_run_id)
        if parent is None:
            run = Run(RunTree(str(run_id), metadata or {}, inputs, time.time()), tool)
        else:
            run = parent if tool is None else Run(parent.tree, tool)
        self._running[run_id] = run
        if len(self._running) > _MAX_RUNNING:
            self._running.popitem(last=False)

    def end(self, run_id: UUID) -> RunTree | None:
        """Note a run that ends; returns its tree if it was the root."""
        run = self._running.pop(run_id, None)
        if run is None:
            return None
        self._remember(run_id, run)
        return run.tree if run.tree.root == str(run_id) else None

    def of_call(self, run_id: UUID, parent_run_id: UUID | None) -> Run:
        """Return where a model call stands.

        A ledger attached to the model alone sees no chains: the parent's id still says which calls belong
        together.
        """
        run = self.find(parent_run_id)
        if run is None:
            rootless = parent_run_id is not None
            run = Run(RunTree(str(parent_run_id or run_id), started_at=time.time(), rootless=rootless))
            if parent_run_id is not None:
                self._remember(parent_run_id, run)
        return run

    def clear(self) -> None:
        """Forget everything, as a forked child must."""
        self._running.clear()
        self._ended.clear()

    def _remember(self, run_id: UUID, run: Run) -> None:
        self._ended[run_id] = run
        if len(self._ended) > _MAX_ENDED:
            self._ended.popitem(last=False)
