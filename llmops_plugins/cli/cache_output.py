"""What `llmops cache` prints."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from llmops_plugins.cli.render import (
    console,
    literal,
    new_table,
    percent,
    print_json,
    print_notes,
    print_table,
)

if TYPE_CHECKING:
    from llmops_plugins.caching.contents import Breach, CacheStats, Names

__all__ = ["print_result", "print_stats"]

_NOBODY_SAID = "(none)"


def print_result(data: Mapping[str, Any], text: str, *, json: bool) -> None:
    """Print what came of a command: as JSON, or as one line for a reader."""
    if json:
        print_json(dict(data))
    else:
        console().print(literal(text), soft_wrap=True)


def print_stats(stats: CacheStats) -> None:
    """Print what a store holds of the cache for a reader."""
    out = console()
    for name, figure in _figures(stats):
        out.print(f"{name:<22}{figure}")
    for header, names in {
        "tenant": stats.tenants,
        "model": stats.models,
        "tool": stats.tools,
        "corpus version": stats.corpus_versions,
        "tag": stats.tags,
    }.items():
        if set(names.most) - {""}:
            out.print()
            _print_names(header, names)
    print_notes(out, [_note(breach) for breach in stats.breaches])


def _figures(stats: CacheStats) -> list[tuple[str, str]]:
    kinds = f"{stats.by_meaning:,} by meaning, {stats.exact_only:,} exact only"
    kinds += f", {stats.tool_results:,} of tools" if stats.tool_results else ""
    figures = [
        ("entries", f"{stats.entries:,} ({kinds})"),
        ("partitions", f"{stats.partitions:,}"),
        ("size", f"{_size(stats.bytes)} of JSON"),
        ("oldest, newest", f"{_time(stats.oldest)}, {_time(stats.newest)}"),
        ("labels", f"{stats.labels_same:,} same, {stats.labels_different:,} different"),
        ("checked", _checked(stats)),
    ]
    if stats.expired:
        figures.insert(1, ("expired", f"{stats.expired:,} of them, not deleted yet"))
    return figures


def _checked(stats: CacheStats) -> str:
    if not stats.checked:
        return "0"
    upper = percent(stats.differing_upper)
    return f"{stats.checked:,} asked again, {stats.differing:,} differed (at most {upper} do)"


def _print_names(header: str, names: Names) -> None:
    out = console()
    table = new_table((header,), ("entries",))
    for name, count in names.most.items():
        table.add_row(literal(name) or _NOBODY_SAID, f"{count:,}")
    print_table(out, table)
    if names.distinct > len(names.most):
        out.print(f"and {names.distinct - len(names.most):,} more")


def _note(breach: Breach) -> str:
    return (
        f"The semantic tier of rule {breach.fingerprint} runs in shadow since {_time(breach.at)}: "
        f"{breach.differing:,} of {breach.checked:,} checked answers differed from new ones. "
        "Calibrate anew, then run `llmops cache resume`."
    )


def _time(moment: datetime | None) -> str:
    return "-" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} GB"
