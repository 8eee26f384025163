"""Draws one trace as a tree of graph nodes."""

from __future__ import annotations

from rich.text import Text
from rich.tree import Tree

from llmops_plugins.accounting.trace import Trace, TracedCall, TracedDecision
from llmops_plugins.cli.render import literal, usd

__all__ = ["trace_tree"]


def trace_tree(trace: Trace) -> Tree:
    """Return one trace as a tree of graph nodes, with calls and decisions in order of time."""
    tree = Tree(f"trace {literal(trace.trace_id[:8])}  {usd(trace.cost_usd, partial=trace.is_partial)}")
    entries: list[TracedCall | TracedDecision] = [*trace.calls, *trace.decisions]
    entries.sort(key=lambda entry: entry.started_at if isinstance(entry, TracedCall) else entry.at)
    # Branches that are open, outermost first; a node that runs again in a later step opens a new one.
    open_branches: list[tuple[str, Tree]] = []
    step = None
    for entry in entries:
        path = entry.graph_path.split("/") if entry.graph_path else []
        kept = _shared([name for name, _ in open_branches], path)
        if isinstance(entry, TracedCall):
            if entry.step != step and kept == len(path):
                kept = max(kept - 1, 0)
            step = entry.step
        del open_branches[kept:]
        for name in path[kept:]:
            open_branches.append(
                (name, _innermost(tree, open_branches).add(Text(literal(name), style="bold")))
            )
        line = _call(entry) if isinstance(entry, TracedCall) else _decision(entry)
        _innermost(tree, open_branches).add(line)
    return tree


def _shared(first: list[str], second: list[str]) -> int:
    """Return how many names two paths begin with alike."""
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    return count


def _innermost(tree: Tree, open_branches: list[tuple[str, Tree]]) -> Tree:
    return open_branches[-1][1] if open_branches else tree


def _call(call: TracedCall) -> Text:
    marks = [call.kind]
    if call.tool:
        marks.append(f"in {call.tool}")
    if call.rejected:
        marks.append("rejected")
    if call.attempt > 1:
        marks.append(f"attempt {call.attempt}")
    if call.status != "ok":
        marks.append(call.status)
    parts = [call.model or "-", ", ".join(marks), _tokens(call)]
    if call.cost_usd is not None or call.cost_is_unknown:
        parts.append(usd(call.cost_usd))
    return Text(literal("  ".join(filter(None, parts))), style="dim" if call.hidden else "")


def _tokens(call: TracedCall) -> str:
    if call.input_tokens is None and call.output_tokens is None:
        return "no usage reported" if call.status == "ok" else ""
    resent = f", {call.resent_tokens:,} re-sent" if call.resent_tokens else ""
    return f"{_count(call.input_tokens)} in, {_count(call.output_tokens)} out{resent}"


def _decision(decision: TracedDecision) -> Text:
    shadow = " (shadow)" if decision.mode == "shadow" else ""
    saved = f", saved {usd(decision.saved_usd)} ({decision.saved_basis})"
    text = f"{decision.capability} {decision.outcome}{shadow}: {decision.reason}{saved}"
    return Text(literal(text), style="cyan")


def _count(tokens: int | None) -> str:
    return "?" if tokens is None else f"{tokens:,}"
