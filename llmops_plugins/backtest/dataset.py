"""The questions that models are asked, read from a file of them.

JSON lines, gzipped or not, or CSV with the same names as columns::

    {"id": "q1", "prompt": "What is 6 * 7?", "gold": "42", "task": "arithmetic"}
    {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello!"}]}
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmops_plugins.errors import ConfigurationError, RecordError

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

__all__ = ["Question", "chat_messages", "fingerprint", "question_from_row", "read_dataset"]

_ROLES = {"system": "system", "user": "user", "human": "user", "assistant": "assistant", "ai": "assistant"}


@dataclass(frozen=True, kw_only=True)
class Question:
    """One prompt to ask models.

    Args:
        question_id: Its own id.
        prompt: What the user says; of a conversation the last of it.
        messages: What is sent, each a role (``system``, ``user`` or ``assistant``) and a text.
        gold: The right answer, where known.
        task: What kind of question it is, where told.
    """

    question_id: str
    prompt: str
    messages: tuple[tuple[str, str], ...]
    gold: str | None = None
    task: str | None = None

    @property
    def fingerprint(self) -> str:
        """Tells whether two questions send a model the same."""
        return fingerprint(self.messages)


def fingerprint(messages: Sequence[tuple[str, str]]) -> str:
    """Return a text that two lists of messages share only if they are equal."""
    written = json.dumps([list(message) for message in messages], ensure_ascii=True)
    return sha256(written.encode()).hexdigest()[:32]


def chat_messages(messages: Sequence[tuple[str, str]]) -> list[BaseMessage]:
    """Return messages as LangChain has them."""
    from langchain_core.messages import convert_to_messages

    return convert_to_messages(list(messages))


def read_dataset(path: Path | str, *, limit: int | None = None) -> list[Question]:
    """Read a file of questions.

    Args:
        path: A ``.jsonl``, ``.jsonl.gz`` or ``.csv`` file.
        limit: How many to read at most, from the start.

    Raises:
        ConfigurationError: If the file cannot be read or holds no question.
        RecordError: For the first row that cannot be used, naming its field.
    """
    path = Path(path)
    questions = [question_from_row(str(path), line, row) for line, row in islice(_rows(path), limit)]
    if not questions:
        raise ConfigurationError("dataset", f"{path} holds no question, give rows with prompt or messages")
    return questions


def question_from_row(source: str, line: int, row: Any) -> Question:
    """Return the question that a row holds.

    Raises:
        RecordError: If it holds none, naming the field.
    """
    if not isinstance(row, Mapping):
        raise RecordError(source, line, "must be a JSON object with prompt or messages")
    try:
        messages = _messages(row)
        return Question(
            question_id=_text("id", row.get("id")) or str(line),
            prompt=messages[-1][1],
            messages=messages,
            gold=_text("gold", row.get("gold")),
            task=_text("task", row.get("task")),
        )
    except ValueError as error:
        raise RecordError(source, line, str(error)) from error


def _messages(row: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    given = row.get("messages")
    if given in (None, ""):
        prompt = row.get("prompt")
        if not isinstance(prompt, str) or not prompt.strip():
            raise ValueError("prompt must be a text that is not empty, or give messages")
        return (("user", prompt),)
    if isinstance(given, str):  # a column of a CSV file
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            raise ValueError("messages must be JSON") from None
    if not isinstance(given, list) or not given:
        raise ValueError("messages must be a list of objects with role and content")
    messages = tuple(_message(place, message) for place, message in enumerate(given))
    if messages[-1][0] != "user" or not messages[-1][1].strip():
        raise ValueError("messages must end with what the user says")
    return messages


def _message(place: int, message: Any) -> tuple[str, str]:
    role = message.get("role") if isinstance(message, Mapping) else None
    if not isinstance(role, str) or role not in _ROLES:
        raise ValueError(f"messages[{place}].role must be system, user or assistant, got {role!r}")
    if not isinstance(message.get("content"), str):
        raise ValueError(f"messages[{place}].content must be a text")
    return _ROLES[role], message["content"]


def _text(name: str, value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    raise ValueError(f"{name} must be a text or a number, got {type(value).__name__}")


def _rows(path: Path) -> Iterator[tuple[int, Any]]:
    name = path.name.lower()
    read = _csv_rows if name.endswith(".csv") else _json_rows
    if not name.endswith((".csv", ".jsonl", ".jsonl.gz")):
        raise ConfigurationError("dataset", f"{path} must be a .jsonl, .jsonl.gz or .csv file")
    try:
        with gzip.open(path) if name.endswith(".gz") else path.open("rb") as file:
            yield from read(path, file)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(
            "dataset", f"{path} cannot be read ({reason}), give an existing file"
        ) from error


def _json_rows(path: Path, file: Any) -> Iterator[tuple[int, Any]]:
    for line, text in enumerate(file, 1):
        if not text.strip():
            continue
        try:
            yield line, json.loads(text)
        except (ValueError, RecursionError) as error:
            raise RecordError(str(path), line, f"is not JSON ({error})") from error


def _csv_rows(path: Path, file: Any) -> Iterator[tuple[int, Any]]:
    reader = csv.DictReader(io.TextIOWrapper(file, encoding="utf-8-sig", newline=""), strict=True)
    try:
        if not {"prompt", "messages"} & set(reader.fieldnames or ()):
            raise ConfigurationError("dataset", f"{path} has no column prompt or messages, name one so")
        for row in reader:
            if None in row:
                raise RecordError(str(path), reader.line_num, "has more fields than the header has columns")
            yield reader.line_num, row
    except csv.Error as error:
        # The inner reader's count: the outer one's still stands at the row before.
        raise RecordError(str(path), reader.reader.line_num, f"is not CSV ({error})") from error
    except UnicodeDecodeError as error:
        file.seek(0)
        line = _undecodable_line(file.read())
        raise RecordError(str(path), line, f"is not UTF-8 ({error.reason})") from error


def _undecodable_line(data: bytes) -> int:
    """Return the number of the first line that is not UTF-8; text is decoded in blocks that know no lines."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return len(data[: error.start + 1].splitlines())
    return 1
