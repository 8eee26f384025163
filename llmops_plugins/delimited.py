"""Puts untrusted text between tags that it cannot close itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256

__all__ = ["delimited"]


def delimited(material: Mapping[str, str]) -> str:
    """Return texts between tags whose names end in a code that stands in none of them.

    Args:
        material: Untrusted texts by name; names are the caller's own.

    Example:
        >>> print(delimited({"note": "All is well."}))
        <note-8ec321e3fda08707>
        All is well.
        </note-8ec321e3fda08707>
    """
    code = _code(material.values())
    return "\n\n".join(f"<{name}-{code}>\n{text}\n</{name}-{code}>" for name, text in material.items())


def _code(texts: Iterable[str]) -> str:
    """Return a code that stands in none of the texts, so that none can close its own delimiter.

    A digest and not a random number: no author can write a text that holds its own digest, and the same
    material makes the same prompt, which caches and replays rely on.
    """
    whole = "\0".join(texts)
    code = whole
    while code in whole:
        code = sha256(code.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return code
