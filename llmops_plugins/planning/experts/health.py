"""Which experts can be asked now: a circuit breaker each, and what they say of themselves.

A circuit opens after an expert could not be reached for some tasks in a row, so that nobody waits for what
does not answer, and closes after a while (Nygard 2007, *Release It!*, the circuit breaker pattern). Each
tenant has its own: what one asks is no reason to keep an expert from another. While it is open the expert is
asked where nobody else is left.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import Runnable, RunnableLambda

from llmops_plugins.effects import Flow, Gather, Invoke
from llmops_plugins.planning.execution.abandonable import await_in_thread
from llmops_plugins.planning.experts.expert import Expert
from llmops_plugins.setting_checks import check_count, check_instance, check_seconds

__all__ = ["ExpertHealth"]

_MOST_CIRCUITS = 10_000
_MOST_PROBES = 16
_LONGEST_FACTOR = 16


@dataclass
class _Circuit:
    failures: int = 0
    open_until: float = 0.0


@dataclass(frozen=True, kw_only=True)
class _Said:
    at: float
    is_healthy: bool
    probe: _Probe


class ExpertHealth:
    """What is known of experts' health; safe to share between threads and event loops.

    Args:
        failures: Tasks in a row for which an expert could not be reached that open its circuit.
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
        check_count("failures", failures)
        check_seconds("pause_s", pause_s)
        check_seconds("probe_every_s", probe_every_s)
        check_seconds("probe_timeout_s", probe_timeout_s)
        check_instance("clock", clock, Callable, "a function that gives seconds")  # type: ignore[arg-type] # mypy takes no abstract class
        self._failures = failures
        self._pause_s = pause_s
        self._probe_every_s = probe_every_s
        self._probe_timeout_s = probe_timeout_s
        self._clock = clock
        self._lock = threading.Lock()
        self._circuits: OrderedDict[tuple[str, str], _Circuit] = OrderedDict()
        self._said: dict[str, _Said] = {}

    def record(self, expert: str, *, reached: bool, tenant: str) -> None:
        """Note whether an expert could be reached for a task.

        Args:
            expert: Who was called.
            reached: Whether it gave a result, or could not be reached; any other error says nothing of it.
            tenant: Whose task it was.
        """
        with self._lock:
            if reached:
                self._circuits.pop((tenant, expert), None)
                return
            circuit = self._circuits.setdefault((tenant, expert), _Circuit())
            self._circuits.move_to_end((tenant, expert))
            if len(self._circuits) > _MOST_CIRCUITS:
                self._circuits.popitem(last=False)
            circuit.failures += 1
            over = circuit.failures - self._failures
            if over >= 0:
                factor = min(2 ** min(over, 10), _LONGEST_FACTOR)
                circuit.open_until = self._clock() + self._pause_s * factor

    def is_open(self, expert: str, tenant: str) -> bool:
        """Tell whether an expert's circuit is open, so that others are preferred to it.

        Args:
            expert: Its name.
            tenant: Whose task it would be asked for.
        """
        with self._lock:
            circuit = self._circuits.get((tenant, expert))
        return circuit is not None and self._clock() < circuit.open_until

    def problem(self, expert: str) -> str | None:
        """Return why an expert is not to be asked at all now, or None.

        Args:
            expert: Its name.
        """
        with self._lock:
            said = self._said.get(expert)
        return "says that it is not healthy" if said is not None and not said.is_healthy else None

    def probe_flow(self, experts: Iterable[Expert]) -> Flow[None]:
        """Ask those experts for their health that can say it and were not asked of late, sixteen at most.

        One that has not answered yet is not asked again: until it has ended it counts as not healthy.

        Args:
            experts: Those that may be chosen.
        """
        able = [(one.name, one.healthy) for one in experts if one.healthy is not None]
        due = [_Probe(name, healthy) for name, healthy in able if self._is_due(name)][:_MOST_PROBES]
        if not due:
            return
        answers = yield Gather([Invoke(probe.runnable, None) for probe in due], timeout=self._probe_timeout_s)
        now = self._clock()
        with self._lock:
            for probe, answer in zip(due, answers, strict=True):
                self._said[probe.expert] = _Said(at=now, is_healthy=answer is True, probe=probe)

    def _is_due(self, expert: str) -> bool:
        with self._lock:
            said = self._said.get(expert)
        if said is None:
            return True
        return self._clock() - said.at >= self._probe_every_s and not said.probe.is_running


class _Probe:
    """One time that an expert is asked for its health; what hangs in a thread outlives the asking."""

    def __init__(self, expert: str, healthy: Callable[[], Any]) -> None:
        self.expert = expert
        self._healthy = healthy
        self.is_running = False

    @property
    def runnable(self) -> Runnable[None, bool]:
        return RunnableLambda(self._ask, self._aask, name="expert health")

    def _ask(self, _: None) -> bool:  # in a thread of its own, where no event loop runs
        with self._begun():
            answer = self._healthy()
            return bool(asyncio.run(_awaited(answer)) if inspect.isawaitable(answer) else answer)
        return False

    async def _aask(self, _: None) -> bool:
        answer = await await_in_thread(self._called, f"{self.expert}'s health")
        with self._begun():
            return bool(await answer if inspect.isawaitable(answer) else answer)
        return False

    def _called(self) -> Any:
        with self._begun():
            return self._healthy()
        return False

    @contextmanager
    def _begun(self) -> Iterator[None]:
        """Note that it runs; what asks the whole program to exit is no answer, and goes no further."""
        self.is_running = True
        try:
            yield
        except BaseException as error:
            if isinstance(error, Exception) or _is_asked_of_us(error):
                raise
        finally:
            self.is_running = False


async def _awaited(answer: Awaitable[Any]) -> Any:
    return await answer


def _is_asked_of_us(error: BaseException) -> bool:
    """Tell whether somebody presses Ctrl-C or cancels the probe: then it is not the probe that says so."""
    if isinstance(error, KeyboardInterrupt):
        return threading.current_thread() is threading.main_thread()
    if not isinstance(error, asyncio.CancelledError):
        return False
    try:
        task = asyncio.current_task()
    except RuntimeError:  # in a thread, where nobody cancels
        return False
    return task is not None and task.cancelling() > 0
