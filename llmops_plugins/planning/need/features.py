"""What a request's text shows of how many steps it takes, without asking a model."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass

__all__ = ["FEATURE_NAMES", "PlanFeatures", "plan_features"]

LONGEST = 8_000
"""Characters of a request that are looked at."""

_VERBS = {
    "look up": "find look search check fetch get pull retrieve locate query read open see scan collect "
    "download grab load ask identify determine detect verify listen investigate analyse "
    "analyze pick extract take use using tell show",
    "compute": "calculate compute work count total add average multiply subtract compare convert "
    "measure rank score sort cluster classify group filter estimate adjust rate match split "
    "categorise categorize merge deduct",
    "make": "write draft summarize summarise translate transcribe describe generate create draw "
    "plot make turn rewrite format record render chart caption crop blur cut scale compress "
    "remove rename clean produce lay combine list name explain give suggest",
    "act": "book send mail email order buy post upload invite message delete save set schedule "
    "file notify call cancel reserve pay print share tweet import export commit run put "
    "enter rebook register restore warn mark move remind forward append request log attach "
    "switch navigate queue install deploy reply answer circulate start fix tag flag drop "
    "back store prepare publish highlight",
}
_FAMILY = {verb: family for family, verbs in _VERBS.items() for verb in verbs.split()}
_FIRST_WORDS = (
    "what why how is are do does did can could should would who when where which explain describe define "
    "write give name tell list translate summarize paraphrase proofread classify compare add i"
)
_SINGLE = frozenset(_FIRST_WORDS.split())
"""First words of many a request that one answer settles."""

_QUOTED = re.compile(r"\"[^\"\n]{0,2000}\"|“[^”\n]{0,2000}”")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_CLAUSE = re.compile(r"[,;:.!?\n]+|\b(?:and|then|or|to|please|finally|first|also)\b", re.IGNORECASE)
_SEQUENCE = re.compile(
    r"\b(?:then|finally|afterwards|after that|next,|first,|at last|once (?:you|that|this|it)|"
    r"based on (?:it|that|this)|before (?:you|sending|that))\b",
    re.IGNORECASE,
)
_BACK = re.compile(
    r"\b(?:it|its|them|their|this|these|those|each|every|results?|both|whichever|the (?:same|sum|total|"
    r"outcome|summary|summaries|transcript|confirmation|lowest|highest|closest|cheapest|oldest|longest|rest))\b",
    re.IGNORECASE,
)
_CONDITION = re.compile(r"\b(?:if|whether|unless|until|when it|where)\b", re.IGNORECASE)
_ITEM = re.compile(r"^[ \t]*+(?:[-*•]|\d{1,3}[.)])[ \t]++\S", re.MULTILINE)
_FILE = re.compile(r"\b[\w-]{1,64}\.(?:pdf|png|jpe?g|mp[34]|wav|csv|xlsx?|docx?|flac|m4a|txt|md|onnx|json)\b")


@dataclass(frozen=True, kw_only=True)
class PlanFeatures:
    """What a request's text shows of how many steps it takes.

    Its length is none of them: a long text may be what one step is to be done with.

    Args:
        commands: Clauses that begin with a verb of doing something.
        kinds: Sorts of doing among these, or experts that they call for where experts are described.
        sequence: Words for one thing after another.
        back_references: Words for what an earlier clause brings.
        conditions: Words that make one thing hang on another.
        question: 1 if it asks a question, else 0.
        single: 1 if it begins like most of those that one answer settles, else 0.
        items: Items of a list, a line each.
        files: Files named.
    """

    commands: float
    kinds: float
    sequence: float
    back_references: float
    conditions: float
    question: float
    single: float
    items: float
    files: float

    @property
    def values(self) -> tuple[float, ...]:
        """The features in the order of ``FEATURE_NAMES``."""
        return astuple(self)


FEATURE_NAMES = tuple(PlanFeatures.__dataclass_fields__)
"""Names of the features, in the order in which they are weighted."""


def plan_features(text: str, experts: Sequence[str] = ()) -> PlanFeatures:
    """Return what a request's text shows of how many steps it takes.

    What is quoted in it is left out: it is what the request is about, not what it asks for.

    Args:
        text: The request.
        experts: Descriptions of the experts there are.
    """
    own = _QUOTED.sub(" ", text[:LONGEST])
    clauses = [words for words in map(_WORD.findall, _CLAUSE.split(own.replace("/", " "))) if words]
    commands = [words for words in clauses if words[0].lower() in _FAMILY]
    first = own.find(" ".join(clauses[0])) + len(" ".join(clauses[0])) if clauses else 0
    first_word = clauses[0][0].lower() if clauses else ""
    return PlanFeatures(
        commands=_damped(len(commands)),
        kinds=float(len(_kinds(commands, experts))),
        sequence=_damped(len(_SEQUENCE.findall(own))),
        back_references=_damped(len(_BACK.findall(own, max(first, 0)))),
        conditions=_damped(len(_CONDITION.findall(own))),
        question=float(own.rstrip().endswith("?")),
        single=float(first_word in _SINGLE),
        items=_damped(len(_ITEM.findall(own))),
        files=_damped(len(_FILE.findall(own))),
    )


def _damped(count: int) -> float:
    """Return a count of which the first few say the most."""
    return math.log2(1 + min(count, 15))


def _kinds(commands: Sequence[Sequence[str]], experts: Sequence[str]) -> set[str]:
    if not experts:
        return {_FAMILY[words[0].lower()] for words in commands}
    described = {expert: {_stem(word) for word in _WORD.findall(expert)} for expert in experts}
    best = (_best_expert({_stem(word) for word in words}, described) for words in commands)
    return {expert for expert in best if expert is not None}


def _best_expert(clause: set[str], described: dict[str, set[str]]) -> str | None:
    best = max(described, key=lambda expert: len(clause & described[expert]))
    return best if clause & described[best] else None


def _stem(word: str) -> str:
    """Return a word without its usual endings; those of up to three letters, which say little, are one."""
    word = word.lower()
    for ending in ("ing", "ation", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word.removesuffix(ending)
    return word if len(word) > 3 else ""
