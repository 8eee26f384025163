"""Which experts can be asked now: a circuit breaker each, and what they say of themselves.

A circuit opens after some failures in a row, so that nobody waits for what does not answer, and lets a call
through again after a while (Nygard 2007, *Release It!*, the circuit breaker pattern).
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import Runnable, RunnableLambda
from langchain_core.runnables.config import run_in_executor

from llmops_plugins.effects import Flow, Gather, Invoke
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.planning.expert import Expert

__all__ = ["ExpertHealth"]

_MOST_PROBES = 16
_LONGEST_FACTOR = 16


@dataclass
class _Circuit:
    failures: int = 0
    open_until: float = 0.0


class ExpertHealth:
    """What is known of experts' health; safe to share between threads and event loops.

    Args:
        failures: Failures in a row that open an expert's circuit.
        pause_s: Seconds it stays open; after that one more failure opens it for twice as long, up to sixteen
            times as long.
        probe_every_s: Seconds for which what an expert says of its own health counts.
        probe_timeout_s: Seconds that all who are asked have to say it; silence is no.
        clock: Seconds that never run backwards.

    Raises:
        ConfigurationError: If a number is not above 0.
    """

    def __init__(
        self,
        *,
        failures: int = 3,
        pause_s: float = 30.0,
        probe_every_s: float = 30.0,
        probe_timeout_s: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        given = (("failures", failures), ("pause_s", pause_s))
        for name, value in (*given, ("probe_every_s", probe_every_s), ("probe_timeout_s", probe_timeout_s)):
            if not value > 0:
                raise ConfigurationError(name, f"must be above 0, got {value!r}")
        self._failures = failures
        self._pause_s = pause_s
        self._probe_every_s = probe_every_s
        self._probe_timeout_s = probe_timeout_s
        self._clock = clock
        self._lock = threading.Lock()
        self._circuits: dict[str, _Circuit] = {}
        self._said: dict[str, tuple[float, bool]] = {}

    def record(self, expert: str, *, succeeded: bool) -> None:
        """Note how a call ended.

        Args:
            expert: Who was called.
            succeeded: Whether it gave a result.
        """
        with self._lock:
            circuit = self._circuits.setdefault(expert, _Circuit())
            circuit.failures = 0 if succeeded else circuit.failures + 1
            over = circuit.failures - self._failures
            if over >= 0:
                factor = min(2 ** min(over, 10), _LONGEST_FACTOR)
                circuit.open_until = self._clock() + self._pause_s * factor
            elif succeeded:
                circuit.open_until = 0.0

    def problem(self, expert: str) -> str | None:
        """Return why an expert is not to be asked now, or None.

        Args:
            expert: Its name.
        """
        now = self._clock()
        with self._lock:
            circuit, said = self._circuits.get(expert), self._said.get(expert)
        if circuit is not None and now < circuit.open_until:
            return f"failed {circuit.failures} times in a row and is left alone for a while"
        return "says that it is not healthy" if said is not None and not said[1] else None

    def probe_flow(self, experts: Iterable[Expert]) -> Flow[None]:
        """Ask those experts for their health that can say it and were not asked of late, sixteen at most.

        Args:
            experts: Those that may be chosen.
        """
        due = [expert for expert in experts if expert.healthy is not None and self._is_due(expert.name)]
        due = due[:_MOST_PROBES]
        if not due:
            return
        probes = [Invoke(_probe(expert.healthy), None) for expert in due if expert.healthy is not None]
        answers = yield Gather(probes, timeout=self._probe_timeout_s)
        now = self._clock()
        with self._lock:
            for expert, answer in zip(due, answers, strict=True):
                self._said[expert.name] = (now, answer is True)

    def _is_due(self, expert: str) -> bool:
        with self._lock:
            said = self._said.get(expert)
        return said is None or self._clock() - said[0] >= self._probe_every_s


def _probe(healthy: Callable[[], Any]) -> Runnable[None, bool]:
    async def awaited(answer: Awaitable[Any]) -> Any:
        return await answer

    def probe(_: None) -> bool:  # in a thread of its own, where no event loop runs
        answer = healthy()
        return bool(asyncio.run(awaited(answer)) if inspect.isawaitable(answer) else answer)

    async def aprobe(_: None) -> bool:
        answer = await run_in_executor(None, healthy)
        return bool(await answer if inspect.isawaitable(answer) else answer)

    return RunnableLambda(probe, aprobe, name="expert health")
