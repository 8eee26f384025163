"""Looks at one run of a graph and says what the ledger can account for, and what to do about the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from llmops_plugins.accounting.diagnostic_run import run_once
from llmops_plugins.models.registry import ModelRegistry

__all__ = ["CallGroup", "Diagnosis", "Finding", "diagnose_graph", "diagnose_rows"]

_LARGE_RESENT_SHARE = 0.3
_LARGE_TOOLS_SHARE = 0.3
_NO_MODEL = "a model without a name"


@dataclass(frozen=True, kw_only=True)
class CallGroup:
    """The calls one node made to one model.

    Args:
        node: Where they were made: graph path, or ``-`` outside a graph.
        model: The model.
        kinds: What they were for, most frequent first.
        calls: How many were captured.
        with_usage: How many of them came with usage.
        priced: How many of them have a price.
        input_tokens: What was sent.
        resent_tokens: Of that, what had been sent before.
        largest_part: The largest part of the inputs and its share, such as ``("tools", 0.4)``.
    """

    node: str
    model: str
    kinds: tuple[str, ...]
    calls: int
    with_usage: int
    priced: int
    input_tokens: int
    resent_tokens: int
    largest_part: tuple[str, float] | None


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something to do.

    Args:
        level: ``problem`` makes the bill wrong; ``advice`` would make it smaller or clearer.
        where: Node and model.
        text: What is the matter, and the fix.
    """

    level: Literal["problem", "advice"]
    where: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What the doctor found.

    Args:
        groups: Captured calls by node and model, those that re-send most first.
        findings: What to do, problems first.
    """

    groups: list[CallGroup]
    findings: list[Finding] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the diagnosis as plain JSON-compatible data."""
        return asdict(self)


_INTERRUPTED = Finding(
    level="advice",
    where="graph",
    text="it stopped at an interrupt, so what comes after was not seen: resume it with a CostLedger "
    "attached, and run `llmops doctor --db URL` on that trace",
)
_NO_CALLS = Finding(
    level="problem",
    where="graph",
    text="no model call was made, so there was nothing to check: give an --input that makes it call one",
)


def diagnose_graph(graph: Any, graph_input: Any, registry: ModelRegistry | None = None) -> Diagnosis:
    """Run a graph once, streaming, and diagnose the run. It costs what one run costs.

    It streams because that is where providers forget to report usage.

    Args:
        graph: A compiled graph, or any other runnable.
        graph_input: What to give it.
        registry: Prices beyond the public lists.

    Raises:
        ConfigurationError: If the graph fails; the message says how.
    """
    run = run_once(graph, graph_input, registry)
    diagnosis = diagnose_rows(run.calls)
    findings = _lost(run.lost_calls) + diagnosis.findings
    if run.interrupted:
        findings.append(_INTERRUPTED)
    if not run.calls and not run.lost_calls:
        findings.append(_NO_CALLS)
    return Diagnosis(groups=diagnosis.groups, findings=findings)


def diagnose_rows(rows: Sequence[Mapping[str, Any]]) -> Diagnosis:
    """Diagnose recorded calls.

    Args:
        rows: Rows of the ledger's table of calls.
    """
    grouped: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        key = (row["graph_path"] or row["node"] or "-", row["model"] or _NO_MODEL)
        grouped.setdefault(key, []).append(row)
    groups = [_group(node, model, calls) for (node, model), calls in grouped.items()]
    groups.sort(key=lambda group: -group.resent_tokens)
    findings = [finding for group in groups for finding in _findings(group, grouped[group.node, group.model])]
    findings.sort(key=lambda finding: finding.level != "problem")
    return Diagnosis(groups=groups, findings=findings)


def _group(node: str, model: str, calls: Sequence[Mapping[str, Any]]) -> CallGroup:
    kinds: dict[str, int] = {}
    parts: dict[str, int] = {}
    for call in calls:
        kinds[call["kind"]] = kinds.get(call["kind"], 0) + 1
        for part, tokens in (call["input_breakdown"] or {}).items():
            if isinstance(tokens, dict):
                tokens = sum(tokens.values())
            if part not in ("billed", "resent") and tokens:
                parts[part] = parts.get(part, 0) + tokens
    whole = sum(parts.values())
    largest = max(parts, key=lambda part: parts[part]) if parts else None
    return CallGroup(
        node=node,
        model=model,
        kinds=tuple(sorted(kinds, key=lambda kind: -kinds[kind])),
        calls=len(calls),
        with_usage=sum(call["usage_source"] == "reported" for call in calls),
        priced=sum(call["cost_usd"] is not None for call in calls),
        input_tokens=sum(call["input_tokens"] or 0 for call in calls),
        resent_tokens=sum(call["resent_tokens"] or 0 for call in calls),
        largest_part=(largest, parts[largest] / whole) if largest is not None else None,
    )


def _findings(group: CallGroup, calls: Sequence[Mapping[str, Any]]) -> list[Finding]:
    where = f"{group.node}, {group.model}"
    found: list[Finding] = []

    def add(level: Literal["problem", "advice"], text: str) -> None:
        found.append(Finding(level=level, where=where, text=text))

    silent = [call for call in calls if call["status"] == "ok" and call["usage_source"] == "none"]
    if silent:
        add("problem", f"{len(silent)} of {group.calls} calls came without usage: {_usage_fix(silent[0])}")
    unpriced = [call for call in calls if call["unpriced_reason"]]
    if unpriced:
        add(
            "problem",
            f"{len(unpriced)} of {group.calls} calls have no price: {unpriced[0]['unpriced_reason']}",
        )
    if any(call["model"] is None for call in calls):
        add(
            "problem",
            "the model reports no name, so nothing can price it: set model_name, or metadata ls_model_name",
        )
    failed = [call for call in calls if call["status"] == "error"]
    if failed:
        add(
            "advice",
            f"{len(failed)} of {group.calls} calls failed ({failed[0]['error']}); retries are paid for",
        )
    if group.input_tokens and group.resent_tokens > _LARGE_RESENT_SHARE * group.input_tokens:
        share = group.resent_tokens / group.input_tokens
        add(
            "advice",
            f"{share:.0%} of {group.input_tokens:,} input tokens had been sent before: use the provider's "
            "prompt caching, or summarize the history",
        )
    if (
        group.largest_part is not None
        and group.largest_part[0] == "tools"
        and group.largest_part[1] > _LARGE_TOOLS_SHARE
    ):
        add(
            "advice",
            f"tool schemas are {group.largest_part[1]:.0%} of the input: offer fewer tools, or select them",
        )
    if "other" in group.kinds:
        add(
            "advice",
            "it is not known what these calls are for: tag the model with "
            'with_config(metadata={"llmops_kind": "plan"}), or give CostLedger(kinds={node: kind})',
        )
    return found


def _usage_fix(call: Mapping[str, Any]) -> str:
    if call["provider"] in ("openai", "azure", "vllm"):
        return "give ChatOpenAI stream_usage=True (with base_url, streaming does not ask for usage by itself)"
    return "its LangChain integration reports no usage_metadata; ask for it, or cost stays unknown"


def _lost(models: Mapping[str, int]) -> list[Finding]:
    text = (
        "{} calls were made where the ledger cannot see them: threads of your own lose LangChain's "
        "callbacks, so use langchain_core.runnables.config.ContextThreadPoolExecutor, or pass the node's "
        "config on to the model"
    )
    return [
        Finding(level="problem", where=f"not captured, {model}", text=text.format(calls))
        for model, calls in models.items()
    ]
