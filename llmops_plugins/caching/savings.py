"""What a hit spared: the recorded usage of the calls behind the answer, less what was cheap anyway."""

from __future__ import annotations

import threading
from collections import OrderedDict

from llmops_plugins.caching.entry import RecordedUsage
from llmops_plugins.events import AvoidedCall

__all__ = ["PromptCaching"]

_REMEMBERED = 10_000


class PromptCaching:
    """Estimates what a provider's own prompt cache would have served of a call that was not made.

    Those that cache prompts unasked do so from 1,024 tokens on, in steps of 128, and forget after five to
    ten minutes without use (https://platform.openai.com/docs/guides/prompt-caching). So had the partition's
    requests all been sent, whoever followed another within five minutes would have had it from there.

    Args:
        seconds: How long the provider remembers.
        at_least_tokens: Shortest prompt it caches.
        step_tokens: Of which it serves multiples.
    """

    providers = frozenset({"openai", "azure", "deepseek", "google_genai", "google_vertexai", "xai", "groq"})

    def __init__(
        self, *, seconds: float = 300.0, at_least_tokens: int = 1024, step_tokens: int = 128
    ) -> None:
        self._seconds, self._at_least, self._step = seconds, at_least_tokens, step_tokens
        self._lock = threading.Lock()
        self._asked: OrderedDict[str, float] = OrderedDict()

    def note_request(self, partition: str, now: float) -> bool:
        """Note that a partition was asked something; returns whether it had been shortly before."""
        with self._lock:
            before = self._asked.pop(partition, None)
            self._asked[partition] = now
            if len(self._asked) > _REMEMBERED:
                self._asked.popitem(last=False)
        return before is not None and now - before < self._seconds

    def avoided(self, usage: RecordedUsage | None, *, exact: bool, warm: bool) -> AvoidedCall | None:
        """Return the call that a hit made unnecessary.

        Args:
            usage: What the calls behind the answer took.
            exact: Whether the very same request was answered; in other words its tokens are an estimate.
            warm: Whether the provider's cache would have held the prompt.
        """
        if usage is None:
            return None
        served = max(usage.cache_read_tokens, self._served(usage) if warm else 0)
        calls = "call" if usage.calls == 1 else f"{usage.calls} calls"
        source = f"the recorded usage of the {calls} that answered " + (
            "it" if exact else "it in other words"
        )
        if served > usage.cache_read_tokens:
            source += ", less what the provider's prompt cache would have served"
        return AvoidedCall(
            provider=usage.provider,
            model=usage.model,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=served,
            basis="measured" if exact else "estimated",
            source=source,
        )

    def _served(self, usage: RecordedUsage) -> int:
        if usage.provider not in self.providers or usage.input_tokens is None:
            return 0
        prompt = usage.input_tokens // usage.calls
        return usage.calls * (prompt // self._step * self._step) if prompt >= self._at_least else 0
