from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from langchain.agents.middleware.types import ModelRequest, ModelResponse
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import AIMessage, HumanMessage

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
