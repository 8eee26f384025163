"""What a hierarchy has learned as data to fine-tune a smaller model on: chats, a split, and a data card."""

from __future__ import annotations

import ast
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.hierarchy.demonstration import Demonstration
from llmops_plugins.hierarchy.scrubbing import scrubbed_solution
from llmops_plugins.redaction import redact
from llmops_plugins.whole_file import write_whole

__all__ = ["FinetuneExport", "FinetuneFormat", "export_finetune"]

FinetuneFormat: TypeAlias = Literal["openai", "hf"]
"""``openai`` for its fine-tuning files, ``hf`` for a folder that Hugging Face's ``load_dataset`` reads."""

_FILES = {"openai": ("train.jsonl", "validation.jsonl"), "hf": ("data/train.jsonl", "data/test.jsonl")}


@dataclass(frozen=True, kw_only=True)
class FinetuneExport:
    """What was written.

    Args:
        train: Chats to train on.
        held_out: Chats to validate or test on; no question is in both.
        duplicates: Demonstrations left out because their question is there already.
        private: Demonstrations left out because they are one user's own.
        folder: Where the files are.
    """

    train: int
    held_out: int
    duplicates: int
    private: int
    folder: str


def export_finetune(
    demonstrations: Iterable[Demonstration],
    folder: Path | str,
    *,
    format: FinetuneFormat = "openai",
    held_out_share: float = 0.1,
    system: str | None = None,
    include_private: bool = False,
) -> FinetuneExport:
    """Write solved requests and what solved them as chats; personal data and secrets are replaced by their
    kind.

    Of several solutions of one question the one that has helped most is kept. Which side of the split a
    question is on follows from its hash, so it stays there whatever is added later.

    Args:
        demonstrations: Solved requests.
        folder: Where to write; files of an earlier export are replaced.
        format: ``"openai"``: ``train.jsonl`` and ``validation.jsonl``, https://platform.openai.com/docs/guides/fine-tuning;
            ``"hf"``: ``data/train.jsonl`` and ``data/test.jsonl`` in the conversational format. Either has a
            data card, ``README.md``.
        held_out_share: Share of questions that are held out, from 0 to below 1.
        system: A system message to begin every chat with.
        include_private: Takes in what one user had solved and nobody confirmed. A model shows everybody what
            it was trained on, so by default that stays out.

    Raises:
        ConfigurationError: If an argument is wrong, there is nothing to write, or the folder cannot be
            written.
    """
    _check(format, held_out_share)
    kept, duplicates, private = _selected(demonstrations, include_private)
    if not kept:
        why = f", {private} are private to one user (include_private)" if private else ""
        raise ConfigurationError(
            "demonstrations", f"hold nothing to export{why}: let some be confirmed first"
        )
    sides: tuple[list[Demonstration], list[Demonstration]] = ([], [])
    for one in kept:
        sides[_is_held_out(one.question, held_out_share)].append(one)
    export = FinetuneExport(
        train=len(sides[0]),
        held_out=len(sides[1]),
        duplicates=duplicates,
        private=private,
        folder=str(folder),
    )
    files = {name: _chats(side, system) for name, side in zip(_FILES[format], sides, strict=True)}
    _write(Path(folder), {**files, "README.md": _card(format, export, kept, held_out_share)})
    return export


def _check(format: str, held_out_share: float) -> None:
    if format not in get_args(FinetuneFormat):
        raise ConfigurationError(
            "format", f"must be one of {', '.join(get_args(FinetuneFormat))}, got {format!r}"
        )
    if not 0 <= held_out_share < 1:
        raise ConfigurationError("held_out_share", f"must be from 0 to below 1, got {held_out_share!r}")


def _selected(
    demonstrations: Iterable[Demonstration], include_private: bool
) -> tuple[list[Demonstration], int, int]:
    best: dict[str, Demonstration] = {}
    duplicates = private = 0
    for one in demonstrations:
        if not one.shared and not include_private:
            private += 1
            continue
        question = _normalized(one.question)
        duplicates += question in best
        best[question] = max(best.get(question, one), one, key=_worth)
    return [best[question] for question in sorted(best)], duplicates, private


def _worth(one: Demonstration) -> tuple[float, int, str]:
    return (one.helped / one.tried if one.tried else 0.5), one.helped, one.demonstration_id


def _normalized(question: str) -> str:
    return " ".join(redact(question).casefold().split())


def _is_held_out(question: str, share: float) -> bool:
    digest = hashlib.sha256(_normalized(question).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def _chats(side: Sequence[Demonstration], system: str | None) -> str:
    lines = []
    for one in side:
        messages = [{"role": "system", "content": system}] if system else []
        messages += [
            {"role": "user", "content": redact(one.question)},
            {"role": "assistant", "content": _scrubbed(one.solution)},
        ]
        lines.append(json.dumps({"messages": messages}, ensure_ascii=False))
    return "".join(f"{line}\n" for line in lines)


def _scrubbed(solution: str) -> str:
    """Take personal data and secrets out of a solution; numbers of code are not taken for telephones."""
    try:
        ast.parse(solution)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return redact(solution)
    return scrubbed_solution(solution)


def _card(
    format: FinetuneFormat, export: FinetuneExport, kept: Sequence[Demonstration], held_out_share: float
) -> str:
    train, held_out = _FILES[format]
    header = (
        "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: data/train.jsonl\n"
        "  - split: test\n    path: data/test.jsonl\n---\n\n"
    )
    return (header if format == "hf" else "") + "\n".join(
        [
            "# Solved requests",
            "",
            "Requests that an assistant hierarchy solved, each with what solved it, as chats.",
            "",
            f"- `{train}`: {export.train} chats; `{held_out}`: {export.held_out} chats.",
            f"- Split by the question's SHA-256, {held_out_share:.0%} held out; none is on both sides.",
            f"- One solution a question, the most helpful one; {export.duplicates} others were left out.",
            f"- {export.private} requests of single users, confirmed by nobody else, were left out.",
            "- E-mail addresses, phone, card and account numbers, IP addresses and keys are replaced by their"
            " kind where they have their usual form. Names are not: look before you publish.",
            f"- Solved between {min(one.provenance.solved_at for one in kept):%Y-%m-%d} and "
            f"{max(one.provenance.solved_at for one in kept):%Y-%m-%d}.",
            "",
            *_table("assistant", (one.provenance.assistant for one in kept)),
            *_table("model", (one.provenance.model for one in kept)),
            *_table("evidence that it was solved", (one.provenance.evidence.kind for one in kept)),
        ]
    )


def _table(name: str, values: Iterable[str]) -> list[str]:
    rows = [
        f"| {value or 'unknown'} | {count} |".replace("\n", " ")
        for value, count in Counter(values).most_common()
    ]
    return [f"| {name} | requests |", "|---|---|", *rows, ""]


def _write(folder: Path, files: dict[str, str]) -> None:
    try:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, text.encode("utf-8", "surrogatepass"))
    except OSError as error:
        problem = f"{folder} cannot be written ({error.strerror}), name a folder that can"
        raise ConfigurationError("folder", problem) from error
