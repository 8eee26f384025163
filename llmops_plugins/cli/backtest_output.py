"""What `llmops backtest` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmops_plugins.cli.render import console, literal, new_table, percent, print_notes, print_table

if TYPE_CHECKING:
    from rich.table import Table

    from llmops_plugins.backtest.cache_result import CachePairsResult, CacheStreamResult

__all__ = ["print_cache_pairs", "print_cache_stream"]

_NONE = "-"
_RULE, _COSINE, _GPTCACHE = "semantic tier", "cosine threshold", "GPTCache's default"
_GPTCACHE_NOTE = (
    "GPTCache's default is its rule on the same vectors, computed here: it serves from a cosine of 0.6 on."
)


def print_cache_pairs(result: CachePairsResult) -> None:
    """Print what the semantic tier came to on labelled pairs, for a reader."""
    out = console()
    print_table(out, _pairs_table(result))
    out.print()
    print_table(out, _hindsight_table(result))
    if result.guards:
        out.print()
        print_table(out, _guards_table(result))
    notes = [
        "In hindsight means by a threshold chosen with these pairs in sight: no bound goes with it.",
        _GPTCACHE_NOTE,
        *result.notes,
    ]
    if result.wrong_of_served is not None:
        notes.insert(0, _bound_note(result.false_hit_upper, result))
    print_notes(out, notes)


def print_cache_stream(result: CacheStreamResult) -> None:
    """Print what the cache came to on a stream of requests, for a reader."""
    out = console()
    headers = ("threshold", "hit rate", "wrong of all", "wrong of hits")
    table = new_table((f"{result.requests:,} requests",), headers)
    table.add_row(
        "cache",
        f"p {result.threshold:.3f}",
        percent(result.hit_rate),
        _share(result.wrong_of_all),
        _share(result.wrong_of_hits),
        style="bold",
    )
    for name, baseline in ((_COSINE, "fixed_threshold"), (_GPTCACHE, "gptcache")):
        found = result.baselines[baseline]
        if found is None:
            table.add_row(name, *[_NONE] * 4)
            continue
        figures = (percent(found.hit_rate), _share(found.wrong_of_all), _share(found.wrong_of_hits))
        table.add_row(name, f"cos {found.threshold:.3f}", *figures)
    print_table(out, table)
    out.print(f"  {result.exact_hits:,} exact hits, {result.semantic_hits:,} by meaning")
    for guard, refused in result.guards.items():
        out.print(f"  {literal(guard)} refused {refused:,} look-ups")
    notes = [
        "The cosine threshold is the best in hindsight that answers at most 1% of all requests wrong.",
        _GPTCACHE_NOTE,
        *result.notes,
    ]
    if result.wrong_of_hits is not None:
        notes.insert(0, _bound_note(result.wrong_of_hits_upper, result))
    print_notes(out, notes)


def _pairs_table(result: CachePairsResult) -> Table:
    headers = ("threshold", "same served", "different served", "wrong of served")
    table = new_table((f"{result.pairs:,} pairs, {result.same:,} the same",), headers)
    table.add_row(
        _RULE,
        _NONE if result.threshold is None else f"p {result.threshold:.3f}",
        percent(result.served_same),
        _share(result.served_different),
        _share(result.wrong_of_served),
        style="bold",
    )
    for name, baseline in ((_COSINE, "cosine"), (_GPTCACHE, "gptcache")):
        found = result.baselines[baseline]
        threshold = _NONE if found.threshold is None else f"cos {found.threshold:.3f}"
        figures = (percent(found.served_same), _share(found.served_different), _share(found.wrong_of_served))
        table.add_row(name, threshold, *figures)
    return table


def _hindsight_table(result: CachePairsResult) -> Table:
    headers = [f"at {float(share):.1%} different" for share in result.at_served_different]
    table = new_table(("same served, in hindsight",), headers)
    table.add_row(_RULE, *map(percent, result.at_served_different.values()), style="bold")
    table.add_row("cosine", *map(percent, result.baselines["cosine"].at_served_different.values()))
    return table


def _guards_table(result: CachePairsResult) -> Table:
    table = new_table(("refused by guard",), ("same", "different"))
    for guard, refused in result.guards.items():
        table.add_row(literal(guard), f"{refused.same:,}", f"{refused.different:,}")
    return table


def _bound_note(upper: float, result: CachePairsResult | CacheStreamResult) -> str:
    return (
        f"For look-ups like these at most {upper:.2%} of what is served is wrong, with a confidence of "
        f"{result.confidence:g}; {result.max_error:.2%} was asked for."
    )


def _share(share: float | None) -> str:
    return _NONE if share is None else f"{share:.2%}"
