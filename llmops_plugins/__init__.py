"""Makes the LangGraph and LangChain agents you already run cheaper, safer and accountable.

Everything here is imported when it is first used (PEP 562), so that ``import llmops_plugins`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmops_plugins.accounting.ledger import CostLedger
    from llmops_plugins.accounting.report import CostReport
    from llmops_plugins.caching.calibration import calibrate_cache
    from llmops_plugins.caching.freshness import Freshness
    from llmops_plugins.caching.labels import read_labels
    from llmops_plugins.caching.llm_cache import SemanticLLMCache
    from llmops_plugins.caching.middleware import CacheMiddleware
    from llmops_plugins.caching.pair import read_pairs
    from llmops_plugins.caching.semantic import SemanticTier
    from llmops_plugins.caching.similarity_rule import SimilarityRule
    from llmops_plugins.caching.tool_middleware import ToolCacheMiddleware
    from llmops_plugins.cascade.calibration import calibrate
    from llmops_plugins.cascade.middleware import CascadeMiddleware
    from llmops_plugins.cascade.policy import CascadePolicy
    from llmops_plugins.embeddings import CountedEmbeddings
    from llmops_plugins.errors import ConfigurationError, LlmopsError
    from llmops_plugins.hierarchy.assistant import Assistant
    from llmops_plugins.hierarchy.demonstrations.demonstration import Evidence
    from llmops_plugins.hierarchy.demonstrations.example_selector import DemonstrationExampleSelector
    from llmops_plugins.hierarchy.demonstrations.store import DemonstrationStore
    from llmops_plugins.hierarchy.executor import Execution, Executor
    from llmops_plugins.hierarchy.feedback import arecord_feedback, record_feedback, record_langsmith_feedback
    from llmops_plugins.hierarchy.graph import create_hierarchy
    from llmops_plugins.hierarchy.middleware import DemonstrationsMiddleware
    from llmops_plugins.hierarchy.sandbox.executor import SandboxExecutor
    from llmops_plugins.hierarchy.sandbox.host_functions import HostFunction
    from llmops_plugins.hierarchy.sandbox.limits import SandboxLimits
    from llmops_plugins.models.registry import ModelRegistry, ModelSpec, Price, SelfHosted
    from llmops_plugins.planning.execution.assignment import ExecutionLimits
    from llmops_plugins.planning.execution.attempts import Attempts
    from llmops_plugins.planning.experts.expert import Expert
    from llmops_plugins.planning.experts.health import ExpertHealth
    from llmops_plugins.planning.experts.outcomes import ExpertOutcomes
    from llmops_plugins.planning.experts.selection import SelectionRules
    from llmops_plugins.planning.graph import create_planner
    from llmops_plugins.planning.middleware import PlannerMiddleware
    from llmops_plugins.planning.plan.errors import PlanFailedError, PlanInvalidError
    from llmops_plugins.planning.plan.limits import PlanLimits
    from llmops_plugins.planning.planner import Planner
    from llmops_plugins.storage.embeddings import resolve_embeddings
    from llmops_plugins.storage.local_store import LocalStore
    from llmops_plugins.storage.minilm import MiniLMEmbeddings
    from llmops_plugins.verification.agreement import Agreement
    from llmops_plugins.verification.all_of import AllOf
    from llmops_plugins.verification.any_of import AnyOf
    from llmops_plugins.verification.execution import ExecutionSucceeded
    from llmops_plugins.verification.extractors import (
        choice_answer,
        json_field,
        normalized_text,
        number_answer,
    )
    from llmops_plugins.verification.first_applicable import FirstApplicable
    from llmops_plugins.verification.human import Human
    from llmops_plugins.verification.judge import Judge
    from llmops_plugins.verification.later_feedback import LaterFeedback
    from llmops_plugins.verification.learned_scorer import LearnedScorer
    from llmops_plugins.verification.logprobs import LogprobConfidence
    from llmops_plugins.verification.pairwise_judge import PairwiseJudge
    from llmops_plugins.verification.predicate import Predicate
    from llmops_plugins.verification.self_consistency import SelfConsistency
    from llmops_plugins.verification.similarity import SimilarAnswers
    from llmops_plugins.verification.structured_output import MatchesSchema
    from llmops_plugins.verification.tool_calls import ValidToolCalls
    from llmops_plugins.wrapped_model.wrap import with_middleware

__all__ = [
    "Agreement",
    "AllOf",
    "AnyOf",
    "Assistant",
    "Attempts",
    "CacheMiddleware",
    "CascadeMiddleware",
    "CascadePolicy",
    "ConfigurationError",
    "CostLedger",
    "CostReport",
    "CountedEmbeddings",
    "DemonstrationExampleSelector",
    "DemonstrationStore",
    "DemonstrationsMiddleware",
    "Evidence",
    "Execution",
    "ExecutionLimits",
    "ExecutionSucceeded",
    "Executor",
    "Expert",
    "ExpertHealth",
    "ExpertOutcomes",
    "FirstApplicable",
    "Freshness",
    "HostFunction",
    "Human",
    "Judge",
    "LaterFeedback",
    "LearnedScorer",
    "LlmopsError",
    "LocalStore",
    "LogprobConfidence",
    "MatchesSchema",
    "MiniLMEmbeddings",
    "ModelRegistry",
    "ModelSpec",
    "PairwiseJudge",
    "PlanFailedError",
    "PlanInvalidError",
    "PlanLimits",
    "Planner",
    "PlannerMiddleware",
    "Predicate",
    "Price",
    "SandboxExecutor",
    "SandboxLimits",
    "SelectionRules",
    "SelfConsistency",
    "SelfHosted",
    "SemanticLLMCache",
    "SemanticTier",
    "SimilarAnswers",
    "SimilarityRule",
    "ToolCacheMiddleware",
    "ValidToolCalls",
    "arecord_feedback",
    "calibrate",
    "calibrate_cache",
    "choice_answer",
    "create_hierarchy",
    "create_planner",
    "json_field",
    "normalized_text",
    "number_answer",
    "read_labels",
    "read_pairs",
    "record_feedback",
    "record_langsmith_feedback",
    "resolve_embeddings",
    "with_middleware",
]

_MODULES = {
    "Agreement": "verification.agreement",
    "AllOf": "verification.all_of",
    "AnyOf": "verification.any_of",
    "Assistant": "hierarchy.assistant",
    "Attempts": "planning.execution.attempts",
    "CacheMiddleware": "caching.middleware",
    "CascadeMiddleware": "cascade.middleware",
    "CascadePolicy": "cascade.policy",
    "ConfigurationError": "errors",
    "CostLedger": "accounting.ledger",
    "CostReport": "accounting.report",
    "CountedEmbeddings": "embeddings",
    "DemonstrationExampleSelector": "hierarchy.demonstrations.example_selector",
    "DemonstrationStore": "hierarchy.demonstrations.store",
    "DemonstrationsMiddleware": "hierarchy.middleware",
    "Evidence": "hierarchy.demonstrations.demonstration",
    "Execution": "hierarchy.executor",
    "ExecutionLimits": "planning.execution.assignment",
    "ExecutionSucceeded": "verification.execution",
    "Executor": "hierarchy.executor",
    "Expert": "planning.experts.expert",
    "ExpertHealth": "planning.experts.health",
    "ExpertOutcomes": "planning.experts.outcomes",
    "FirstApplicable": "verification.first_applicable",
    "Freshness": "caching.freshness",
    "HostFunction": "hierarchy.sandbox.host_functions",
    "Human": "verification.human",
    "Judge": "verification.judge",
    "LaterFeedback": "verification.later_feedback",
    "LearnedScorer": "verification.learned_scorer",
    "LlmopsError": "errors",
    "LocalStore": "storage.local_store",
    "LogprobConfidence": "verification.logprobs",
    "MatchesSchema": "verification.structured_output",
    "MiniLMEmbeddings": "storage.minilm",
    "ModelRegistry": "models.registry",
    "ModelSpec": "models.registry",
    "PairwiseJudge": "verification.pairwise_judge",
    "PlanFailedError": "planning.plan.errors",
    "PlanInvalidError": "planning.plan.errors",
    "PlanLimits": "planning.plan.limits",
    "Planner": "planning.planner",
    "PlannerMiddleware": "planning.middleware",
    "Predicate": "verification.predicate",
    "Price": "models.registry",
    "SandboxExecutor": "hierarchy.sandbox.executor",
    "SandboxLimits": "hierarchy.sandbox.limits",
    "SelectionRules": "planning.experts.selection",
    "SelfConsistency": "verification.self_consistency",
    "SelfHosted": "models.registry",
    "SemanticLLMCache": "caching.llm_cache",
    "SemanticTier": "caching.semantic",
    "SimilarAnswers": "verification.similarity",
    "SimilarityRule": "caching.similarity_rule",
    "ToolCacheMiddleware": "caching.tool_middleware",
    "ValidToolCalls": "verification.tool_calls",
    "arecord_feedback": "hierarchy.feedback",
    "calibrate": "cascade.calibration",
    "calibrate_cache": "caching.calibration",
    "choice_answer": "verification.extractors",
    "create_hierarchy": "hierarchy.graph",
    "create_planner": "planning.graph",
    "json_field": "verification.extractors",
    "normalized_text": "verification.extractors",
    "number_answer": "verification.extractors",
    "read_labels": "caching.labels",
    "read_pairs": "caching.pair",
    "record_feedback": "hierarchy.feedback",
    "record_langsmith_feedback": "hierarchy.feedback",
    "resolve_embeddings": "storage.embeddings",
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
