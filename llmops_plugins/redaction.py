"""Takes the obvious personal data and secrets out of text before it is stored."""

from __future__ import annotations

import re

__all__ = ["hide_secrets", "redact"]

_PATTERNS = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("secret", r"\b(?:sk|pk|rk|gh[oprsu]|xox[abeprs]|AKIA|ASIA|AIza)[-_A-Za-z0-9]{12,}"),
        ("secret", r"\b(?:github_pat|glpat|hf|npm|pypi|dop_v1|shpat)[-_][-_A-Za-z0-9]{12,}"),
        ("secret", r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]*(?:-----END [A-Z ]{0,40}-----)?"),
        ("secret", r"(?i)\bbearer\s+[-._~+/A-Za-z0-9]{12,}=*"),
        ("secret", r"\beyJ[-_A-Za-z0-9]{8,}\.[-_A-Za-z0-9]{8,}\.[-_A-Za-z0-9]{4,}"),
        ("email", r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+"),
        ("iban", r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b"),
        ("card", r"\b\d(?:[ -]?\d){12,18}\b"),
        ("address", r"\b(?:\d{1,3}\.){3}\d{1,3}\b"),
        ("phone", r"(?<![\w.-])(?!\d{4}-\d\d-\d\d\b)\+?\(?\d{1,4}\)?(?:[ .-]\d{2,4}){2,4}\b"),
    )
)
_SECRETS = tuple(one for one in _PATTERNS if one[0] == "secret")


def redact(text: str) -> str:
    """Replace e-mail addresses, phone, card and account numbers, IP addresses and keys by their kind.

    Patterns find the usual forms only: what must never be stored should not be sent to a ledger that stores
    content at all.

    Example:
        >>> redact("write to ann@example.org")
        'write to [email]'
    """
    for name, pattern in _PATTERNS:
        text = pattern.sub(f"[{name}]", text)
    return text


def hide_secrets(text: str) -> str:
    """Replace keys and bearer tokens only; for values that should hold neither."""
    for name, pattern in _SECRETS:
        text = pattern.sub(f"[{name}]", text)
    return text
