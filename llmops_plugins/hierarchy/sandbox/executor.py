"""The sandbox: an interpreter of a subset of Python in worker processes, with what it is granted."""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pydantic import SecretStr

from llmops_plugins.errors import ConfigurationError, MissingExtraError
from llmops_plugins.hierarchy.cancellation import cancelled_with, cancelling
from llmops_plugins.hierarchy.executor import Execution
from llmops_plugins.hierarchy.sandbox.description import describe
from llmops_plugins.hierarchy.sandbox.host_calls import HostCalls
from llmops_plugins.hierarchy.sandbox.host_functions import HostFunction, check_functions
from llmops_plugins.hierarchy.sandbox.limits import SandboxLimits
from llmops_plugins.hierarchy.sandbox.run import SandboxRun
from llmops_plugins.hierarchy.sandbox.secret_values import SecretValues
from llmops_plugins.hierarchy.sandbox.snippet import checked_imports, refusal
from llmops_plugins.hierarchy.sandbox.worker_watch import WorkerWatch
from llmops_plugins.redaction import hide_secrets
from llmops_plugins.setting_checks import check_count

if TYPE_CHECKING:
    from pydantic_monty import Monty

__all__ = ["SandboxExecutor"]

_process: int | None = None
"""Where the first run was: the interpreter's threads do not outlive a fork."""


class SandboxExecutor:
    """Runs code in Monty, an interpreter for a subset of Python, in worker processes.

    Each run has a fresh process, without the host's environment, files, network and modules: what it can
    reach are the functions it is granted. It is ended at the limits, whatever the code does. Workers start
    with the first run. One executor serves threads and event loops, and processes forked before its first
    run.

    Args:
        functions: What code may call: functions with type hints, or :class:`HostFunction`.
        limits: What one run may take.
        imports: Modules it may import, of ``SUPPORTED_IMPORTS`` in ``snippet.py``.
        secrets: Values by name. Code writes ``{{NAME}}``; the host fills it in in arguments of functions
            that were granted it, and takes it out of what comes back. What is recognised, and what is not,
            says :class:`llmops_plugins.hierarchy.sandbox.secret_scrubber.SecretScrubber`.
        workers: Runs at a time; others wait.

    Raises:
        ConfigurationError: If a limit is missing, a function has no type hints or another's name, a secret is
            too short or granted without being there, or an import is not supported.
        MissingExtraError: If pydantic-monty is not installed.

    Example:
        >>> def population(city: str) -> int:
        ...     return {"Oslo": 717_710}[city]
        >>> with SandboxExecutor([population], limits=SandboxLimits(seconds=5)) as sandbox:
        ...     sandbox.run("print(population('Oslo') // 1000)").output
        '717\\n'
    """

    def __init__(
        self,
        functions: Sequence[HostFunction | Callable[..., Any]] = (),
        *,
        limits: SandboxLimits | None = None,
        imports: Sequence[str] = (),
        secrets: Mapping[str, str | SecretStr] | None = None,
        workers: int = 8,
    ) -> None:
        if not isinstance(limits, SandboxLimits):
            given = "missing" if limits is None else f"a {type(limits).__name__}"
            problem = f"are {given}, give SandboxLimits(): no code runs without limits"
            raise ConfigurationError("limits", problem)
        if not isinstance(functions, list | tuple):
            problem = f"must be a list of functions, got {type(functions).__name__}"
            raise ConfigurationError("functions", problem)
        if secrets is not None and not isinstance(secrets, Mapping):
            raise ConfigurationError("secrets", f"must map names to values, got {type(secrets).__name__}")
        check_count("workers", workers)
        self.limits = limits
        self._imports = checked_imports(imports)
        self._secrets = SecretValues(secrets)
        self._workers = workers
        found = check_functions(functions)
        _check_grants(found, self._secrets.names)
        self._calls = HostCalls(found, self._secrets, limits.value_characters)
        self.description = hide_secrets(
            self._secrets.scrub(describe(found, self._secrets.names, self._imports, limits))
        )
        _require_monty()
        self._lock = threading.Lock()
        self._pool: Monty | None = None
        self._threads: ThreadPoolExecutor | None = None

    def run(self, code: str) -> Execution:
        """Run one block of code and wait for it; not from within an event loop.

        Args:
            code: Python source.

        Returns:
            What came of it, whatever the code does.

        Raises:
            GraphBubbleUp, BudgetExceeded: As a host function raised them.
            ConfigurationError: If the process was forked after a sandbox ran in it.
            KeyboardInterrupt: At Ctrl-C, which ends the run.
            OSError: If no worker can be started.
        """
        _check_process()
        watch = WorkerWatch()
        if threading.current_thread() is not threading.main_thread():
            return self._run(code, watch, None)
        # The interpreter does not return for a signal, which only the main thread could handle.
        with cancelling():
            context = contextvars.copy_context()
            return self._thread_pool().submit(context.run, self._run, code, watch, None).result()

    async def arun(self, code: str) -> Execution:
        """Run one block of code; async host functions run on this event loop. See :meth:`run`."""
        _check_process()
        watch = WorkerWatch()
        loop = asyncio.get_running_loop()
        context = contextvars.copy_context()
        try:
            return await loop.run_in_executor(self._thread_pool(), context.run, self._run, code, watch, loop)
        except asyncio.CancelledError:
            watch.stop("cancelled")
            raise

    def close(self) -> None:
        """End the workers; the next run would start new ones."""
        if _process != os.getpid():
            return
        with self._lock:
            pool, self._pool = self._pool, None
            threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False)
        if pool is not None:
            pool.__exit__(None, None, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"SandboxExecutor({', '.join(self._calls.functions)}; {self._secrets!r}, {self.limits!r})"

    def _run(self, code: str, watch: WorkerWatch, loop: asyncio.AbstractEventLoop | None) -> Execution:
        refused = refusal(code, imports=self._imports, characters=self.limits.code_characters)
        if refused is not None:
            return Execution(ok=False, output="", error=self._secrets.scrub(refused), seconds=0.0)
        run = SandboxRun(
            limits=self.limits, calls=self._calls, clean=self._secrets.scrub, loop=loop, watch=watch
        )
        with cancelled_with(partial(watch.stop, "interrupted")):
            return run.execute(self._worker_pool(), code)

    def _worker_pool(self) -> Monty:
        from pydantic_monty import Monty

        with self._lock:
            if self._pool is None:
                pool = Monty(
                    max_processes=self._workers,
                    max_checkouts_per_worker=1,
                    request_timeout=self.limits.seconds + 1.0,
                )
                self._pool = pool.__enter__()
            return self._pool

    def _thread_pool(self) -> ThreadPoolExecutor:
        # The loop's own threads may all wait for runs, whose async functions then wait for a thread.
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(self._workers, thread_name_prefix="sandbox")
            return self._threads


def _check_grants(functions: Mapping[str, HostFunction], names: Sequence[str]) -> None:
    for function in functions.values():
        for name in function.secrets:
            if name not in names:
                problem = f"names {name!r}, which is not in secrets, add it there or do not grant it"
                raise ConfigurationError(f"functions.{function.name}.secrets", problem)


def _require_monty() -> None:
    try:
        import pydantic_monty  # noqa: F401 - only whether it is there
    except ImportError as error:
        problem = 'pydantic-monty is not installed, install it with pip install "llmops-plugins[sandbox]"'
        raise MissingExtraError("executor", problem) from error


def _check_process() -> None:
    global _process
    if _process is None:
        _process = os.getpid()
    elif _process != os.getpid():
        problem = "ran before this process was forked, fork before its first run or start processes by spawn"
        raise ConfigurationError("executor", problem)
