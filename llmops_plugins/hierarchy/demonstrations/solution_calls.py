"""What a solution calls, read from its text without running it: endpoints, host functions, packages."""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import parse_qsl

from llmops_plugins.hierarchy.demonstrations.text_cache import TextCache

__all__ = ["solution_calls"]

_LONGEST = 20_000
"""Characters read of a solution: a longer one is known by how it begins."""

_FENCED = re.compile(r"^```[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
_URL = re.compile(r"https?://[^\s'\"<>`)\]]+")
_HOLE = "\0"
_PLACEHOLDER = re.compile(r"\{[^{}]*\}|%\([^)]*\)s|%s")
_SELECTORS = frozenset({"function", "method", "action", "operation"})
"""Parameters whose value says which of several things an endpoint does."""
_BUILTINS = frozenset(dir(builtins))
_TRANSPORT = frozenset({"aiohttp", "httpx", "requests", "urllib3"})
"""Packages that carry a call and say nothing of what is called."""


def solution_calls(solution: str) -> frozenset[str]:
    """Return what a solution calls, each as one name.

    An endpoint is its host and path, with the parameter that selects what it does where one is written out
    (``api.example.com/query?function=DAILY``). A function that the code neither defines nor imports is one
    of its host, named as it is called. A solution with neither is known by the functions of other packages
    that it calls. One that is not Python is searched for endpoints alone, so prose calls nothing.

    Args:
        solution: Its text: code, code in a fenced block, or prose.

    Example:
        >>> sorted(solution_calls("print(departures('Bern', day=today()))"))
        ['departures', 'today']
        >>> solution_calls("Trains leave at noon.")
        frozenset()
    """
    return _calls(solution[:_LONGEST])


def _read(solution: str) -> frozenset[str]:
    code = "\n".join(_FENCED.findall(solution)) or solution
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset(_endpoints([code], ()))
    return _of_tree(tree)


_calls = TextCache(_read)


def _of_tree(tree: ast.AST) -> frozenset[str]:
    nodes = list(ast.walk(tree))
    found = set(_addresses(nodes))
    imported, defined = _imported(nodes), _defined(nodes)
    of_packages = set()
    for name in map(_dotted, (node.func for node in nodes if isinstance(node, ast.Call))):
        root, dot, rest = (name or "").partition(".")
        if root in imported:
            of_packages.add(f"{imported[root]}{dot}{rest}")
        elif root and root not in defined and root not in _BUILTINS:
            found.add(f"{root}{dot}{rest}")
    return frozenset(found or filter(_says_something, of_packages))


def _says_something(name: str) -> bool:
    root = name.partition(".")[0]
    return root not in sys.stdlib_module_names and root not in _TRANSPORT


def _addresses(nodes: list[ast.AST]) -> set[str]:
    """Return the endpoints whose addresses the code writes out, put together where it puts them together."""
    names = {name: text for name, value in _assigned(nodes) if (text := _text(value, {})) is not None}
    parts = {id(part) for node in nodes for part in _parts(node)}
    whole = [
        _text(node, names) or "" for node in nodes if isinstance(node, ast.expr) and id(node) not in parts
    ]
    selected = _selected(nodes)
    found = set(_endpoints(whole, selected))
    added_to = {node.id for node in nodes if isinstance(node, ast.Name) and id(node) in parts}
    bases = [text for name, value in _assigned(nodes) if name in added_to and (text := _text(value, {}))]
    # What other addresses begin with is no endpoint of its own.
    return {
        endpoint
        for endpoint in found
        if endpoint not in set(_endpoints(bases, selected))
        or not any(other.startswith((f"{endpoint.partition('?')[0]}/", f"{endpoint}?")) for other in found)
    }


def _assigned(nodes: list[ast.AST]) -> list[tuple[str, ast.expr]]:
    """Return the names that are given a value, with the value."""
    return [
        (node.targets[0].id, node.value)
        for node in nodes
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    ]


def _parts(node: ast.AST) -> list[ast.expr]:
    """Return the expressions that a node puts together to one text."""
    match node:
        case ast.JoinedStr():
            inner = [value.value for value in node.values if isinstance(value, ast.FormattedValue)]
            return [*node.values, *inner]
        case ast.BinOp(op=ast.Add() | ast.Mod()):
            return [node.left, node.right]
        case ast.Call(func=ast.Attribute(value=template, attr="format")):
            return [template]
    return []


def _text(node: ast.expr, names: Mapping[str, str]) -> str | None:
    """Return the text of an expression, with a hole for whatever is not written out; None for no text."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name):
            return names.get(name)
        case ast.JoinedStr():
            return "".join(_text(value, names) or _HOLE for value in node.values)
        case ast.FormattedValue():
            return _text(node.value, names)
        case ast.BinOp(op=ast.Add()):
            left, right = _text(node.left, names), _text(node.right, names)
            return None if left is None and right is None else (left or _HOLE) + (right or _HOLE)
        case ast.BinOp(op=ast.Mod()):
            return _text(node.left, names)
        case ast.Call(func=ast.Attribute(value=template, attr="format")):
            return _text(template, names)
    return None


def _endpoints(texts: Iterable[str], selected: Sequence[str]) -> Iterator[str]:
    """Yield the endpoints in texts, with the parameters that select, their own or those found elsewhere."""
    for url in (
        url for text in texts if "://" in text for url in _URL.findall(_PLACEHOLDER.sub(_HOLE, text))
    ):
        address, _, query = url.partition("://")[2].partition("?")
        host, *path = address.split("/")
        if _HOLE in host or not host:
            continue
        endpoint = "/".join([host.lower(), *(part for part in path if _HOLE not in part)]).rstrip("/.,;")
        own = [
            f"{key}={value}" for key, value in parse_qsl(query) if key in _SELECTORS and _HOLE not in value
        ]
        for selector in own or selected:
            yield f"{endpoint}?{selector}"
        if not own and not selected:
            yield endpoint


def _selected(nodes: list[ast.AST]) -> list[str]:
    """Return the selecting parameters that the code writes out apart from an address."""
    pairs: list[tuple[object, ast.expr]] = []
    for node in nodes:
        if isinstance(node, ast.Dict):
            keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
            pairs += zip(keys, node.values, strict=True)
    return sorted(
        {
            f"{key}={value.value}"
            for key, value in pairs
            if key in _SELECTORS and isinstance(value, ast.Constant) and isinstance(value.value, str)
        }
    )


def _dotted(node: ast.expr) -> str | None:
    """Return the name of what is called, ``module.function``; None for a method of a value."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attribute):
            root = _dotted(value)
            return None if root is None else f"{root}.{attribute}"
    return None


def _imported(nodes: list[ast.AST]) -> dict[str, str]:
    """Return what each imported name stands for."""
    found = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                root = alias.name.partition(".")[0]
                found[alias.asname or root] = alias.name if alias.asname else root
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _defined(nodes: list[ast.AST]) -> frozenset[str]:
    """Return the names that the code gives itself: variables, arguments, functions and classes."""
    found = set()
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                found.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.ExceptHandler(name=str(name)):
                found.add(name)
    return frozenset(found)
