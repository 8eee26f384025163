"""Every way LlamaIndex asks an LLM."""

import asyncio
from types import SimpleNamespace

import pytest


async def _collected(stream):
    return [response async for response in await stream]


def _whole(method, argument):
    return lambda llm, text: [getattr(llm, method)(argument(text))]


def _awaited(method, argument):
    return lambda llm, text: [asyncio.run(getattr(llm, method)(argument(text)))]


def _streamed(method, argument):
    return lambda llm, text: list(getattr(llm, method)(argument(text)))


def _astreamed(method, argument):
    return lambda llm, text: asyncio.run(_collected(getattr(llm, method)(argument(text))))


def _prompt(text):
    return text


def _messages(text):
    from llama_index.core.llms import ChatMessage

    return [ChatMessage(content=text)]


WAYS = {
    "complete": _whole("complete", _prompt),
    "acomplete": _awaited("acomplete", _prompt),
    "stream_complete": _streamed("stream_complete", _prompt),
    "astream_complete": _astreamed("astream_complete", _prompt),
    "chat": _whole("chat", _messages),
    "achat": _awaited("achat", _messages),
    "stream_chat": _streamed("stream_chat", _messages),
    "astream_chat": _astreamed("astream_chat", _messages),
}


@pytest.fixture(params=WAYS)
def way(request):
    """One way to ask: its name, and a function of an LLM and a text that returns all the responses."""
    return SimpleNamespace(
        name=request.param,
        ask=WAYS[request.param],
        streams="stream" in request.param,
        is_async=request.param[0] == "a",
    )
