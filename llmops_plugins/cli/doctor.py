"""`llmops doctor`."""

from __future__ import annotations

import asyncio
import inspect
import json as json_module
from collections.abc import Awaitable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmops_plugins.errors import ConfigurationError

if TYPE_CHECKING:
    from llmops_plugins.accounting.doctor import Diagnosis

__all__ = ["doctor"]


def doctor(
    graph: Annotated[
        str | None, typer.Argument(help="The graph, or a function that makes it, as module:attribute.")
    ] = None,
    input: Annotated[
        str, typer.Option(help="A text for its messages, or its whole input as JSON.")
    ] = "Hello!",
    models: Annotated[Path | None, typer.Option(help="Registry file with your prices.")] = None,
    db: Annotated[
        str, typer.Option(help="Without a graph: the ledger to read a trace from.")
    ] = "sqlite:///llmops.db",
    trace: Annotated[
        str | None, typer.Option(help="Without a graph: the trace, the latest by default.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Run a graph once, or read a trace: what is captured and priced, and which prompts re-send most."""
    from llmops_plugins.accounting.doctor import diagnose_graph
    from llmops_plugins.backtest.user_module import importable
    from llmops_plugins.cli.render import print_json
    from llmops_plugins.models.registry import ModelRegistry

    if graph is None:
        if models is not None:
            raise ConfigurationError("models", "prices a run; name the graph to run as module:attribute")
        diagnosis = _diagnose_trace(db, trace)
    else:
        if trace is not None:
            raise ConfigurationError("trace", "reads a ledger and runs nothing; leave out the graph")
        registry = ModelRegistry.from_yaml(models) if models is not None else None
        with importable(graph):
            found = _load(graph)
            diagnosis = diagnose_graph(found, _input(input, found), registry)
    if json:
        print_json(diagnosis.to_dict())
    else:
        _print(diagnosis)


def _diagnose_trace(db: str, trace: str | None) -> Diagnosis:
    from llmops_plugins.accounting.doctor import diagnose_rows
    from llmops_plugins.cli.database import opened
    from llmops_plugins.storage.ledger_queries import LedgerQueries

    with opened(db) as engine:
        calls, _ = LedgerQueries(engine).trace_rows(trace)
    if not calls:
        raise ConfigurationError("trace", f"{db} holds no such trace, see `llmops report --by trace`")
    return diagnose_rows(calls)


def _load(path: str) -> Any:
    from llmops_plugins.backtest.user_module import load_attribute

    module_name, _, attribute = path.rpartition(":")
    if not module_name or not attribute:
        raise ConfigurationError(
            "graph", f"must be module:attribute or path.py:attribute, such as my_app:graph, got {path!r}"
        )
    found = load_attribute(path, "graph")
    if found is None:
        raise ConfigurationError("graph", f"{module_name} has no attribute {attribute!r}, check its spelling")
    return _runnable(path, found)


def _runnable(path: str, found: Any) -> Any:
    if callable(found) and not hasattr(found, "stream"):
        try:
            found = found()
            if inspect.isawaitable(found):
                found = asyncio.run(_result(found))
        except (Exception, SystemExit) as error:
            raise ConfigurationError(
                "graph",
                f"{path} failed when called ({type(error).__name__}: {error}), "
                "name a graph or a function without arguments that returns one",
            ) from error
    if hasattr(found, "compile") and not hasattr(found, "stream"):
        raise ConfigurationError("graph", f"{path} is a graph that is not compiled, call its compile()")
    if not hasattr(found, "stream") or isinstance(found, type):
        raise ConfigurationError("graph", f"{path} is a {type(found).__name__}, name a graph or a chain")
    return found


async def _result(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def _input(text: str, graph: Any) -> Any:
    if text.lstrip().startswith(("{", "[")):
        try:
            return json_module.loads(text)
        except ValueError as error:
            raise ConfigurationError("input", f"looks like JSON but is not ({error}), correct it") from None
    is_graph = hasattr(graph, "stream_channels_asis")
    return {"messages": [{"role": "user", "content": text}]} if is_graph else text


def _print(diagnosis: Diagnosis) -> None:
    from rich.text import Text

    from llmops_plugins.cli.render import console, literal, new_table, print_table

    out = console()
    if diagnosis.groups:
        table = new_table(
            ("node", "model"),
            ("kind", "captured", "with usage", "priced", "input", "re-sent", "largest part"),
        )
        for group in diagnosis.groups:
            part = f"{group.largest_part[0]} {group.largest_part[1]:.0%}" if group.largest_part else ""
            figures = (group.calls, group.with_usage, group.priced, group.input_tokens, group.resent_tokens)
            kinds = literal(", ".join(group.kinds))
            table.add_row(
                literal(group.node), literal(group.model), kinds, *(f"{one:,}" for one in figures), part
            )
        print_table(out, table)
        out.print()
    for finding in diagnosis.findings:
        level = Text(finding.level, style="red" if finding.level == "problem" else "yellow")
        out.print(level + Text(" " + literal(f"{finding.where}: {finding.text}")))
    if not diagnosis.findings:
        out.print("Nothing to do: every call is captured, priced and accounted for.")
