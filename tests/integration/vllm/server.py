"""A vLLM server for as long as a block runs."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

__all__ = ["ServerFailedError", "serve"]

_HEALTHY_WITHIN_SECONDS = 600
_STOPPED_WITHIN_SECONDS = 10

_SETTINGS = {
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_HOST_IP": "127.0.0.1",
    "TORCHDYNAMO_DISABLE": "1",  # compiling takes longer than all the tests
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",  # the tests run on the same cores
    "VLLM_ENFORCE_STRICT_TOOL_CALLING": "0",  # the model calls its tool by itself
}
_OPTIONS = (
    *("--dtype", "float32"),
    *("--max-model-len", "4096"),
    "--enforce-eager",
    "--enable-prompt-tokens-details",
    "--enable-auto-tool-choice",
    *("--tool-call-parser", "hermes"),
    *("--gpu-memory-utilization", "0.2"),
    *("--kv-cache-memory-bytes", str(256 * 2**20)),
    *("--block-size", "32"),
    *("--distributed-executor-backend", "uni"),
)


class ServerFailedError(Exception):
    """The server did not come up; the message ends with what it said last."""


@contextlib.contextmanager
def serve(environment: Path, model: Path, name: str) -> Iterator[str]:
    """Start a server on a free port, wait until it is healthy, and stop it whatever happens.

    Args:
        environment: Virtual environment with vLLM; the server's log is written there.
        model: Folder of the model.
        name: Name to serve it under.

    Yields:
        The server's address, without a path.

    Raises:
        ServerFailedError: It ended, or was not healthy in time.
    """
    port = _free_port()
    command = [environment / "bin" / "vllm", "serve", model, "--served-model-name", name]
    address = ("--host", "127.0.0.1", "--port", str(port))
    log = environment / "server.log"
    with log.open("wb") as output:
        # In a session of its own: it has children, and the whole group is stopped at the end.
        process = subprocess.Popen(
            [*command, *address, *_OPTIONS],
            env={**os.environ, **_SETTINGS},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_healthy(process, url, log)
        yield url
    finally:
        _stop(process)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _wait_until_healthy(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + _HEALTHY_WITHIN_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise ServerFailedError(f"vLLM ended with code {process.returncode}:\n{_tail(log)}")
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=5):
            return
        time.sleep(0.5)
    raise ServerFailedError(f"vLLM was not healthy within {_HEALTHY_WITHIN_SECONDS} s:\n{_tail(log)}")


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-30:])


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask the group to end, then end what is left of it: it outlives its leader while a child of it lives."""
    for stop in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, stop)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOPPED_WITHIN_SECONDS)
