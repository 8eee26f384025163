"""What is asked of a block of code before it runs: that it parses, and imports only what it may."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence

from llmops_plugins.errors import ConfigurationError

__all__ = ["SUPPORTED_IMPORTS", "checked_imports", "refusal"]

SUPPORTED_IMPORTS = (
    "asyncio",
    "base64",
    "binascii",
    "bisect",
    "collections",
    "copy",
    "csv",
    "dataclasses",
    "datetime",
    "decimal",
    "functools",
    "hashlib",
    "itertools",
    "json",
    "math",
    "random",
    "re",
    "time",
    "tomllib",
    "typing",
    "unicodedata",
)
"""What can be granted: computation alone. ``os``, ``sys`` and ``pathlib`` would find nothing there."""

_RUNS_TEXT = frozenset({"eval", "exec"})
"""They would run code, and with it imports, that nobody has looked at."""


def checked_imports(imports: Sequence[str]) -> tuple[str, ...]:
    """Return the modules that code may import.

    Args:
        imports: Their names, of ``SUPPORTED_IMPORTS``.

    Raises:
        ConfigurationError: If one is not supported.
    """
    if not isinstance(imports, list | tuple):
        instead = f"({imports!r},)" if isinstance(imports, str) else f"got {type(imports).__name__}"
        raise ConfigurationError("imports", f"must be a sequence of names, {instead}")
    for name in imports:
        if name not in SUPPORTED_IMPORTS:
            problem = f"{name!r} is not supported in the sandbox, choose of {', '.join(SUPPORTED_IMPORTS)}"
            raise ConfigurationError("imports", problem)
    return tuple(dict.fromkeys(imports))


def refusal(code: str, *, imports: Collection[str], characters: int) -> str | None:
    """Say why a block of code is not run.

    Args:
        code: The code.
        imports: Names of the modules it may import.
        characters: Its greatest length.

    Returns:
        A sentence for the model, with the line where there is one; None if it may run.
    """
    if len(code) > characters:
        return f"the code has {len(code)} characters, at most {characters} are run: write less"
    try:
        tree = ast.parse(code)
    except SyntaxError as error:
        return f"SyntaxError: {error.msg}" + (f" (line {error.lineno})" if error.lineno else "")
    except (ValueError, MemoryError, RecursionError) as error:
        return f"SyntaxError: the code cannot be parsed ({type(error).__name__}), write it more simply"
    return next(_problems(tree, imports), None)


def _problems(tree: ast.AST, imports: Collection[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in _RUNS_TEXT:
            yield f"{node.id} is not available (line {node.lineno}): write the code itself"
        if isinstance(node, ast.Import | ast.ImportFrom):
            for name in _modules(node):
                if name not in imports:
                    can = f"only {', '.join(sorted(imports))} can be" if imports else "nothing can be"
                    yield f"ImportError: {name!r} cannot be imported (line {node.lineno}), {can}"


def _modules(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return ["." * node.level + (node.module or "").partition(".")[0]]
    return [alias.name.partition(".")[0] for alias in node.names]
