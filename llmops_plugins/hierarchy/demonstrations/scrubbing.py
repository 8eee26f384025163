"""Takes secrets and personal data out of what becomes a demonstration.

A question is prose, so all that :func:`~llmops_plugins.redaction.redact` knows goes, and so it does from a
solution that is prose. In a solution that is code numbers are coordinates, times and sizes more often than
telephones and cards, and one that is replaced breaks the example. So of code keys, what is assigned to a
key's name, passwords in addresses, and e-mail addresses go, and the rest from its texts and comments alone.
"""

from __future__ import annotations

import ast
import itertools
import re
import tokenize
from collections.abc import Iterator, Sequence
from contextlib import suppress

from llmops_plugins.redaction import hide_secrets, redact

__all__ = ["is_code", "scrubbed_question", "scrubbed_solution"]

_HIDDEN = "[secret]"
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_ESCAPE = re.compile(r"(\\[abfnrtv\\'\"])")
# From Python 3.12 a text with expressions in it is many tokens, before it is one.
_BEGINS = {getattr(tokenize, name, None) for name in ("FSTRING_START", "TSTRING_START")} - {None}
_ENDS = {getattr(tokenize, name, None) for name in ("FSTRING_END", "TSTRING_END")} - {None}
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

# Each with what a text must hold to be searched, case folded: most questions hold none of it.
_NAMED = ("app", "auth", "cred", "key", "pass", "secret", "token")
_ASSIGNED = tuple(
    (words, re.compile(pattern))
    for words, pattern in (
        # api_key = "...", {"api_key": "..."}, headers["X-Api-Key"] = '...', ("apikey", "...")
        (
            _NAMED,
            rf"(?i)({_NAME}{_TO_VALUE}(\\?[\"'])){_FILLED_IN_ELSEWHERE}[^\"'\n\\]{{4,400}}(?=\2)",
        ),
        # API_KEY=abc123 as in a shell or prose, where it has a digit and is no name or call of the code's own
        (
            _NAMED,
            rf"(?i)({_NAME}\s{{0,4}}(?:=|:|\bis\b)\s{{0,4}}){_FILLED_IN_ELSEWHERE}(?-i:(?![A-Z]+[_\d][A-Z0-9_]*\b))"
            r"(?=[-\w~+/]{0,400}\d)[-\w~+/]{6,400}={0,2}(?![\w(\[.])",
        ),
        # ?key=..., &token=..., &appid=...
        (
            ("=",),
            rf"(?i)([?&;]{_URL_NAME}){_FILLED_IN_ELSEWHERE}[^&\s\"'<>{{}}#\\]{{4,400}}",
        ),
        # key = "..." and token = "..." with eight letters and digits in a row: mappings have keys, too
        (
            ("key", "token"),
            rf"(?i)((?<![a-z])(?:key|token){_TO_VALUE}(\\?[\"'])){_FILLED_IN_ELSEWHERE}"
            r"(?=(?:[-\w.~+/=]{0,400}[^a-z0-9\"'\n])?(?=[a-z]{0,400}\d)(?=\d{0,400}[a-z])[a-z0-9]{8})"
            r"[-\w.~+/=]{8,400}(?=\2)",
        ),
        # https://user:password@host
        (
            ("://",),
            rf"(://){_FILLED_IN_ELSEWHERE}[^/\s:@\"']{{0,100}}:{_FILLED_IN_ELSEWHERE}[^/\s@\"']{{1,200}}(?=@)",
        ),
        (
            ("bas",),
            rf"(?i)(\bbasic\s{{1,4}}){_FILLED_IN_ELSEWHERE}[A-Za-z0-9+/]{{8,400}}={{0,2}}",
        ),
    )
)
# A matrix product, x@y.mean(...), is written like an address; an address is not called.
_EMAIL = re.compile(
    r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,5}\.[A-Za-z]{2,24}\b(?!\s*\()"
)


def scrubbed_question(text: str) -> str:
    """Replace secrets and the obvious personal data in a question by their kind."""
    return redact(_hide_assigned(text))


def scrubbed_solution(text: str) -> str:
    """Replace secrets and the obvious personal data in a solution by their kind; of code, not its numbers.

    Example:
        >>> scrubbed_solution("call(4917012345678, note='her card is 4111 1111 1111 1111')")
        "call(4917012345678, note='her card is [card]')"
        >>> scrubbed_solution("Call 030 1234 5678.")
        'Call [phone].'
    """
    hidden = _EMAIL.sub("[email]", hide_secrets(_hide_assigned(text)))
    # Where else than at a line feed a line ends, those who read code disagree.
    return _scrubbed_code(hidden) if "\r" not in hidden and is_code(hidden) else redact(hidden)


def is_code(text: str) -> bool:
    """Tell whether a solution is Python that does something; sums, names and data alone are prose.

    Args:
        text: A solution.
    """
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    # "Phone: 4917012345678" is an annotation, and a number of many digits an expression.
    return any(
        isinstance(node, ast.Call)
        or (isinstance(node, ast.stmt) and not isinstance(node, ast.Expr | ast.AnnAssign))
        for node in nodes
    )


def _scrubbed_code(code: str) -> str:
    """Redact texts and comments of code, and leave its other tokens as they are."""
    lines = _LINE.findall(code)
    starts = [0, *itertools.accumulate(map(len, lines))]
    parts, end = [], 0
    for start, stop in _texts(lines):
        first, last = starts[start[0] - 1] + start[1], starts[stop[0] - 1] + stop[1]
        parts += [code[end:first], *map(redact, _ESCAPE.split(code[first:last]))]
        end = last
    return "".join([*parts, code[end:]])


def _texts(lines: Sequence[str]) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield where texts and comments begin and end, each by its line from 1 and column from 0."""
    opened: list[tuple[int, int]] = []
    with suppress(tokenize.TokenError, SyntaxError):  # what parses may still have an odd end
        for token in tokenize.generate_tokens(iter(lines).__next__):
            if token.type in _BEGINS:
                opened.append(token.start)
            elif token.type in _ENDS:
                start = opened.pop()
                if not opened:
                    yield start, token.end
            elif token.type in (tokenize.STRING, tokenize.COMMENT) and not opened:
                yield token.start, token.end


def _hide_assigned(text: str) -> str:
    folded = text.casefold()
    for words, pattern in _ASSIGNED:
        if any(word in folded for word in words):
            text = pattern.sub(rf"\1{_HIDDEN}", text)
    return text
