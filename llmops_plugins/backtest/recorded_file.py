"""The file of records that a recording adds to: read with all its fields, written whole or not at all."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from llmops_plugins.backtest.dataset import Question, question_from_row
from llmops_plugins.backtest.journal import Answer
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.records.reading import read_records
from llmops_plugins.whole_file import write_whole

__all__ = ["RecordedRow", "check_out", "read_recorded", "record_row", "recorded_response", "write_recorded"]

RecordedRow = dict[str, Any]
"""One record as it is in the file: ``id``, ``prompt``, ``responses``, and what else it holds."""


def check_out(out: Path | str) -> Path:
    """Return the file that answers are written to, links followed.

    Raises:
        ConfigurationError: If it is no place for records.
    """
    path = Path(os.path.realpath(out))
    if not path.name.endswith((".jsonl", ".jsonl.gz")) or path.name.endswith(".partial.jsonl"):
        raise ConfigurationError("out", f"{out} must be a .jsonl or .jsonl.gz file")
    if not path.parent.is_dir() or path.is_dir():
        raise ConfigurationError("out", f"{out} cannot be written, name a file in a folder that exists")
    return path


def read_recorded(path: Path) -> list[tuple[Question, RecordedRow]]:
    """Return the records of a file, each with the question it answers; none where there is no file.

    Raises:
        ConfigurationError: If the file cannot be read.
        RecordError: If a row cannot be used.
    """
    if not path.exists():
        return []
    read_records(path, field="out")  # says what is wrong with it
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    rows = [(line, json.loads(text)) for line, text in enumerate(data.split(b"\n"), 1) if text.strip()]
    return [(question_from_row(str(path), line, row), row) for line, row in rows]


def recorded_response(answer: Answer) -> dict[str, Any]:
    """Return an answer as a record's response, which still lacks its score."""
    return {
        "text": answer.text,
        "input_tokens": answer.input_tokens,
        "output_tokens": answer.output_tokens,
        "cost_usd": answer.cost_usd,
        "latency_seconds": answer.latency_seconds,
    }


def record_row(question: Question, responses: Mapping[str, Mapping[str, Any]]) -> RecordedRow:
    """Return a question and its answers as a record."""
    conversation = [{"role": role, "content": text} for role, text in question.messages]
    optional = {"gold": question.gold, "task": question.task}
    return {
        "id": question.question_id,
        "prompt": question.prompt,
        **({"messages": conversation} if len(conversation) > 1 else {}),
        **{name: value for name, value in optional.items() if value is not None},
        "responses": dict(responses),
    }


def write_recorded(path: Path, rows: Iterable[RecordedRow]) -> None:
    """Put records in the place of a file: at every moment there is the old one or the new one, whole.

    Raises:
        ConfigurationError: If they cannot be written.
    """
    lines = [json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows]
    try:
        data = "".join(lines).encode("utf-8", "surrogatepass")
        write_whole(path, gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    except OSError as error:
        raise ConfigurationError(
            "out", f"{path} cannot be written ({error.strerror}); the answers are kept, run the command again"
        ) from error
