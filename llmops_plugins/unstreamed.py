"""Keeps what is not the answer out of the user's stream of messages, also where a graph writes it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from langchain_core.callbacks import BaseCallbackManager
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config

from llmops_plugins.flow import NOSTREAM

__all__ = ["unstreamed"]

_STREAMS_MESSAGES = "StreamMessagesHandler"


@contextlib.contextmanager
def unstreamed(config: RunnableConfig) -> Iterator[RunnableConfig]:
    """Yield a config of which no message streams, and make it the one that calls inside start from.

    The tag keeps out what models write as they write it; LangGraph streams the messages in what a node of a
    graph inside returns as well, whatever the tags, and adds the surrounding config's callbacks to those it
    is given.

    Args:
        config: Of the run that is to be hidden.
    """
    # Not merged: that would drop a recursion limit that is LangChain's default.
    tags, callbacks = [*(config.get("tags") or ()), NOSTREAM], _without_messages(config.get("callbacks"))
    hidden: RunnableConfig = {**config, "tags": tags, "callbacks": callbacks}
    token = var_child_runnable_config.set(hidden)
    try:
        yield hidden
    finally:
        var_child_runnable_config.reset(token)


def _without_messages(callbacks: Any) -> Any:
    """Return a run's callbacks without those that stream messages.

    The handler is known by its name alone: the class is private, and where it has another name the messages
    of such nodes stream as they would have.
    """
    if not isinstance(callbacks, BaseCallbackManager):
        return callbacks
    kept = callbacks.copy()
    for handler in callbacks.handlers:
        if any(kind.__name__ == _STREAMS_MESSAGES for kind in type(handler).__mro__):
            kept.remove_handler(handler)
    return kept
