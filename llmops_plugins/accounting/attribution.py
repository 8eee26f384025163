"""What a model call was for and where in the graph it was made, from the evidence its run carries."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeAlias, get_args

from langchain_core.messages import AIMessage

from llmops_plugins.accounting.column_text import short
from llmops_plugins.accounting.observed import ObservedCall
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.events import KIND_KEY, Kind
from llmops_plugins.redaction import hide_secrets

__all__ = [
    "CallFacts",
    "KindRule",
    "check_kind_rule",
    "graph_path",
    "kind_by_evidence",
    "kind_by_loop",
    "user_metadata",
]

logger = logging.getLogger(__name__)
_KINDS = frozenset(get_args(Kind))
_LANGCHAIN_SOURCES: Mapping[str, Kind] = {
    "summarization": "summarize",
    "tool_selection": "select_tools",
    "tool_emulation": "tool",
}
_LOOP_NODES = frozenset({"model", "agent", "call_model", "assistant"})
_NOT_THE_USERS = re.compile(r"^(langgraph_|ls_|lc_|llmops_|checkpoint_|__|LANGSMITH_|revision_id$|tags$)")
_SECRET = re.compile(r"key|token|secret|password|authorization|credential|cookie", re.IGNORECASE)
_MAX_METADATA_KEYS = 32
_MAX_METADATA_TEXT = 200


@dataclass(frozen=True, kw_only=True)
class CallFacts:
    """What a user's own rule may look at to say what a call is for.

    Args:
        node: LangGraph node, or None outside a graph.
        graph_path: Nodes from the outermost graph inwards, joined by ``/``.
        model: Model name.
        tool: Tool the call was made in.
        metadata: The run's metadata.
    """

    node: str | None
    graph_path: str | None
    model: str | None
    tool: str | None
    metadata: Mapping[str, Any] = field(default_factory=dict)


KindRule: TypeAlias = Mapping[str, Kind] | Callable[[CallFacts], Kind | None]
"""A user's rule: kinds by node name, or a function of the call's facts that returns a kind or None."""


def check_kind_rule(rule: KindRule | None) -> None:
    """Refuse a mapping to kinds that do not exist.

    Raises:
        ConfigurationError: Naming the entry.
    """
    if rule is not None and not isinstance(rule, Mapping) and not callable(rule):
        problem = f"must map node names to kinds, or be a function of CallFacts, got {type(rule).__name__}"
        raise ConfigurationError("kinds", problem)
    for node, kind in rule.items() if isinstance(rule, Mapping) else ():
        if kind not in _KINDS:
            raise ConfigurationError(
                f"kinds[{node!r}]", f"must be one of {', '.join(sorted(_KINDS))}, got {kind!r}"
            )


def kind_by_evidence(call: ObservedCall, facts: CallFacts, rule: KindRule | None) -> Kind | None:
    """Return a call's kind where something says it outright; otherwise the loop decides.

    Order: our own tag, LangChain's ``lc_source``, being made inside a tool, the user's rule.
    """
    tag = call.metadata.get(KIND_KEY)
    if isinstance(tag, str) and tag in _KINDS:
        return tag  # type: ignore[return-value]  # just checked to be a Kind
    source = _LANGCHAIN_SOURCES.get(str(call.metadata.get("lc_source")))
    if source is not None:
        return source
    if call.run.tool is not None:
        return "tool"
    if isinstance(rule, Mapping):
        return rule.get(facts.node or "")
    return _kind_by_function(rule, facts) if rule is not None else None


def _kind_by_function(rule: Callable[[CallFacts], Kind | None], facts: CallFacts) -> Kind | None:
    try:
        kind = rule(facts)
        return kind if kind is None or kind in _KINDS else None
    except Exception as error:  # noqa: BLE001 - the user's own code; a call is counted whatever it does
        _warn_of_rule(type(error).__name__)
        return None


@cache
def _warn_of_rule(error: str) -> None:
    logger.warning("the rule given as kinds= raised %s, the call's kind is told without it", error)


def kind_by_loop(call: ObservedCall, reply: AIMessage | None) -> Kind:
    """Return ``step`` for a call of an agent's loop, else ``other``; its root's end may say ``answer``."""
    in_loop = call.metadata.get("langgraph_node") in _LOOP_NODES
    return "step" if in_loop or call.parameters.get("tools") or (reply and reply.tool_calls) else "other"


def graph_path(metadata: Mapping[str, Any]) -> str | None:
    """Return the nodes a call was made in, outermost first, from ``langgraph_checkpoint_ns``.

    Example:
        >>> graph_path({"langgraph_checkpoint_ns": "research:1f0a|model:77b2"})
        'research/model'
    """
    namespace = metadata.get("langgraph_checkpoint_ns")
    if not isinstance(namespace, str) or not namespace:
        return None
    # A repeated @task or subgraph call is told apart by a bare number, which names no node.
    names = [part.split(":", 1)[0] for part in namespace.split("|")]
    return short("/".join(name for name in names if name and not name.isdigit()), 1000)


def user_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys that users put on their runs (tenant, feature, ...), small values only, no secrets."""
    kept: dict[str, Any] = {}
    for key, value in metadata.items():
        if len(kept) == _MAX_METADATA_KEYS:
            break
        if _NOT_THE_USERS.match(key) or _SECRET.search(key) or key in ("thread_id", "run_id", "versions"):
            continue
        if isinstance(value, bool | int | float):
            kept[key] = value
        elif isinstance(value, str):
            kept[key] = short(hide_secrets(value), _MAX_METADATA_TEXT)
    return kept
