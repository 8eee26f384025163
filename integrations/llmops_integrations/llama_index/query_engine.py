"""A LlamaIndex query engine as an expert of a plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.runnables import RunnableLambda
from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.response.schema import AsyncStreamingResponse
from llama_index.core.schema import MetadataMode

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.planning.experts.expert import Expert

__all__ = ["query_engine_expert"]

_ARGUMENTS = {
    "type": "object",
    "properties": {"query": {"type": "string", "description": "What to find out, as a question."}},
    "required": ["query"],
    "additionalProperties": False,
}
_OUTPUT = {
    "type": "object",
    "properties": {
        "answer": {"type": "string"},
        "sources": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "text": {"type": "string"},
                    "score": {"type": ["number", "null"]},
                    "metadata": {"type": "object"},
                },
            },
        },
    },
    "required": ["answer", "sources"],
}


def query_engine_expert(
    engine: BaseQueryEngine, *, name: str, kinds: Sequence[str], description: str, **settings: Any
) -> Expert:
    """Return an expert that answers questions by a query engine, and says from which texts.

    It takes a ``query`` and gives an ``answer`` and its ``sources``, each with ``text``, ``score`` and
    ``metadata``. With a :class:`MiddlewareLLM` the engine's model calls are the expert's in reports.

    Args:
        engine: The query engine.
        name: What plans and reports call the expert.
        kinds: The kinds of task that it can do.
        description: What it knows about, in a sentence.
        settings: Further fields of :class:`~llmops_plugins.planning.experts.expert.Expert`, such as
            ``cost_usd``.

    Raises:
        ConfigurationError: If it is no query engine, or a field is wrong.
    """
    if not isinstance(engine, BaseQueryEngine):
        problem = (
            f"must be a LlamaIndex query engine, write index.as_query_engine(), got {type(engine).__name__}"
        )
        raise ConfigurationError("engine", problem)

    def query(arguments: dict[str, Any]) -> dict[str, Any]:
        return _result(engine.query(arguments["query"]))

    async def aquery(arguments: dict[str, Any]) -> dict[str, Any]:
        response = await engine.aquery(arguments["query"])
        streamed = isinstance(response, AsyncStreamingResponse)
        return _result(await response.get_response() if streamed else response)

    return Expert(
        name=name,
        kinds=kinds,
        runnable=RunnableLambda(query, aquery, name=name),
        description=description,
        arguments=_ARGUMENTS,
        output=_OUTPUT,
        **settings,
    )


def _result(response: Any) -> dict[str, Any]:
    return {
        "answer": str(response),  # of a streamed one it reads the stream to its end
        "sources": [
            {
                "text": source.node.get_content(metadata_mode=MetadataMode.NONE),
                "score": None if source.score is None else float(source.score),
                "metadata": source.node.metadata,
            }
            for source in response.source_nodes
        ],
    }
