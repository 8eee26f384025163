"""Demonstrations as a file: one JSON object a line, out of one store and into another."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from llmops_plugins.effects import Flow, Spawn, StoreOps
from llmops_plugins.errors import ConfigurationError, RecordError
from llmops_plugins.hierarchy.demonstrations.adding import (
    LONGEST_QUESTION,
    LONGEST_SOLUTION,
    Solved,
    add,
    storable,
    stored_calls,
    stored_provenance,
)
from llmops_plugins.hierarchy.demonstrations.collection import Collection
from llmops_plugins.hierarchy.demonstrations.demonstration import Demonstration, content_id
from llmops_plugins.hierarchy.demonstrations.room import make_room
from llmops_plugins.hierarchy.demonstrations.writing import put_unless_revoked
from llmops_plugins.whole_file import write_whole

__all__ = ["import_demonstrations", "read_demonstrations", "write_demonstrations"]

_OF_USERS = frozenset({"user", "confirmed_by"})


def write_demonstrations(
    path: Path, demonstrations: Iterable[Demonstration], *, with_users: bool = False
) -> int:
    """Write demonstrations to a file, whole or not at all, and return how many.

    Args:
        path: The file, which is replaced.
        demonstrations: What it is to hold.
        with_users: Whether to say which users they are of, by hashes of their names. Names that can be
            guessed, as e-mail addresses can, are known by their hashes to whoever tries.

    Raises:
        OSError: If it cannot be written.
    """
    left_out = frozenset() if with_users else _OF_USERS
    rows = (
        {name: value for name, value in one.to_dict().items() if name not in left_out}
        for one in demonstrations
    )
    lines = [json.dumps(row) for row in rows]
    write_whole(path, "".join(f"{line}\n" for line in lines).encode())
    return len(lines)


def read_demonstrations(path: Path) -> list[Demonstration]:
    """Read a file that :func:`write_demonstrations` wrote; one row that is wrong refuses all.

    Args:
        path: The file.

    Raises:
        ConfigurationError: If it cannot be read.
        RecordError: For the first row that describes no demonstration, or was changed since it was written.
    """
    return list(_rows(path))


def import_demonstrations(
    collection: Collection, demonstrations: Iterable[Demonstration], *, source: str, user: str, trusted: bool
) -> Flow[int]:
    """Keep demonstrations from elsewhere, and return how many.

    They belong to the user who imports them and nobody stands for them, so they are shown to nobody else;
    what was counted elsewhere does not count. With ``trusted`` those that were shared are shared here too,
    with their confirmations and counts. What was revoked here stays away.

    Args:
        collection: Where they are kept.
        demonstrations: What to keep.
        source: Where they come from, for their provenance.
        user: Hash of the user who imports them.
        trusted: Whether to take the file's word for what users confirmed.
    """
    count = 0
    for one in demonstrations:
        provenance = replace(one.provenance, imported_from=source)
        if trusted and one.shared:
            count += yield from _share(collection, replace(one, provenance=provenance))
            continue
        solved = Solved(
            question=one.question, solution=one.solution, user=user, provenance=provenance, role="imported"
        )
        addition = yield from add(collection, solved)
        count += addition.demonstration is not None
    yield Spawn(make_room(collection))
    return count


def _share(collection: Collection, one: Demonstration) -> Flow[bool]:
    question = storable(one.question, LONGEST_QUESTION, is_code=False)
    solution = storable(one.solution, LONGEST_SOLUTION, is_code=True)
    if not question or not solution:
        return False
    shared = replace(
        one,
        demonstration_id=content_id(collection.tenant, question, solution),
        question=question,
        solution=solution,
        provenance=stored_provenance(one.provenance),
        calls=stored_calls(solution),
        tenant=collection.tenant,
        user="",
        expires_at=collection.expires_at,
    )
    key = shared.demonstration_id
    (item,) = yield StoreOps(collection.store, [collection.get(collection.shared, key)])
    if collection.read(item) is not None:  # what was counted here goes before what was counted elsewhere
        return False
    return (yield from put_unless_revoked(collection, key, [collection.put(shared)]))


def _rows(path: Path) -> Iterator[Demonstration]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        problem = f"{path} cannot be read ({error.strerror}), give a file that export wrote"
        raise ConfigurationError("path", problem) from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _row(str(path), number, line)


def _row(source: str, number: int, line: bytes) -> Demonstration:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RecordError(source, number, f"is not JSON ({error})") from error
    try:
        demonstration = Demonstration.from_dict(value)
    except ValueError as error:
        raise RecordError(source, number, str(error)) from error
    problem = _wrong_with(demonstration)
    if problem:
        raise RecordError(source, number, problem)
    return demonstration


def _wrong_with(one: Demonstration) -> str | None:
    if not one.is_intact:
        return "demonstration_id is not that of its tenant, question and solution: the row was changed"
    if len(one.question) > LONGEST_QUESTION:
        return f"question must have at most {LONGEST_QUESTION} characters, got {len(one.question)}"
    if len(one.solution) > LONGEST_SOLUTION:
        return f"solution must have at most {LONGEST_SOLUTION} characters, got {len(one.solution)}"
    return None
