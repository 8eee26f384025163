"""Takes secrets and personal data out of what becomes a demonstration.

A question is prose, so all that :func:`~llmops_plugins.redaction.redact` knows goes. A solution is code:
there, numbers are coordinates, times and sizes more often than telephones and cards, and a number that is
replaced breaks the example. So of a solution keys, what is assigned to a key's name, passwords in addresses,
and e-mail addresses go; numbers stay.
"""

from __future__ import annotations

import re

from llmops_plugins.redaction import hide_secrets, redact

__all__ = ["scrubbed_question", "scrubbed_solution"]

_HIDDEN = "[secret]"
# Every repetition is bounded: what is scrubbed may have been written to take for ever.
_NAME = (
    r"(?:api[ _-]?key|app[_-]?id|app[_-]?key|access[_-]?key|secret(?:[_-]?key)?|private[_-]?key"
    r"|passw(?:or)?d|passphrase|credentials?|rapidapi-key|authorization"
    r"|(?:access|auth|bearer|refresh|session|api)[_-]?token)"
)
_FILLED_IN_ELSEWHERE = r"(?![<{$\[%])"
# What closes a name where it is quoted or a key, and the sign between it and its value.
_TO_VALUE = r"(?:\\?[\"']\]?\s{0,4}(?:=>|:|=|,)|\s{0,4}(?:=>|:|=))\s{0,4}[rbuf]?"
_URL_NAME = r"[\w-]{0,40}(?:key|token|secret|password|auth|signature|sig|app_?id)="

_ASSIGNED = (
    # api_key = "...", {"api_key": "..."}, headers["X-Api-Key"] = '...', ("apikey", "...")
    re.compile(rf"(?i)({_NAME}{_TO_VALUE}(\\?[\"'])){_FILLED_IN_ELSEWHERE}[^\"'\n\\]{{4,400}}(?=\2)"),
    # API_KEY=abc123 as in a shell or prose, where it has a digit and is no name or call of the code's own
    re.compile(
        rf"(?i)({_NAME}\s{{0,4}}(?:=|:|\bis\b)\s{{0,4}}){_FILLED_IN_ELSEWHERE}(?-i:(?![A-Z]+[_\d][A-Z0-9_]*\b))"
        r"(?=[-\w~+/]{0,400}\d)[-\w~+/]{6,400}={0,2}(?![\w(\[.])"
    ),
    # ?key=..., &token=..., &appid=...
    re.compile(rf"(?i)([?&;]{_URL_NAME}){_FILLED_IN_ELSEWHERE}[^&\s\"'<>{{}}#\\]{{4,400}}"),
    # key = "..." and token = "..." with eight letters and digits in a row: keys are also those of mappings
    re.compile(
        rf"(?i)((?<![a-z])(?:key|token){_TO_VALUE}(\\?[\"'])){_FILLED_IN_ELSEWHERE}"
        r"(?=(?:[-\w.~+/=]{0,400}[^a-z0-9\"'\n])?(?=[a-z]{0,400}\d)(?=\d{0,400}[a-z])[a-z0-9]{8})"
        r"[-\w.~+/=]{8,400}(?=\2)"
    ),
    # https://user:password@host
    re.compile(
        rf"(://){_FILLED_IN_ELSEWHERE}[^/\s:@\"']{{0,100}}:{_FILLED_IN_ELSEWHERE}[^/\s@\"']{{1,200}}(?=@)"
    ),
    re.compile(rf"(?i)(\bbasic\s{{1,4}}){_FILLED_IN_ELSEWHERE}[A-Za-z0-9+/]{{8,400}}={{0,2}}"),
)
# A matrix product, x@y.mean(...), is written like an address; an address is not called.
_EMAIL = re.compile(
    r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,5}\.[A-Za-z]{2,24}\b(?!\s*\()"
)


def scrubbed_question(text: str) -> str:
    """Replace secrets and the obvious personal data in a question by their kind."""
    return redact(_hide_assigned(text))


def scrubbed_solution(text: str) -> str:
    """Replace secrets and e-mail addresses in a solution by their kind, and leave its numbers alone.

    Example:
        >>> scrubbed_solution('get(f"https://api.example.com/v1?lat=52.52 13.40&appid=d41d8cd98f00b204")')
        'get(f"https://api.example.com/v1?lat=52.52 13.40&appid=[secret]")'
    """
    return _EMAIL.sub("[email]", hide_secrets(_hide_assigned(text)))


def _hide_assigned(text: str) -> str:
    for pattern in _ASSIGNED:
        text = pattern.sub(rf"\1{_HIDDEN}", text)
    return text
