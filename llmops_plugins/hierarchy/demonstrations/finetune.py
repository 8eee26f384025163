"""What a hierarchy has learned as data to fine-tune a smaller model on: chats, a split, and a data card."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.hierarchy.demonstrations.demonstration import Demonstration
from llmops_plugins.hierarchy.demonstrations.scrubbing import is_code, scrubbed_question, scrubbed_solution
from llmops_plugins.redaction import redact
from llmops_plugins.whole_file import write_whole

__all__ = ["FinetuneExport", "FinetuneFormat", "export_finetune"]

FinetuneFormat: TypeAlias = Literal["openai", "hf"]
"""``openai`` for its fine-tuning files, ``hf`` for a folder that Hugging Face's ``load_dataset`` reads."""

_CARD = "README.md"
_MARK = "<!-- Written by `llmops export finetune`, which replaces it. -->"
_FILES = {"openai": ("train.jsonl", "validation.jsonl"), "hf": ("data/train.jsonl", "data/test.jsonl")}


@dataclass(frozen=True, kw_only=True)
class FinetuneExport:
    """What was written.

    Args:
        train: Chats to train on.
        held_out: Chats to validate or test on; no question is in both.
        duplicates: Demonstrations left out because their question is there already.
        private: Demonstrations left out because they are one user's own.
        expired: Demonstrations left out because their time is over.
        folder: Where the files are.
    """

    train: int
    held_out: int
    duplicates: int
    private: int
    expired: int
    folder: str


def export_finetune(
    demonstrations: Iterable[Demonstration],
    folder: Path | str,
    *,
    format: FinetuneFormat = "openai",
    held_out_share: float = 0.1,
    system: str | None = None,
    include_private: bool = False,
    tenant: str | None = None,
    now: float | None = None,
) -> FinetuneExport:
    """Write solved requests and what solved them as chats; personal data and secrets are replaced by their
    kind.

    Of several solutions of one question the one that has helped most is kept, and none whose time is over.
    Which side of the split a
    question is on follows from its hash, so it stays there whatever is added later.

    Args:
        demonstrations: Solved requests.
        folder: Where to write; files of an earlier export are replaced, others never.
        format: ``"openai"``: ``train.jsonl`` and ``validation.jsonl``, https://platform.openai.com/docs/guides/fine-tuning;
            ``"hf"``: ``data/train.jsonl`` and ``data/test.jsonl`` in the conversational format. Either has a
            data card, ``README.md``.
        held_out_share: Share of questions that are held out, from 0 to below 1.
        system: A system message to begin every chat with.
        include_private: Takes in what one user had solved and nobody confirmed. A model shows everybody what
            it was trained on, so by default that stays out.
        tenant: Only this tenant's; must be named where there are several.
        now: Unix time in seconds, by which some have expired; by default that of this machine.

    Raises:
        ConfigurationError: If an argument is wrong, there are several tenants and none is named, there is
            nothing to write, or the folder cannot be written or holds files of the same names that no export
            wrote.
    """
    _check(format, held_out_share)
    of_tenant = _of_tenant(demonstrations, tenant)
    fresh = [one for one in of_tenant if one.is_fresh(time.time() if now is None else now)]
    expired = len(of_tenant) - len(fresh)
    kept, duplicates, private = _selected(fresh, include_private)
    if not kept:
        raise ConfigurationError("demonstrations", _nothing(private, expired))
    sides: tuple[list[Demonstration], list[Demonstration]] = ([], [])
    for one in kept:
        sides[_is_held_out(one.question, held_out_share)].append(one)
    export = FinetuneExport(
        train=len(sides[0]),
        held_out=len(sides[1]),
        duplicates=duplicates,
        private=private,
        expired=expired,
        folder=str(folder),
    )
    files = {name: _chats(side, system) for name, side in zip(_FILES[format], sides, strict=True)}
    earlier = _earlier_files(Path(folder))
    _refuse_foreign(Path(folder), files, earlier)
    # The card first, so that what an interrupted export leaves is known as an export's.
    card = {_CARD: _card(format, export, kept, held_out_share)}
    _replace(Path(folder), {**card, **files}, earlier)
    return export


def _check(format: str, held_out_share: float) -> None:
    if format not in get_args(FinetuneFormat):
        raise ConfigurationError(
            "format", f"must be one of {', '.join(get_args(FinetuneFormat))}, got {format!r}"
        )
    if not 0 <= held_out_share < 1:
        raise ConfigurationError("held_out_share", f"must be from 0 to below 1, got {held_out_share!r}")


def _of_tenant(demonstrations: Iterable[Demonstration], tenant: str | None) -> list[Demonstration]:
    """Return one tenant's: what a model learns from one's it would show the others."""
    given = list(demonstrations)
    tenants = {one.tenant for one in given}
    if tenant is None and len(tenants) > 1:
        problem = f"is missing: they are of {len(tenants)} tenants, name one of them (--tenant)"
        raise ConfigurationError("tenant", problem)
    return [one for one in given if tenant in (None, one.tenant)]


def _nothing(private: int, expired: int) -> str:
    """Say that there is nothing to export, and why."""
    found = [f"{private} are private to one user (include_private)"] if private else []
    found += [f"{expired} have expired"] if expired else []
    return f"hold nothing to export{''.join(f', {why}' for why in found)}: let some be confirmed first"


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
            {"role": "user", "content": scrubbed_question(one.question)},
            {"role": "assistant", "content": _answer(one.solution)},
        ]
        lines.append(json.dumps({"messages": messages}, ensure_ascii=False))
    return "".join(f"{line}\n" for line in lines)


def _answer(solution: str) -> str:
    """Return a solution as an assistant gives it: code in the fenced block that a hierarchy runs."""
    scrubbed = scrubbed_solution(solution)
    return f"```python\n{scrubbed}\n```" if is_code(solution) else scrubbed


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
            _MARK,
            "",
            "Requests that an assistant hierarchy solved, each with what solved it, as chats.",
            "",
            f"- `{train}`: {export.train} chats; `{held_out}`: {export.held_out} chats.",
            f"- Split by the question's SHA-256, {held_out_share:.0%} held out; none is on both sides.",
            f"- One solution a question, the most helpful one; {export.duplicates} others were left out.",
            f"- {export.private} requests of single users, confirmed by nobody else, were left out, and"
            f" {export.expired} that have expired.",
            "- Replaced by their kind, where they have their usual form: keys and e-mail addresses"
            " everywhere; phone, card and account numbers and IP addresses in prose, and of code in its texts"
            " and comments. Other numbers of code, and names, are not: look before you publish.",
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


def _earlier_files(folder: Path) -> set[str]:
    """Return the files that an earlier export wrote there: its card names them."""
    card = folder / _CARD
    try:
        text = card.read_text("utf-8", "replace") if card.is_file() else ""
    except OSError as error:
        problem = f"{folder} cannot be read ({error.strerror}), name a folder that can"
        raise ConfigurationError("folder", problem) from error
    if _MARK not in text:
        return set()
    return {_CARD, *(name for names in _FILES.values() for name in names if f"`{name}`" in text)}


def _refuse_foreign(folder: Path, files: Iterable[str], earlier: Set[str]) -> None:
    """Refuse to replace what no export wrote."""
    foreign = [name for name in (_CARD, *files) if name not in earlier and (folder / name).exists()]
    if foreign:
        problem = f"{folder} holds {', '.join(foreign)} that no export wrote, name another folder"
        raise ConfigurationError("folder", problem)


def _replace(folder: Path, files: Mapping[str, str], earlier: Set[str]) -> None:
    """Write files in place of an earlier export's: what that one held may have been revoked since."""
    try:
        for name in earlier - files.keys():
            (folder / name).unlink(missing_ok=True)
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, text.encode("utf-8", "surrogatepass"))
    except OSError as error:
        problem = f"{folder} cannot be written ({error.strerror}), name a folder that can"
        raise ConfigurationError("folder", problem) from error
