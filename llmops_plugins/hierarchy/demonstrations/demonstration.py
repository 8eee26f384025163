"""A demonstration: a question that was solved, how, and on whose word that counts as solved."""

from __future__ import annotations

import hashlib
import json
import math
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from llmops_plugins.errors import ConfigurationError

__all__ = [
    "MOST_NAMED",
    "Demonstration",
    "Evidence",
    "EvidenceKind",
    "Provenance",
    "content_id",
    "tidied",
]

MOST_NAMED = 20
"""How many of the users who confirmed it a demonstration names."""

EvidenceKind = Literal["execution", "verifier", "judge", "human", "feedback"]
"""What says that a request was solved; the word of who solved it is none of them."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What says that a request was solved.

    Args:
        kind: What sort of evidence it is.
        source: Who or what said so, such as a judge's model or a verifier's name.
        statement: What it said, in one sentence.

    Raises:
        ConfigurationError: If the kind is none of these or nobody said so.
    """

    kind: EvidenceKind
    source: str
    statement: str = ""

    def __post_init__(self) -> None:
        if self.kind not in get_args(EvidenceKind):
            known = ", ".join(get_args(EvidenceKind))
            raise ConfigurationError("evidence.kind", f"must be one of {known}, got {self.kind!r}")
        if not isinstance(self.source, str) or not self.source.strip():
            raise ConfigurationError("evidence.source", "is empty, name who or what found the request solved")
        if not isinstance(self.statement, str):
            problem = f"must be a sentence, got {type(self.statement).__name__}"
            raise ConfigurationError("evidence.statement", problem)


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Where a demonstration comes from.

    Args:
        assistant: Name of the assistant that solved the request.
        model: Its model.
        model_version: The model's version; empty where nobody said.
        evidence: What says that it was solved.
        solved_at: When, with a time zone.
        cost_usd: What solving it cost, in USD; None where that is unknown.
        imported_from: The file it was imported from; None for one that was solved here.
    """

    assistant: str
    model: str
    model_version: str
    evidence: Evidence
    solved_at: datetime
    cost_usd: float | None = None
    imported_from: str | None = None


@dataclass(frozen=True, kw_only=True)
class Demonstration:
    """A question that was solved, how, and how often that has helped since.

    Args:
        demonstration_id: SHA-256 of tenant, question and solution, in hexadecimal.
        question: What was asked.
        solution: What solved it.
        tenant: Whose it is.
        user: Hash of the user whose request it was; empty in the copy that all users of the tenant share.
        provenance: Where it comes from.
        calls: What the solution calls, read once: ranking compares it.
        confirmations: How many other users solved the same, or confirmed it, of those who are kept track of.
        confirmed_by: Hashes of the latest of them, at most 20; none where a file leaves users out.
        helped: Of the latest requests it was shown to, how many were solved.
        tried: How many those are.
        shared: Whether it is shown to all users of its tenant.
        expires_at: Unix time in seconds after which it is not shown.
    """

    demonstration_id: str
    question: str
    solution: str
    tenant: str
    user: str
    provenance: Provenance
    calls: tuple[str, ...] = ()
    confirmations: int = 0
    confirmed_by: tuple[str, ...] = ()
    helped: int = 0
    tried: int = 0
    shared: bool = False
    expires_at: float

    @property
    def is_intact(self) -> bool:
        """Whether its content is what its id was made of."""
        return self.demonstration_id == content_id(self.tenant, self.question, self.solution)

    def is_fresh(self, now: float) -> bool:
        """Tell whether it may still be shown, at a Unix time in seconds."""
        return now < self.expires_at

    def to_dict(self) -> dict[str, Any]:
        """Return it as a store and a file keep it: plain JSON data."""
        provenance = {**asdict(self.provenance), "solved_at": self.provenance.solved_at.isoformat()}
        return {
            **self.__dict__,
            "provenance": provenance,
            "calls": list(self.calls),
            "confirmed_by": list(self.confirmed_by),
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Demonstration:
        """Return the demonstration that plain data describes; its content is not checked against its id.

        Raises:
            ValueError: If it describes none; the message names the field.
        """
        if not isinstance(value, Mapping):
            raise ValueError("must be a JSON object")
        texts = {name: _text(value, name) for name in ("demonstration_id", "question", "solution", "tenant")}
        for name, text in texts.items():
            if not text.strip():
                raise ValueError(f"{name} must not be empty")
        # A file may leave users out.
        confirmed_by = _texts(value, "confirmed_by") if "confirmed_by" in value else ()
        helped, tried = _count(value, "helped"), _count(value, "tried")
        if helped > tried:
            raise ValueError(f"helped must be at most tried, got {helped} of {tried}")
        expires_at = _number(value, "expires_at")
        if expires_at is None:
            raise ValueError("expires_at must be a Unix time in seconds")
        return cls(
            **texts,
            user=_text(value, "user") if "user" in value else "",
            provenance=_provenance(value.get("provenance")),
            calls=_texts(value, "calls"),
            confirmations=_count(value, "confirmations") if "confirmations" in value else len(confirmed_by),
            confirmed_by=confirmed_by[:MOST_NAMED],
            helped=helped,
            tried=tried,
            shared=_flag(value, "shared"),
            expires_at=expires_at,
        )


def content_id(tenant: str, question: str, solution: str) -> str:
    """Return the id of a demonstration: what it says, and whose it is.

    Args:
        tenant: Whose it is.
        question: What was asked, :func:`tidied`.
        solution: What solved it, :func:`tidied`.
    """
    content = json.dumps([tenant, question, solution])
    return hashlib.sha256(content.encode()).hexdigest()


def tidied(text: str) -> str:
    """Return a text in the form in which equal ones are equal: Unicode's NFC, no blanks at the ends of lines.

    What no database takes, NUL and halves of surrogate pairs, goes. Nothing else is changed: indentation and
    letters mean something in code.
    """
    known = text.encode("utf-8", "ignore").decode().replace("\0", "").replace("\r\n", "\n")
    lines = unicodedata.normalize("NFC", known).split("\n")
    return "\n".join(line.rstrip() for line in lines).strip("\n")


def _provenance(value: Any) -> Provenance:
    if not isinstance(value, Mapping):
        raise ValueError("provenance must be an object")
    evidence = value.get("evidence")
    if not isinstance(evidence, Mapping):
        raise ValueError("provenance.evidence must be an object with kind and source")
    imported_from = value.get("imported_from")
    if not isinstance(imported_from, str | None):
        raise ValueError("provenance.imported_from must be a text or null")
    return Provenance(
        assistant=_text(value, "assistant"),
        model=_text(value, "model"),
        model_version=_text(value, "model_version"),
        evidence=Evidence(
            kind=evidence.get("kind"),  # type: ignore[arg-type] # it is what checks it
            source=_text(evidence, "source"),
            statement=_text(evidence, "statement"),
        ),
        solved_at=_time(value, "solved_at"),
        cost_usd=_number(value, "cost_usd"),
        imported_from=imported_from,
    )


def _text(value: Mapping[str, Any], name: str) -> str:
    found = value.get(name)
    if not isinstance(found, str):
        raise ValueError(f"{name} must be a text, got {type(found).__name__}")
    return found


def _texts(value: Mapping[str, Any], name: str) -> tuple[str, ...]:
    found = value.get(name)
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise ValueError(f"{name} must be a list of texts")
    return tuple(found)


def _count(value: Mapping[str, Any], name: str) -> int:
    found = value.get(name)
    if type(found) is not int or found < 0:
        raise ValueError(f"{name} must be a whole number from 0, got {found!r}")
    return found


def _flag(value: Mapping[str, Any], name: str) -> bool:
    found = value.get(name)
    if not isinstance(found, bool):
        raise ValueError(f"{name} must be true or false, got {found!r}")
    return found


def _number(value: Mapping[str, Any], name: str) -> float | None:
    found = value.get(name)
    if found is None:
        return None
    if not isinstance(found, int | float) or isinstance(found, bool) or not 0 <= found < math.inf:
        raise ValueError(f"{name} must be a number from 0, got {found!r}")
    return float(found)


def _time(value: Mapping[str, Any], name: str) -> datetime:
    try:
        found = datetime.fromisoformat(_text(value, name))
    except ValueError:
        raise ValueError(f"{name} must be an ISO 8601 time, got {value.get(name)!r}") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
