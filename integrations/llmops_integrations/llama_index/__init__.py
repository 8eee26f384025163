"""LlamaIndex on a LangChain chat model, so that a cascade, a cache and the ledger serve its apps as well."""

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

__all__ = ["MiddlewareLLM"]
