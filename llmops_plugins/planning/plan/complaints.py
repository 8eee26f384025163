"""One thing that is wrong with a plan, and how what a model wrote is quoted in it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["LITERAL", "Complaint", "nearest", "quoted", "quoted_list"]

LITERAL = '{"literal": {"ref": ...}}'
"""How an object is written that looks like a reference and is none."""

_LONGEST_NAME = 60
_MOST_NAMES = 40


@dataclass(frozen=True, kw_only=True)
class Complaint:
    """One thing that is wrong with a plan.

    Args:
        task_id: The task it is about, as the model wrote it; None where it is about the whole plan.
        code: What sort of fault it is, such as ``"cycle"``.
        sentence: The fault and the fix, to be sent back to the model.
    """

    task_id: str | None
    code: str
    sentence: str


def quoted(name: str) -> str:
    """Return a name that a model wrote, as a JSON string and cut: it cannot be read as an instruction.

    Args:
        name: The name.
    """
    return json.dumps(
        name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}...", ensure_ascii=False
    )


def quoted_list(names: Iterable[str], separator: str = ", ") -> str:
    """Return some names, quoted.

    Args:
        names: The names; after the first 40 it is only said that there are more.
        separator: What stands between two.
    """
    listed = list(names)
    more = [f"{len(listed) - _MOST_NAMES} more"] if len(listed) > _MOST_NAMES else []
    return separator.join([*map(quoted, listed[:_MOST_NAMES]), *more])


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the name that is most like another, if any is like it.

    Args:
        name: What was written.
        names: What may have been meant.
    """
    by_lower = {one.lower(): one for one in names}
    found = difflib.get_close_matches(name[:_LONGEST_NAME].lower(), by_lower, n=1)
    return by_lower[found[0]] if found else None
