"""Makes the LangGraph and LangChain agents you already run cheaper, safer and accountable.

Everything here is imported when it is first used (PEP 562), so that ``import llmops_plugins`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmops_plugins.accounting.ledger import CostLedger
    from llmops_plugins.accounting.report import CostReport
    from llmops_plugins.cascade.middleware import CascadeMiddleware
    from llmops_plugins.embeddings import CountedEmbeddings
    from llmops_plugins.errors import ConfigurationError, LlmopsError
    from llmops_plugins.models.registry import ModelRegistry, ModelSpec, Price, SelfHosted
    from llmops_plugins.verification.agreement import Agreement
    from llmops_plugins.verification.first_applicable import FirstApplicable
    from llmops_plugins.verification.predicate import Predicate
    from llmops_plugins.verification.tool_calls import ValidToolCalls
    from llmops_plugins.wrapped_model.wrap import with_middleware

__all__ = [
    "Agreement",
    "CascadeMiddleware",
    "ConfigurationError",
    "CostLedger",
    "CostReport",
    "CountedEmbeddings",
    "FirstApplicable",
    "LlmopsError",
    "ModelRegistry",
    "ModelSpec",
    "Predicate",
    "Price",
    "SelfHosted",
    "ValidToolCalls",
    "with_middleware",
]

_MODULES = {
    "Agreement": "verification.agreement",
    "CascadeMiddleware": "cascade.middleware",
    "ConfigurationError": "errors",
    "CostLedger": "accounting.ledger",
    "CostReport": "accounting.report",
    "CountedEmbeddings": "embeddings",
    "FirstApplicable": "verification.first_applicable",
    "LlmopsError": "errors",
    "ModelRegistry": "models.registry",
    "ModelSpec": "models.registry",
    "Predicate": "verification.predicate",
    "Price": "models.registry",
    "SelfHosted": "models.registry",
    "ValidToolCalls": "verification.tool_calls",
    "with_middleware": "wrapped_model.wrap",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
