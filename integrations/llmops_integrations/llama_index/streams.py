"""Streams that LlamaIndex's callbacks observe, and that are closed when nobody reads on.

The callbacks iterate over the stream that a decorated function returns, and let go of it unclosed: the
model would go on. So they get a function that does nothing but return the stream, and whoever reads gets a
generator that closes both.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

__all__ = ["aobserved", "observed"]


def observed(
    callback: Callable[[Any], Any], stream: Generator[Any, None, None], /, *arguments: Any, **settings: Any
) -> Generator[Any, None, None]:
    """Return a stream that a callback observes; closing it closes the stream below.

    Args:
        callback: ``llm_chat_callback()`` or ``llm_completion_callback()``.
        stream: The stream, not yet begun.
        arguments: What the callback is to report as the call's: the LLM, and the messages or the prompt.
        settings: Likewise, its keyword arguments.
    """

    def begin(*arguments: Any, **settings: Any) -> Generator[Any, None, None]:
        return stream

    return _closing(callback(begin)(*arguments, **settings), stream)


async def aobserved(
    callback: Callable[[Any], Any], stream: AsyncGenerator[Any, None], /, *arguments: Any, **settings: Any
) -> AsyncGenerator[Any, None]:
    """Return a stream that a callback observes; the async twin of :func:`observed`."""

    async def begin(*arguments: Any, **settings: Any) -> AsyncGenerator[Any, None]:
        return stream

    return _aclosing(await callback(begin)(*arguments, **settings), stream)


def _closing(
    outer: Generator[Any, None, None], stream: Generator[Any, None, None]
) -> Generator[Any, None, None]:
    with contextlib.closing(stream):
        yield from outer


async def _aclosing(
    outer: AsyncGenerator[Any, None], stream: AsyncGenerator[Any, None]
) -> AsyncGenerator[Any, None]:
    async with contextlib.aclosing(stream), contextlib.aclosing(outer):
        async for response in outer:
            yield response
