"""Replies that serialise with the cost of their call, for the tracer of a model called on its own."""

from __future__ import annotations

import logging
import weakref
from functools import cache
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, LLMResult
from pydantic import PrivateAttr

__all__ = ["USAGE_KEY", "serialise_with_usage", "warn_once"]

USAGE_KEY = "usage_metadata"
"""Where LangSmith looks for a call's usage and costs."""

logger = logging.getLogger(__name__)


class _PricedUsage:
    """Usage with costs, which knows whether a tracer has taken it."""

    def __init__(self, usage: dict[str, Any]) -> None:
        self._usage = usage
        self._taken = False

    def attributes(self) -> dict[str, Any]:
        self._taken = True
        return {USAGE_KEY: self._usage}

    def check_taken(self) -> None:
        if not self._taken:
            warn_once("the tracer came first, put the ledger first in callbacks to post a lone call's cost")


class _PricedMessage(AIMessage):
    """A message that serialises with the cost of its usage, though its usage is still plain token counts."""

    _priced: _PricedUsage | None = PrivateAttr(default=None)

    @classmethod
    def lc_id(cls) -> list[str]:
        return AIMessage.lc_id()

    @property
    def lc_attributes(self) -> dict[str, Any]:
        return super().lc_attributes | (self._priced.attributes() if self._priced else {})


class _PricedChunk(AIMessageChunk):
    """The same for a streamed reply."""

    _priced: _PricedUsage | None = PrivateAttr(default=None)

    @classmethod
    def lc_id(cls) -> list[str]:
        return AIMessageChunk.lc_id()

    @property
    def lc_attributes(self) -> dict[str, Any]:
        return super().lc_attributes | (self._priced.attributes() if self._priced else {})


def serialise_with_usage(result: LLMResult, usage: dict[str, Any]) -> None:
    """Let the reply that handlers see serialise with ``usage``; the message the user gets is another one.

    Args:
        result: What the handlers are given; its one reply is replaced by a copy.
        usage: The call's usage with its costs.
    """
    if len(result.generations) != 1 or len(result.generations[0]) != 1:
        return  # the tracer sums the usage of several, and cannot sum costs
    generation = result.generations[0][0]
    if isinstance(generation, ChatGeneration):
        message = generation.message
        priced: Any = {AIMessage: _PricedMessage, AIMessageChunk: _PricedChunk}.get(type(message))
        if priced is not None:
            copy = priced.model_construct(**dict(message))
            copy._priced = _PricedUsage(usage)
            weakref.finalize(copy, copy._priced.check_taken).atexit = False
            result.generations[0][0] = generation.model_copy(update={"message": copy})


@cache
def warn_once(problem: str, kind_of_error: str | None = None) -> None:
    """Say once a process that LangSmith gets less than it should."""
    detail = f" ({kind_of_error})" if kind_of_error else ""
    logger.warning("a LangSmith run is incomplete, your app is not affected: %s%s", problem, detail)
