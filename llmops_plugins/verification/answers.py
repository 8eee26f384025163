"""Where the final answer of a free-form reply is, in a form in which two models' answers can be compared."""

from __future__ import annotations

import re
from json import JSONDecoder

from llmops_plugins.verification.canonical import canonical_answer, choice_letter

__all__ = ["DENIAL", "extract_answer"]

_LONGEST_REPLY = 20_000
"""Characters read, from the end of a reply: the final answer stands there."""

_LONGEST_SHORT_REPLY = 120
_MOST_FIELDS = 8

_DECODER = JSONDecoder(strict=False)
_FIELD = re.compile(r"""(?<!\\)["'](?:final[_ ]?)?answer["']\s*+:\s*+""", re.IGNORECASE)
_AFTER_VALUE = re.compile(r"\s*+(?:[,}\]]|`{3}|\Z)")
_SINGLE_QUOTED = re.compile(r"'((?:[^'\\\n]|\\.)*+)'(?=\s*+(?:[,}\n]|\Z))")

# Only at the end: elsewhere ``####`` is a heading.
_MARKED = re.compile(r"^####[ \t]*+(\S[^\n]*+)\Z", re.MULTILINE)
_STATED = re.compile(
    r"""\b(?:answer|(?:correct|right|best)\ (?:option|choice))\b[*_`]*+
    (?:\s+(?:to|for)\s[^\n.:?!]{1,80}?)?\s{0,3}(?:\b(?:is|are|was|would\ be)\b|[=:])[\s:]*+
    (?!correct|right|wrong|incorrect|not\b)(?:(?:option|choice)\s)?(\S[^\n]*+)""",
    re.IGNORECASE | re.VERBOSE,
)
_STATED_CHOICE = re.compile(r"""[\s\[('"*_`$]*+([A-J])[\])'"*_`$]*+[.:](?!\w)""")
_STATED_YES_OR_NO = re.compile(r"[*_]*+(yes|no|true|false)\b[*_]*+[.!]", re.IGNORECASE)
# A full stop after an abbreviation (``Dr. Smith``, ``J. Smith``) does not end the sentence.
_SENTENCE_END = re.compile(r"(?<!\b[A-Z])(?<!\b[A-Z][a-z])(?<!\b[A-Z][a-z]{2})[.!?][*_`]*+(?=\s)")

_NUMBER = re.compile(r"-?[$€£¥₹]?\d[\d,]*+(?:\.\d++)?")
DENIAL = re.compile(r"\b(?:no|not|never|none|cannot)\b|n['\u2019]t\b", re.IGNORECASE)
_COURTESY = re.compile(
    r"\W*+(?:let me know|(?:i )?hope (?:this|that)|(?:please )?feel free|if you (?:have|need|want|would))\b",
    re.IGNORECASE,
)


def extract_answer(text: str) -> str | None:
    """Return the final answer of a free-form reply, so that equal answers compare equal.

    Looked for in this order: a JSON field ``answer`` or ``final_answer`` (broken JSON too), a last line
    ``#### x``, ``\\boxed{x}``, ``the answer is x`` or ``Answer: x``, the letter of an option; then a short
    reply is its own answer, and of a longer one it is the last number of the last line. Made for questions
    with one short answer: of two essays without one it says nothing.

    Args:
        text: The reply's text; only its last 20,000 characters are read.

    Returns:
        The answer in the form of :func:`~llmops_plugins.verification.canonical.canonical_answer`, or ``None``
        where the reply is empty or its answer is.

    Example:
        >>> extract_answer("6 * 7 makes 42.\\n\\nThe answer is **$42.00**.")
        '42'
    """
    text = text[-_LONGEST_REPLY:].strip()
    for find in (_field, _marked, _boxed, _stated):
        found = find(text)
        if found is not None:
            return canonical_answer(found)
    letter = choice_letter(text)
    conclusion = _conclusion(text) if letter is None else None
    return letter if conclusion is None else canonical_answer(conclusion)


def _field(text: str) -> str | None:
    """Return the value of the reply's answer field; of several that differ, all of them."""
    values: list[str] = []
    end = 0
    for field in list(_FIELD.finditer(text))[-_MOST_FIELDS:]:
        if field.start() >= end:
            value, end = _field_value(text, field.end())
            values.append(value)
    if len(values) > 1 and len(set(map(canonical_answer, values))) > 1:
        return repr(values)
    return values[-1] if values else None


def _field_value(text: str, start: int) -> tuple[str, int]:
    try:
        value, end = _DECODER.raw_decode(text, start)
        written = value if isinstance(value, str) else "" if value is None else repr(value)
    except (ValueError, RecursionError):
        return _broken_value(text, start)
    return (written, end) if _AFTER_VALUE.match(text, end) else _broken_value(text, start)


def _broken_value(text: str, start: int) -> tuple[str, int]:
    """Read what stands where JSON should: single quotes, unescaped inner quotes, a missing closing quote."""
    if match := _SINGLE_QUOTED.match(text, start):
        return match[1], match.end()
    line = text[start:].split("\n", 1)[0]
    value = line.strip().removesuffix("```").rstrip(" ,")
    for _ in range(value.count("}") - value.count("{")):
        value = value.removesuffix("}").rstrip(" ,")
    return value.removeprefix('"').removesuffix('"'), start + len(line)


def _marked(text: str) -> str | None:
    match = _MARKED.search(text)
    return match[1] if match else None


def _boxed(text: str) -> str | None:
    start = text.rfind("\\boxed{")
    if start < 0:
        return None
    start += len("\\boxed{")
    depth = 1
    for index in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[index], 0)
        if depth == 0:
            return text[start:index]
    return text[start:]


def _stated(text: str) -> str | None:
    statements = _STATED.findall(text)
    if not statements:
        return None
    stated: str = statements[-1]
    if stated.count("**") % 2:  # the first of them closes ``**Answer:**``
        stated = stated.replace("**", "", 1).lstrip()
    if match := _STATED_CHOICE.match(stated) or _STATED_YES_OR_NO.match(stated):
        return match[1]
    return _SENTENCE_END.split(stated, maxsplit=1)[0]


def _conclusion(text: str) -> str | None:
    """Return a short reply whole, and of a longer one the last number of its last line.

    A line that denies something concludes otherwise than one that does not, even with the same number. Of a
    longer reply without a number nobody can say where its answer is.
    """
    if len(text) <= _LONGEST_SHORT_REPLY and "\n" not in text:
        return text
    lines = [line for line in text.split("\n") if line.strip() and not _COURTESY.match(line)]
    numbers = _NUMBER.findall(lines[-1]) if lines else []
    if not numbers:
        return None
    return f"not {numbers[-1]}" if DENIAL.search(lines[-1]) else str(numbers[-1])
