"""What one chat model call's billed input tokens were made of, and how many of them had been sent before.

Providers bill one number for a prompt. Here it is split in proportion to one estimate of every part, so that
the parts add up to the bill exactly. Mixing estimators (a tokenizer for some parts, a guess for others) would
shift tokens between parts, so there is only :func:`estimate_tokens`.

What cannot be estimated from here (images, audio, files, encrypted reasoning) is never spread over the text:
the text keeps its own estimate and the rest of the bill is ``unknown``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from langchain_core.messages import BaseMessage

from llmops_plugins.accounting.prompt_parts import (
    PART_KEY,
    MessagePart,
    ToolPart,
    read_message,
    read_tool,
    text_bytes,
)
from llmops_plugins.errors import ConfigurationError

__all__ = ["BYTES_PER_TOKEN", "PART_KEY", "InputBreakdown", "SentBefore", "break_down", "estimate_tokens"]

BYTES_PER_TOKEN = 4
# Chat templates wrap a message in about four tokens and a tool in about eight; few providers publish theirs.
_MESSAGE_SCAFFOLDING = 4 * BYTES_PER_TOKEN
_TOOL_SCAFFOLDING = 8 * BYTES_PER_TOKEN

_MESSAGE_PARTS = ("system", "demonstrations", "memory", "history", "tool_results", "user", "scaffolding")
_PART_OF_ROLE = {"system": "system", "tool": "tool_results"}


@dataclass(frozen=True, kw_only=True)
class InputBreakdown:
    """The input tokens of one chat model call, by what they were spent on.

    Args:
        system: Tokens of system and developer messages.
        tools: Tokens of each tool's schema, by tool name; structured-output schemas stand here too.
        demonstrations: Tokens of few-shot examples.
        memory: Tokens of recalled memory and of summaries of the conversation.
        history: Tokens of earlier human and AI messages, the AI's tool calls included.
        tool_results: Tokens of what tools returned.
        user: Tokens of the last human turn.
        scaffolding: Tokens of the chat template around messages and tools.
        unknown: Billed tokens of content that cannot be estimated; 0 without such content.
        billed: ``True`` when the parts add up exactly to the provider's billed input tokens; ``False`` when
            no usage came, so the parts are estimates of the text alone.
        resent: Tokens that an earlier call of the same thread had already sent, out of all but ``unknown``
            (of which that cannot be said); ``None`` where what was sent before is not known.
    """

    system: int = 0
    tools: Mapping[str, int] = field(default_factory=dict)
    demonstrations: int = 0
    memory: int = 0
    history: int = 0
    tool_results: int = 0
    user: int = 0
    scaffolding: int = 0
    unknown: int = 0
    billed: bool
    resent: int | None = None

    @property
    def total(self) -> int:
        """The sum of all parts, in tokens."""
        message_tokens: int = sum(getattr(self, part) for part in _MESSAGE_PARTS)
        return message_tokens + sum(self.tools.values()) + self.unknown

    def to_dict(self) -> dict[str, Any]:
        """Return the breakdown as plain JSON-compatible data."""
        return {**asdict(self), "tools": dict(self.tools)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> InputBreakdown:
        """Read back what :meth:`to_dict` wrote."""
        return cls(**data)


class SentBefore:
    """Remembers, as hashes only, which parts each thread has sent; for use by one OS thread at a time.

    A part counts as often as one call holds it: the second "yes" in a conversation is new when first sent.

    Args:
        max_threads: Conversation threads remembered; the least recently used is forgotten first.
        max_parts_per_thread: Messages and tool schemas remembered for each, likewise.

    Raises:
        ConfigurationError: A limit is below 1.
    """

    def __init__(self, max_threads: int = 512, max_parts_per_thread: int = 2048) -> None:
        for name, value in (("max_threads", max_threads), ("max_parts_per_thread", max_parts_per_thread)):
            if value < 1:
                raise ConfigurationError(name, f"{value} remembers nothing; give at least 1")
        self._max_threads = max_threads
        self._max_parts_per_thread = max_parts_per_thread
        self._threads: OrderedDict[str, OrderedDict[int, int]] = OrderedDict()

    def record(self, thread: str, signatures: Sequence[int]) -> list[bool]:
        """Record one call's parts and tell which of them an earlier call of the thread had sent.

        Args:
            thread: The conversation's id.
            signatures: A hash of each part, in the order of the input.

        Returns:
            For each part, whether it had been sent before.
        """
        most_seen = self._threads.setdefault(thread, OrderedDict())
        self._threads.move_to_end(thread)
        occurrences: dict[int, int] = {}
        sent = []
        for signature in signatures:
            occurrences[signature] = occurrences.get(signature, 0) + 1
            sent.append(occurrences[signature] <= most_seen.get(signature, 0))
        for signature, count in occurrences.items():
            most_seen[signature] = max(count, most_seen.get(signature, 0))
            most_seen.move_to_end(signature)
        while len(most_seen) > self._max_parts_per_thread:
            most_seen.popitem(last=False)
        while len(self._threads) > self._max_threads:
            self._threads.popitem(last=False)
        return sent


def estimate_tokens(text: str) -> float:
    """Estimate the tokens of a text as its UTF-8 bytes over four, without any download.

    Current models use byte-level BPE, whose tokens grow with bytes, so one rule serves every language and
    code. It need not be right about the total: where a bill exists, only the proportions of parts matter.

    Args:
        text: Any text, lone surrogates included.

    Returns:
        Tokens, not rounded, so that estimates of pieces add up.
    """
    return text_bytes(text) / BYTES_PER_TOKEN


def break_down(
    messages: Sequence[BaseMessage],
    tools: Sequence[Mapping[str, Any]],
    billed_input_tokens: int | None,
    sent_before: SentBefore | None = None,
    thread: str | None = None,
) -> InputBreakdown:
    """Split one call's input tokens into what they were spent on; content of any shape is accepted.

    Args:
        messages: The messages as the model was sent them.
        tools: Tool and structured-output schemas in the provider's format, as bound to the model.
        billed_input_tokens: The provider's count of all input tokens, cached ones included; ``None`` where
            no usage came.
        sent_before: What threads have sent so far; this call is recorded in it.
        thread: The conversation's id.

    Returns:
        The breakdown; its parts add up to ``billed_input_tokens`` where that is given.
    """
    parts = [read_message(message) for message in messages]
    schemas = [read_tool(tool, position) for position, tool in enumerate(tools)]
    part_sizes = _part_sizes(parts, len(schemas))
    tool_sizes: dict[str, int] = {}
    for schema in schemas:
        tool_sizes[schema.name] = tool_sizes.get(schema.name, 0) + schema.size
    sizes = [*part_sizes.values(), *tool_sizes.values()]
    size = sum(sizes)

    estimable, unknown, billed = _split_bill(size, billed_input_tokens, any(part.opaque for part in parts))
    shares = iter(_apportion(sizes, estimable))
    resent = None
    if sent_before is not None and thread is not None:
        resent_size = _resent_size(parts, schemas, sent_before, thread)
        resent = None if resent_size is None else _apportion([resent_size, size - resent_size], estimable)[0]
    return InputBreakdown(
        **{part: next(shares) for part in part_sizes},
        tools={name: next(shares) for name in tool_sizes},
        unknown=unknown,
        billed=billed,
        resent=resent,
    )


def _part_sizes(parts: Sequence[MessagePart], tool_count: int) -> dict[str, int]:
    """Return the bytes of each field of the breakdown that messages fill, the template's included."""
    sizes = dict.fromkeys(_MESSAGE_PARTS, 0)
    sizes["scaffolding"] = _MESSAGE_SCAFFOLDING * len(parts) + _TOOL_SCAFFOLDING * tool_count
    user_turn = _user_turn(parts)
    for index, part in enumerate(parts):
        by_role = "user" if index in user_turn else _PART_OF_ROLE.get(part.role, "history")
        for claimed, size in part.sizes:
            sizes[claimed or part.marked or by_role] += size
    return sizes


def _user_turn(parts: Sequence[MessagePart]) -> set[int]:
    """Return the indexes of the last run of human messages; system and marked messages do not end a run."""
    turn: set[int] = set()
    for index in reversed(range(len(parts))):
        if parts[index].marked or parts[index].role == "system":
            continue
        if parts[index].role == "human":
            turn.add(index)
        elif turn:
            break
    return turn


def _split_bill(size: int, billed: int | None, opaque: bool) -> tuple[int, int, bool]:
    """Return the tokens to share among the texts, those left unknown, and whether a bill was given."""
    estimate = (size + BYTES_PER_TOKEN // 2) // BYTES_PER_TOKEN
    if billed is None or billed < 0:
        return estimate, 0, False
    estimable = min(estimate, billed) if opaque or size == 0 else billed
    return estimable, billed - estimable, True


def _apportion(sizes: Sequence[int], tokens: int) -> list[int]:
    """Share tokens in proportion to sizes by largest remainder, in integers so that the sum is exact."""
    total = sum(sizes)
    if total == 0:
        return [0] * len(sizes)
    shares = [tokens * size // total for size in sizes]
    by_remainder = sorted(range(len(sizes)), key=lambda index: -(tokens * sizes[index] % total))
    for index in by_remainder[: tokens - sum(shares)]:
        shares[index] += 1
    return shares


def _resent_size(
    parts: Sequence[MessagePart], schemas: Sequence[ToolPart], sent_before: SentBefore, thread: str
) -> int | None:
    """Record the call and return the bytes of it sent before, or ``None`` where that is not known."""
    signatures = [part.signature for part in parts] + [schema.signature for schema in schemas]
    sent = sent_before.record(thread, signatures)
    if _begun_elsewhere(parts, sent):
        return None
    sizes = [_MESSAGE_SCAFFOLDING + part.size for part in parts]
    sizes += [_TOOL_SCAFFOLDING + schema.size for schema in schemas]
    return sum(size for size, was_sent in zip(sizes, sent, strict=True) if was_sent)


def _begun_elsewhere(parts: Sequence[MessagePart], sent: Sequence[bool]) -> bool:
    """Say whether the conversation holds a reply to a call that this memory has not seen.

    An AI message is new in an input only as the reply to an earlier call, and that call sent what the message
    answers. Where neither is remembered, the call was made elsewhere: before a restart, or before eviction.
    """
    answered = False
    for part, was_sent in zip(parts, sent, strict=False):  # `sent` goes on with the tool schemas
        if part.marked or part.role == "system":
            continue
        if part.role == "ai":
            return not (was_sent or answered)
        answered = answered or was_sent
    return False
