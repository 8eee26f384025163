"""LlamaIndex on a LangChain chat model, so that a cascade, a cache and the ledger serve its apps as well.

A query engine is also an expert that a plan can give tasks to.
"""

from __future__ import annotations

from llmops_plugins.errors import MissingExtraError

try:
    import llama_index.core  # noqa: F401 - so that whoever lacks it reads how to get it
except ModuleNotFoundError as error:
    raise MissingExtraError(
        "llama_index",
        'llama-index-core is not installed, install it with pip install "llmops-plugins[llama-index]"',
    ) from error

from llmops_integrations.llama_index.llm import MiddlewareLLM
from llmops_integrations.llama_index.query_engine import query_engine_expert

__all__ = ["MiddlewareLLM", "query_engine_expert"]
