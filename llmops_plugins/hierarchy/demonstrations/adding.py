"""Keeps what was solved: scrubbed, for its user alone until enough others stand for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from llmops_plugins.effects import Flow, StoreOps
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.hierarchy.demonstrations.collection import Collection
from llmops_plugins.hierarchy.demonstrations.demonstration import (
    Demonstration,
    Evidence,
    Provenance,
    content_id,
    tidied,
)
from llmops_plugins.hierarchy.demonstrations.rendering import without_rendered
from llmops_plugins.hierarchy.demonstrations.room import make_room_if_due
from llmops_plugins.hierarchy.demonstrations.scrubbing import scrubbed_question, scrubbed_solution
from llmops_plugins.hierarchy.demonstrations.sharing import Role
from llmops_plugins.hierarchy.demonstrations.solution_calls import solution_calls
from llmops_plugins.hierarchy.demonstrations.writing import promote, put_unless_revoked

__all__ = [
    "LONGEST_QUESTION",
    "LONGEST_READ",
    "LONGEST_SOLUTION",
    "Addition",
    "Solved",
    "add",
    "check_evidence",
    "storable",
    "stored_calls",
    "stored_provenance",
]

LONGEST_QUESTION = 4_000
"""Characters above which a request holds more than a question, and is no example of another."""
LONGEST_READ = 100_000
"""Characters of a text in which examples that were put into it are looked for."""
LONGEST_SOLUTION = 20_000
"""Characters above which a solution is no example that fits into a prompt."""

_MOST_CALLS = 100
_LONGEST_NAME, _LONGEST_STATEMENT = 200, 500


@dataclass(frozen=True, kw_only=True)
class Solved:
    """What was solved, by whom and for whom.

    Args:
        question: What was asked.
        solution: What solved it.
        user: Hash of the user who asked.
        provenance: Who solved it, and on whose word.
        role: ``solved``, or ``imported`` for what stands for nothing.
    """

    question: str
    solution: str
    user: str
    provenance: Provenance
    role: Role = "solved"


@dataclass(frozen=True, kw_only=True)
class Addition:
    """What became of a solved request.

    Args:
        outcome: ``added``; ``confirmed`` where another user had solved the same; ``renewed`` where this one
            had; ``revoked`` where it must not come back; ``empty`` or ``too_long`` where it is no example.
        demonstration: As its user is shown it; None where it was not kept.
    """

    outcome: Literal["added", "confirmed", "renewed", "revoked", "empty", "too_long"]
    demonstration: Demonstration | None = None


def check_evidence(evidence: Evidence, *authors: str) -> None:
    """Refuse an author's own word.

    Args:
        evidence: What says that a request was solved.
        authors: What its author goes by: the assistant's name, its model.

    Raises:
        ConfigurationError: If it is no evidence, or its source is one of them.
    """
    if not isinstance(evidence, Evidence):
        problem = f"must be Evidence(kind=..., source=...), got {type(evidence).__name__}"
        raise ConfigurationError("evidence", problem)
    if _bare(evidence.source) in {_bare(author) for author in authors if author.strip()}:
        problem = f"comes from {evidence.source}, which solved the request: ask a verifier or another judge"
        raise ConfigurationError("evidence.source", problem)


def storable(text: str, longest: int, *, is_code: bool) -> str | None:
    """Return a text as it is stored: without others' examples, secrets and personal data; None if too long.

    Args:
        text: A question or a solution.
        longest: The most characters.
        is_code: Whether it is a solution, which may be code.
    """
    if len(text) > LONGEST_READ:
        return None
    own = text if is_code else without_rendered(text)
    if len(own) > longest:
        return None
    return tidied(scrubbed_solution(own) if is_code else scrubbed_question(own))


def stored_provenance(provenance: Provenance) -> Provenance:
    """Return where a demonstration comes from as it is stored: what others wrote, scrubbed and cut.

    Args:
        provenance: As an assistant, a verifier, a person or a file says it.
    """
    evidence, source = provenance.evidence, provenance.imported_from
    return replace(
        provenance,
        assistant=_stored_name(provenance.assistant),
        model=_stored_name(provenance.model),
        model_version=_stored_name(provenance.model_version),
        evidence=replace(
            evidence,
            source=_stored_name(evidence.source).strip() or "unknown",
            statement=_cut(evidence.statement, _LONGEST_STATEMENT),
        ),
        imported_from=None if source is None else _stored_name(source),
    )


def stored_calls(solution: str) -> tuple[str, ...]:
    """Return what a solution calls, as it is stored for ranking."""
    return tuple(sorted(solution_calls(solution))[:_MOST_CALLS])


def add(collection: Collection, solved: Solved) -> Flow[Addition]:
    """Keep what was solved, share it if with this user enough stand for it, and make room if it is time.

    Args:
        collection: Where it is kept.
        solved: What was solved.
    """
    question = storable(solved.question, LONGEST_QUESTION, is_code=False)
    solution = storable(solved.solution, LONGEST_SOLUTION, is_code=True)
    if question is None or solution is None:
        return Addition(outcome="too_long")
    if not question.strip() or not solution.strip():
        return Addition(outcome="empty")
    key = content_id(collection.tenant, question, solution)
    own, revoked, users = yield StoreOps(
        collection.store,
        [
            collection.get(collection.private_of(solved.user), key),
            collection.get(collection.revoked, key),
            collection.users(collection.roles_of(key)),
        ],
    )
    if revoked is not None:
        return Addition(outcome="revoked")
    roles, before = collection.roles(users), collection.read(own)
    copy = _copy(collection, solved, key, question, solution, before)
    role = roles.get(solved.user, solved.role) if solved.role == "imported" else solved.role
    note = collection.note(collection.roles_of(key), solved.user, {"role": role})
    if not (yield from put_unless_revoked(collection, key, [collection.put(copy), note])):
        return Addition(outcome="revoked")
    if before is None:
        yield from make_room_if_due(collection)
    shared = (yield from promote(collection, key)) if solved.role == "solved" else None
    others = any(one == "solved" for user, one in roles.items() if user != solved.user)
    confirms = others and solved.role == "solved" and roles.get(solved.user) != "solved"
    outcome: Literal["confirmed", "renewed", "added"] = "renewed" if before else "added"
    return Addition(outcome="confirmed" if confirms else outcome, demonstration=shared or copy)


def _copy(
    collection: Collection,
    solved: Solved,
    key: str,
    question: str,
    solution: str,
    before: Demonstration | None,
) -> Demonstration:
    """Return the user's own copy: who solved it first stays its author, unless that was only a file."""
    renewed = before is not None and (before.provenance.imported_from is None or solved.role == "imported")
    provenance = stored_provenance(solved.provenance)
    if before is not None:
        known = before.provenance if renewed else provenance
        return replace(before, provenance=known, expires_at=collection.expires_at)
    return Demonstration(
        demonstration_id=key,
        question=question,
        solution=solution,
        tenant=collection.tenant,
        user=solved.user,
        provenance=provenance,
        calls=stored_calls(solution),
        expires_at=collection.expires_at,
    )


def _stored_name(text: str) -> str:
    return _cut(text, _LONGEST_NAME)


def _cut(text: str, longest: int) -> str:
    """Return a text scrubbed and then cut, so that the beginning of a secret does not stay."""
    return tidied(scrubbed_question(text[:LONGEST_READ]))[:longest]


def _bare(name: str) -> str:
    """Return a name without its provider, as ``gpt-5`` in ``openai:gpt-5``."""
    return name.strip().casefold().rsplit(":", 1)[-1].rsplit("/", 1)[-1]
