"""Answers as they come, on disk before they count, so that no crash makes anyone pay for one twice.

One JSON object a line. A process killed while it wrote leaves a last line without an end: that line never
counted, and is cut off before the next is written.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from llmops_plugins.backtest.file_lock import lock_file
from llmops_plugins.errors import ConfigurationError, RecordError

__all__ = ["Answer", "Journal", "read_journal"]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one model answered to one prompt.

    Args:
        fingerprint: Of the messages it was sent.
        model: Its name, as the user gave it.
        kind: Whether it answered a question of the dataset, or judged such an answer.
        text: What it said; None for a call that failed but may be billed.
        input_tokens: Tokens it was sent, where it reported them.
        output_tokens: Tokens it wrote, where it reported them.
        cost_usd: What it cost; None where there is no price or no usage.
        charged_usd: What counts against the cost cap: the cost, or else what was reserved for it.
        latency_seconds: How long it took.
    """

    fingerprint: str
    model: str
    kind: Literal["answer", "judge"] = "answer"
    text: str | None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    charged_usd: float = 0.0
    latency_seconds: float | None = None


class Journal:
    """The file that answers are appended to; one process at a time.

    Args:
        path: The file; made when missing.

    Raises:
        ConfigurationError: If another process writes it, or it cannot be written.
        RecordError: If a line of it, other than a torn last one, is no answer.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.answers: dict[tuple[str, str], Answer] = {}
        self.charged_usd = 0.0
        self._file = _open_locked(path)
        try:
            whole = self._file.read()
            answers, length = read_journal(str(path), whole)
            self._file.truncate(length)
            self._file.seek(length)
        except BaseException:
            self._file.close()
            raise
        for answer in answers:
            self._count(answer)

    def append(self, answer: Answer) -> None:
        """Write an answer; once this returns, it outlives the process.

        Raises:
            ConfigurationError: If the disk does not take it.
        """
        line = json.dumps(asdict(answer), ensure_ascii=False, allow_nan=False) + "\n"
        rest = memoryview(line.encode("utf-8", "surrogatepass"))
        end = self._file.tell()
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            # A torn line may only be the last: whatever comes yet must not be written behind it.
            self._file.truncate(end)
            self._file.seek(end)
            raise _unwritable(self.path, error) from error
        self._count(answer)

    def close(self, *, finished: bool) -> None:
        """Let go of the file, and remove it when it is not needed any more or never was.

        Args:
            finished: Whether everything in it stands elsewhere.
        """
        if finished or (not self.answers and not self.charged_usd):
            self.path.unlink(missing_ok=True)
        self._file.close()

    def _count(self, answer: Answer) -> None:
        self.charged_usd += answer.charged_usd
        if answer.text is not None:
            self.answers[answer.fingerprint, answer.model] = answer


def read_journal(source: str, whole: bytes) -> tuple[list[Answer], int]:
    """Return the answers in a journal's bytes, and the length of what they fill.

    Args:
        source: The file, for errors.
        whole: Its bytes; a last line without an end is ignored.

    Raises:
        RecordError: If another line is no answer.
    """
    length = whole.rfind(b"\n") + 1
    lines = whole[:length].split(b"\n")[:-1]
    return [_answer(source, number, line) for number, line in enumerate(lines, 1)], length


def _answer(source: str, number: int, line: bytes) -> Answer:
    try:
        raw: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RecordError(source, number, f"is not JSON ({error}), remove the line") from error
    known = {field.name for field in fields(Answer)}
    is_answer = isinstance(raw, Mapping) and {"fingerprint", "model", "text"} <= raw.keys() <= known
    if not is_answer or not isinstance(raw["text"], str | None):
        raise RecordError(source, number, "is no answer of a recording, remove the line")
    return Answer(**raw)


def _open_locked(path: Path) -> io.FileIO:
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        except OSError as error:
            raise _unwritable(path, error) from error
        file = io.FileIO(descriptor, "r+b")  # unbuffered: what is written is the system's, not this process's
        if not lock_file(file):
            file.close()
            raise ConfigurationError(
                "out", f"another process is recording to it ({path} is locked), wait for it or name another"
            )
        if _is_still_there(path, descriptor):
            return file
        file.close()  # whoever held it was done with it in between, and removed it


def _is_still_there(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _unwritable(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        "out",
        f"{path} cannot be written ({error.strerror}), give a place that can be; its answers are kept",
    )
