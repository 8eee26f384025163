"""Reads a file of JSON lines row by row, compressed or not, and refuses it in one sentence."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llmops_plugins.errors import ConfigurationError, RecordError

__all__ = ["json_rows"]


def json_rows(path: Path, field: str) -> Iterator[tuple[int, Any]]:
    """Yield the rows of a file with their line numbers, from 1; empty lines are passed over.

    Args:
        path: The file, .jsonl or .jsonl.gz.
        field: The setting that names it, for the error.

    Raises:
        ConfigurationError: If the file cannot be read.
        RecordError: If a line is not JSON.
    """
    opened: Any = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as file:
            for line, text in enumerate(file, 1):
                if text.strip():
                    yield line, _parsed(text, str(path), line)
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(
            field, f"{path} cannot be read ({reason}), give a .jsonl or .jsonl.gz file"
        ) from error


def _parsed(text: str, source: str, line: int) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RecordError(source, line, f"is not JSON ({error})") from error
