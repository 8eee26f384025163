"""Which run trees this process knows from the beginning of what they do: others were begun elsewhere."""

from __future__ import annotations

from collections import OrderedDict

from llmops_plugins.accounting.observed import RunTree

__all__ = ["WholeTrees"]

_MAX_INTERRUPTED = 20_000


class WholeTrees:
    """Run trees that began with an input, and those that go on from where such a tree was interrupted."""

    def __init__(self) -> None:
        self._interrupted_at: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, tree: RunTree) -> bool:
        return not tree.goes_on or tree.resumed_at in self._interrupted_at

    def note_end(self, tree: RunTree) -> None:
        """Remember where a tree was interrupted.

        Args:
            tree: One that has ended.
        """
        if tree.interrupted_at is None or tree not in self:
            return
        self._interrupted_at[tree.interrupted_at] = None
        self._interrupted_at.move_to_end(tree.interrupted_at)
        if len(self._interrupted_at) > _MAX_INTERRUPTED:
            self._interrupted_at.popitem(last=False)
