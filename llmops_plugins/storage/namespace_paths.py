"""Namespaces as text that sorts like a tree: ``("users", "ada")`` is ``"users.ada."``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from langgraph.store.base import InvalidNamespaceError, ListNamespacesOp, MatchCondition

__all__ = ["list_matching", "namespace_of", "path_of", "path_range"]

_END = "."
_AFTER_END = "/"  # the character after the one that ends a label, so that a range holds one subtree


def path_of(namespace: Sequence[str]) -> str:
    """Return a namespace's text.

    Ending every label keeps ``("users",)`` from being a prefix of ``("users2",)``.

    Raises:
        InvalidNamespaceError: If a label is empty, no string, or has a period or NUL in it.
    """
    for label in namespace:
        if not isinstance(label, str) or not label or _END in label or "\x00" in label:
            raise InvalidNamespaceError(
                f"Invalid namespace label {label!r} found in {tuple(namespace)}: labels must be non-empty "
                "strings without periods ('.') and NUL bytes."
            )
    return "".join(label + _END for label in namespace)


@lru_cache(maxsize=1_024)
def namespace_of(path: str) -> tuple[str, ...]:
    """Return the namespace that ``path`` is the text of."""
    return tuple(path.split(_END)[:-1])


def path_range(prefix: Sequence[str]) -> tuple[str, str]:
    """Return the first path at or below ``prefix`` and the first one after all of those."""
    path = path_of(prefix)
    return path, (path[: -len(_END)] + _AFTER_END if path else "\U0010ffff")


def list_matching(paths: Iterable[str], operation: ListNamespacesOp) -> list[tuple[str, ...]]:
    """Return the namespaces that an operation asks for, sorted, cut to its depth and to its page.

    Raises:
        InvalidNamespaceError: If a condition's label is not one.
        ValueError: If a condition is neither a prefix nor a suffix.
    """
    conditions = operation.match_conditions or ()
    for condition in conditions:
        path_of(condition.path)
        if condition.match_type not in ("prefix", "suffix"):
            raise ValueError(f"Unsupported match type: {condition.match_type}")
    found = {
        namespace[: operation.max_depth]
        for namespace in map(namespace_of, paths)
        if all(_matches(namespace, condition) for condition in conditions)
    }
    return sorted(found)[operation.offset : operation.offset + operation.limit]


def _matches(namespace: tuple[str, ...], condition: MatchCondition) -> bool:
    size = len(condition.path)
    part = (
        namespace[:size] if condition.match_type == "prefix" else namespace[max(len(namespace) - size, 0) :]
    )
    return len(part) == size and all(
        asked in ("*", label) for asked, label in zip(condition.path, part, strict=True)
    )
