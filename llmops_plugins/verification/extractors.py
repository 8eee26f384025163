"""Ways to find the final answer of a reply when its kind is known, for ``Agreement`` and its like.

Each takes a reply's text and returns the answer in one form that equal answers share, or ``None`` where there
is none, so that replies without an answer do not agree by having none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.verification.answers import DENIAL, extract_answer
from llmops_plugins.verification.canonical import CHANGES_VALUE, canonical_answer
from llmops_plugins.verification.json_reply import json_value

__all__ = ["choice_answer", "json_field", "normalized_text", "number_answer"]

_NUMBER = re.compile(r"-?\d{1,40}(?:\.\d{1,40})?")
_FRACTION = re.compile(r"-?\d{1,40}/0*[1-9]\d{0,39}")
_DIGITS = re.compile(r"\d[\d.,/]*+")
_LONE_NUMBER = re.compile(r"(?<![\w.,/$-])-?[$€£¥₹]?\d[\d,]*+(?:\.\d++|/\d++)?+(?![\w/-])")
_LETTER = re.compile(r"[a-j]")
# ``B. Paris`` may be an initial where the question is not known; here it is a choice.
_LEADING_CHOICE = re.compile(
    r"""[ \t>(\[*_"'`]*+(?:option[ ]|choice[ ])?\(?([A-J])[)\].:*_]++(?=\s|\Z)""", re.I
)


def number_answer(text: str) -> str | None:
    """Return the number that a reply answers with, so that ``0.75`` and ``3/4`` are one answer.

    A number inside a sentence counts where it is the reply's only one and no word may change its value.

    Args:
        text: The reply's text.

    Returns:
        The number as a fraction in lowest terms, or ``None`` where the answer is anything else.

    Example:
        >>> number_answer("So it makes $1,200.00 in all."), number_answer("I cannot say.")
        ('1200', None)
    """
    answer = _fraction(extract_answer(text))
    if answer is not None or len(_DIGITS.findall(text)) != 1:
        return answer
    lone = _LONE_NUMBER.search(text)
    if lone is None or CHANGES_VALUE.search(text.casefold()) or DENIAL.search(text):
        return None
    return _fraction(canonical_answer(lone[0]))


def _fraction(answer: str | None) -> str | None:
    if answer and (_NUMBER.fullmatch(answer) or _FRACTION.fullmatch(answer)):
        return str(Fraction(answer))
    return None


def choice_answer(text: str) -> str | None:
    """Return the option, ``a`` to ``j``, that a reply to a multiple-choice question picks.

    Args:
        text: The reply's text.

    Returns:
        The letter in lower case, or ``None`` where the reply picks none, or starts lines with several.

    Example:
        >>> choice_answer("B. The Pacific"), choice_answer("The answer is (B).")
        ('b', 'b')
    """
    answer = extract_answer(text) or ""
    if _LETTER.fullmatch(answer):
        return answer
    leading = [_LEADING_CHOICE.match(line) for line in text.strip().split("\n")]
    letters = {match[1].casefold() for match in leading if match}
    return letters.pop() if leading[0] and len(letters) == 1 else None


def normalized_text(text: str) -> str | None:
    """Return the whole reply without case, punctuation, articles and the breaks between lines.

    Made for labels, names and phrases. Not for code, whose line breaks and indentation mean something.

    Args:
        text: The reply's text.

    Returns:
        The text in the form of :func:`~llmops_plugins.verification.canonical.canonical_answer`, or ``None``
        where nothing is left of it.

    Example:
        >>> normalized_text("The **refund**\\n was granted!")
        'refund was granted'
    """
    return canonical_answer(" ".join(text.split()))


def json_field(name: str) -> Callable[[str], str | None]:
    """Return a function that finds the answer in a field of a JSON reply.

    Args:
        name: The field; a dotted path leads into objects, and by index into lists: ``"order.items.0.sku"``.

    Returns:
        A function of a reply's text, as ``extract`` of :class:`~llmops_plugins.Agreement`. It returns
        ``None`` where the reply is not JSON, alone or in one fenced block, and where the field is missing,
        null or empty.

    Raises:
        ConfigurationError: If the path is empty or a part of it is.

    Example:
        >>> json_field("order.total")('{"order": {"total": "12.50"}}')
        '12.5'
    """
    if not isinstance(name, str) or not all(name.split(".")):
        raise ConfigurationError("name", "must be a field's name or a dotted path such as 'order.total'")

    def extract(text: str) -> str | None:
        try:
            value = json_value(text)
        except ValueError:
            return None
        for part in name.split("."):
            value = _member(value, part)
        if value is None:
            return None
        return canonical_answer(value if isinstance(value, str) else repr(value))

    return extract


def _member(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return value.get(name)
    if isinstance(value, list) and name.isdecimal() and len(name) < 10:
        return value[int(name)] if int(name) < len(value) else None
    return None
