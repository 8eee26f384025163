from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from langchain.agents.middleware.types import ModelRequest, ModelResponse
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableLambda

from llmops_plugins.events import KIND_KEY
from llmops_plugins.flow import arun, run
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.verdict import Verdict, Verifier

Judge = Callable[..., Verdict]


def request(*, tools: Sequence[Any] = (), response_format: Any = None) -> ModelRequest[Any]:
    return ModelRequest(
        model=FakeListChatModel(responses=[""]),
        messages=[HumanMessage("a question")],
        tools=list(tools),
        response_format=response_format,
    )


@pytest.fixture
def judge() -> Judge:
    """Drive a verifier that asks for no effect; each reply is a text or a message."""

    def drive(
        verifier: Verifier, *replies: str | AIMessage, tools: Sequence[Any] = (), response_format: Any = None
    ) -> Verdict:
        responses = [
            ModelResponse(result=[AIMessage(reply) if isinstance(reply, str) else reply]) for reply in replies
        ]
        flow = verifier(request(tools=tools, response_format=response_format), responses)
        with pytest.raises(StopIteration) as stop:
            next(flow)
        return stop.value.value

    return drive


class SeenCalls(BaseCallbackHandler):
    """Notes the kind and the tags of every model call under it."""

    run_inline = True

    def __init__(self):
        self.kinds: list[Any] = []
        self.tags: list[list[str]] = []

    def on_chat_model_start(self, serialized, messages, *, metadata=None, tags=None, **kwargs):
        self.kinds.append((metadata or {}).get(KIND_KEY))
        self.tags.append(tags or [])


def forward(request: ModelRequest[Any]) -> ModelResponse[Any]:
    return ModelResponse(result=[request.model.invoke(request.messages)])


async def aforward(request: ModelRequest[Any]) -> ModelResponse[Any]:
    return ModelResponse(result=[await request.model.ainvoke(request.messages)])


@pytest.fixture
def seen() -> SeenCalls:
    return SeenCalls()


@pytest.fixture(params=["run", "arun"])
def decide(request, seen) -> Callable[..., Verdict]:
    """Drive a verifier with the real drivers, sync and async; each reply is a text, a message or a response.

    ``author`` gave the first reply, and is asked again where a verifier forwards the request.
    """

    def drive(
        verifier: Verifier,
        *replies: str | AIMessage | ModelResponse[Any],
        author: Any = None,
        messages: Sequence[Any] = (),
        **asked: Any,
    ) -> Verdict:
        responses = []
        for reply in replies:
            message = AIMessage(reply) if isinstance(reply, str) else reply
            responses.append(
                message if isinstance(message, ModelResponse) else ModelResponse(result=[message])
            )
        author = author or ScriptedChatModel(model_name="author", replies=["unasked"])
        question = ModelRequest(
            model=author, messages=list(messages) or [HumanMessage("a question")], **asked
        )
        flow = verifier(question, responses)

        def inside(_: None) -> Verdict:
            return run(flow, forward)

        async def inside_loop(_: None) -> Verdict:
            return await arun(flow, aforward)

        runnable, config = RunnableLambda(inside, afunc=inside_loop), {"callbacks": [seen]}
        if request.param == "run":
            return runnable.invoke(None, config)
        return asyncio.run(runnable.ainvoke(None, config))

    return drive
