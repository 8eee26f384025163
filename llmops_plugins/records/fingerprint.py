"""Which records something was fitted on, in one line that can be compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from llmops_plugins.records.reading import Record

__all__ = ["fingerprint"]


def fingerprint(rows: Sequence[Record]) -> str:
    """Return a SHA-256 of the rows' prompts, answers and scores, in hexadecimal."""
    digest = hashlib.sha256()
    for row in rows:
        answers: dict[str, Any] = {
            model: [answer.text, answer.score, answer.cost_usd, answer.input_tokens, answer.output_tokens]
            for model, answer in row.responses.items()
        }
        digest.update(json.dumps([row.prompt, answers], sort_keys=True).encode())
    return digest.hexdigest()
