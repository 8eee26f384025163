"""Structured output of a chat model in middleware: the parsed value goes through the layers as well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from langchain.agents.structured_output import AutoStrategy
from langchain_core.language_models import LanguageModelInput
from langchain_core.runnables import RunnableConfig, RunnableSerializable
from pydantic import ConfigDict, SkipValidation

from llmops_plugins.effects import Response
from llmops_plugins.wrapped_model.request import PARSING_ERROR, RESPONSE_FORMAT, reply_message

__all__ = ["StructuredOutput"]


class Responder(Protocol):
    """What answers with the middleware's whole response, inside a run that is open already."""

    def respond(
        self, given: LanguageModelInput, stop: list[str] | None, settings: Mapping[str, Any]
    ) -> Response:
        """Answer."""

    async def arespond(
        self, given: LanguageModelInput, stop: list[str] | None, settings: Mapping[str, Any]
    ) -> Response:
        """Answer."""

    def own_config(self, config: RunnableConfig | None) -> RunnableConfig:
        """Return the call's configuration together with the model's own."""


class StructuredOutput(RunnableSerializable[LanguageModelInput, Any]):
    """Parses replies by whichever way the model that answers supports.

    Args:
        responder: The chat model in its middleware.
        response_schema: What to parse replies into.
        include_raw: Whether to put out ``raw``, ``parsed`` and ``parsing_error``, not only what was parsed.
        settings: Further arguments for the answering model's ``with_structured_output``.
    """

    responder: SkipValidation[Responder]
    response_schema: Any
    include_raw: bool
    settings: dict[str, Any]

    model_config = ConfigDict(arbitrary_types_allowed=True)

    def invoke(self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Answer with the parsed value."""

        def answer(given: LanguageModelInput) -> Any:
            return self._output(self.responder.respond(given, None, self._call_settings(kwargs)))

        return self._call_with_config(answer, input, self.responder.own_config(config), run_type="chain")

    async def ainvoke(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Any:
        """Answer with the parsed value."""

        async def answer(given: LanguageModelInput) -> Any:
            return self._output(await self.responder.arespond(given, None, self._call_settings(kwargs)))

        return await self._acall_with_config(
            answer, input, self.responder.own_config(config), run_type="chain"
        )

    def _call_settings(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        return {**self.settings, **kwargs, RESPONSE_FORMAT: AutoStrategy(self.response_schema)}

    def _output(self, response: Response) -> Any:
        raw = reply_message(response)
        error = raw.response_metadata.pop(PARSING_ERROR, None)
        if self.include_raw:
            return {"raw": raw, "parsed": response.structured_response, "parsing_error": error}
        if error is not None:
            raise error
        return response.structured_response
