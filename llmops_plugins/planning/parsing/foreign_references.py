"""References as other systems' prompts have models write them, turned into this package's own.

HuggingGPT's ``<GENERATED>-0`` and ``<resource>-0`` (https://arxiv.org/abs/2303.17580, table 1), TaskBench's
``<node-0>`` (https://arxiv.org/abs/2311.18760) and what models make of it (``<output of node-0>``,
``task_nodes[0].output``), and LLMCompiler's ``$1`` and ``${1}`` (https://arxiv.org/abs/2312.04511).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from llmops_plugins.planning.plan.references import is_literal

__all__ = ["TaskNames", "bare_id", "compact", "own_references", "whole_foreign_id"]

_TAIL = r"(?P<tail>(?:\[[^\[\]\n]{1,200}\]|\.[A-Za-z_][\w-]{0,63}|:[a-z_]\w{0,63})*)"
_MARKED = re.compile(
    r"<\s*(?:generated|resource)\s*>\s*[-_]\s*(?P<generated>[\w-]{1,64})"
    r"|<?\btask_nodes>?\[(?P<position>\d{1,4})\](?:</task_nodes>)?"
    r"|<\s*(?:node|task)\s*[-_ ]\s*(?P<node>[\w-]{1,64})>"
    r"|<\s*(?:output|result)s?[ _-](?:of|from)[ _-](?P<output>[^<>\n]{1,100})>"
    r"|(?<!\$)\$\{task_?nodes\[(?P<indexed>\d{1,4})\](?P<indexed_tail>[^{}\n]{0,200})\}"
    r"|(?<!\$)\$\{(?P<braced>[\w-][\w -]{0,63})(?P<braced_tail>[^{}\n]{0,200})\}"
    r"|\$(?P<dollar>[A-Za-z0-9_]{1,64})",
    re.IGNORECASE,
)
_TAIL_AFTER = re.compile(_TAIL)
_PART = re.compile(r"\[\s*[\"']?([^\[\]\"'\n]+)[\"']?\s*\]|[.:]([^.:\[\]\n]+)")
_STEP = re.compile(r"(?:(?P<word>node|task|step)[ _-]?)?(?P<number>\d{1,4})\Z", re.IGNORECASE)
_KIND = re.compile(r"[\W_]+")
_WHOLE_RESULT = frozenset({"output", "outputs", "result", "results"})
_FILE_ENDINGS = frozenset({"jpg", "jpeg", "png", "wav", "mp3", "mp4", "txt", "pdf", "csv", "json"})
_CENTS = re.compile(r"\.\d")


@dataclass(frozen=True)
class TaskNames:
    """What the tasks of a plan are called in it.

    Args:
        ids: Ids of the tasks, as they are and as they were written.
        kinds: Ids by kind, in letters and digits alone, of tasks that are the only one of their kind.
        nodes: Ids in order, where tasks are called by their position from 0, and steps from 1.
        numbered_from: Number by which the first task is called where it is called by a number alone.
        numbered: Whether the plan is of numbered calls, in which ``$2`` is a reference inside of a text, too.
    """

    ids: Mapping[str, str]
    kinds: Mapping[str, str]
    nodes: Sequence[str] = ()
    numbered_from: int = 0
    numbered: bool = False

    @cached_property
    def renamed(self) -> dict[str, str]:
        """Ids of the tasks that were written otherwise, by how they were written."""
        return {written: task_id for written, task_id in self.ids.items() if written != task_id}

    def known(self, name: str) -> str | None:
        """Return the id of the task of that name, if there is one."""
        if name in self.ids:
            return self.ids[name]
        return self.nodes[int(name)] if name.isdecimal() and int(name) < len(self.nodes) else None

    def marked(self, name: str) -> str:
        """Return the id of the task of that name; else the name, which is a mistake."""
        if name.isdecimal() and self.numbered_from:
            name = str(int(name) - self.numbered_from)
        return self.known(name) or name

    def described(self, words: str) -> str | None:
        """Return the id of the task meant by ``step_2`` or ``Object_Detection task``."""
        step = _STEP.match(words.strip())
        if step is not None:
            number = int(step["number"])
            if self.nodes and (step["word"] or "").lower() == "step":
                return self.nodes[number - 1] if 0 < number <= len(self.nodes) else None
            return self.known(str(number))
        name = compact(words)
        return next((self.kinds[end] for end in _without_noun(name) if end in self.kinds), None)


def compact(words: str) -> str:
    """Return letters and digits alone, in lower case."""
    return _KIND.sub("", words).lower()


def bare_id(written: Any) -> str | None:
    """Return an id without what may be around it: ``3``, ``"$3"``, ``"<GENERATED>-3"``; None if it is none.

    Args:
        written: What stands where an id should.
    """
    if isinstance(written, int) and not isinstance(written, bool):
        return str(written)
    if not isinstance(written, str):
        return None
    match = _MARKED.fullmatch(written.strip())
    found = _id_in(match) if match is not None else None
    return found or written.strip() or None


def whole_foreign_id(text: str) -> str | None:
    """Return the id in a string that is nothing but a foreign reference, and None for any other.

    Args:
        text: A string among a task's arguments.
    """
    match = _MARKED.fullmatch(text) if len(text) < 200 else None
    return _id_in(match) if match is not None and match["braced"] is None else None


def own_references(value: Any, names: TaskNames) -> Any:
    """Return plain data with foreign references in the package's own spelling.

    One in angle brackets or braces is always a reference, so that one to no task is found out; ``$${`` is
    not, it stands for ``${``. ``$5`` is one only where there is such a task, and inside of a longer text only
    in a plan of numbered calls: it may be a price.

    Args:
        value: Arguments, or part of them.
        names: What the tasks are called.
    """
    if isinstance(value, str):
        return _in_text(value, names)
    if isinstance(value, dict) and not is_literal(value):
        return {key: own_references(member, names) for key, member in value.items()}
    return [own_references(member, names) for member in value] if isinstance(value, list) else value


def _in_text(text: str, names: TaskNames) -> Any:
    parts: list[str] = []
    at, whole = 0, None
    for match in _MARKED.finditer(text):
        target, end = _target(match, text, names)
        if _is_price(match, text, end, names):
            continue
        if target is None or match.start() < at:
            continue
        before = text[at : match.start()]
        whole = target if not before.strip(" '\"") and not text[end:].strip(" '\"") and not parts else None
        parts += [before, "${", target, "}"]
        at = end
    return {"ref": whole} if whole is not None else "".join([*parts, text[at:]])


def _is_price(match: re.Match[str], text: str, end: int, names: TaskNames) -> bool:
    """Tell whether ``$2`` stands in a longer text of a plan that has another way to refer to tasks."""
    if names.numbered or not (match["dollar"] or "").isdecimal():
        return False
    return bool((text[: match.start()] + text[end:]).strip(" '\""))


def _target(match: re.Match[str], text: str, names: TaskNames) -> tuple[str | None, int]:
    """Return what a match refers to, as this package writes it, and where it ends."""
    tail = _TAIL_AFTER.match(text, match.end())
    end = tail.end() if tail is not None else match.end()
    written = text[match.end() : end]
    if match["braced"] or match["indexed"]:
        written, end = match["braced_tail"] or match["indexed_tail"] or "", match.end()
    task_id = _named(match, text, names)
    return (".".join([task_id, *_path(written)]) if task_id is not None else None), end


def _named(match: re.Match[str], text: str, names: TaskNames) -> str | None:
    if match["dollar"]:
        amount = match["dollar"].isdecimal() and _CENTS.match(text, match.end())
        return None if amount else names.known(match["dollar"])
    if match["braced"]:
        return _braced(match["braced"].strip(), names)
    if match["output"]:
        return names.described(match["output"])
    if match["node"] and not match["node"].isdecimal():
        return names.known(match["node"])
    return names.marked(match["generated"] or match["node"] or match["position"] or match["indexed"])


def _braced(name: str, names: TaskNames) -> str:
    if name.isdecimal():
        return names.marked(name)
    return names.known(name) or names.described(name) or name.replace(" ", "_")


def _path(written: str) -> list[str]:
    parts = [first or second for first, second in _PART.findall(written)]
    while parts and parts[0].lower() in _WHOLE_RESULT | _FILE_ENDINGS:
        parts = parts[1:]
    return parts


def _id_in(match: re.Match[str]) -> str | None:
    groups = ("generated", "node", "position", "indexed", "braced", "dollar")
    return next((match[group] for group in groups if match[group]), None)


def _without_noun(name: str) -> list[str]:
    return [name, *(name.removesuffix(noun) for noun in ("task", "node", "step") if name.endswith(noun))]
