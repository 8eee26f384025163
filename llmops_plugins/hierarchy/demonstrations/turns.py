"""What each turn of an agent was shown: its model calls begin alike, so that prompt caches keep them."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence

from langchain_core.messages import AnyMessage

from llmops_plugins.hierarchy.demonstrations.recall import Recall

__all__ = ["Turns", "turn_key"]

_MOST = 1_000


class Turns:
    """Remembers what the latest turns were shown, up to a thousand of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shown: OrderedDict[str, Recall] = OrderedDict()

    def get(self, key: str) -> Recall | None:
        """Return what a turn was shown; None where that is not remembered."""
        with self._lock:
            return self._shown.get(key)

    def put(self, key: str, shown: Recall) -> None:
        """Remember what a turn is shown."""
        with self._lock:
            self._shown[key] = shown
            self._shown.move_to_end(key)
            while len(self._shown) > _MOST:
                self._shown.popitem(last=False)


def turn_key(tenant: str, user: str, messages: Sequence[AnyMessage], asked_at: int) -> str:
    """Return what is equal for all model calls of a turn, and for no other user's.

    Args:
        tenant: Whose request it is.
        user: Who asks.
        messages: The conversation.
        asked_at: Where in it the question stands.
    """
    asked = messages[asked_at]
    parts = (tenant, user, str(asked_at), str(asked.id), asked.text)
    whole = "\0".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()
