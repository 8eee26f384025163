"""Runs these tests on a real vLLM: one made here, or the one that LLMOPS_VLLM_URL names."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from install import CannotInstallError, install
from server import ServerFailedError, serve

HERE = Path(__file__).parent
PROJECT = HERE.parents[2]
ENVIRONMENT = PROJECT / ".venv-vllm"
MODEL_SOURCES = ("make_model.py", "dialogues.py", "chat_template.jinja", "requirements.txt")


def main(arguments: list[str]) -> int:
    """Install, make the model, serve it, run pytest with the arguments; returns the exit code."""
    signal.signal(signal.SIGTERM, _leave)
    try:
        return _test(os.environ.get("LLMOPS_VLLM_URL"), arguments)
    except CannotInstallError as error:
        print(f"vLLM tests skipped: {error}")
        return 0
    except (ServerFailedError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _test(url: str | None, arguments: list[str]) -> int:
    if url:
        return run_tests(url, arguments)
    install(ENVIRONMENT)
    with serve(ENVIRONMENT, made_model(), "tiny") as made_here:
        return run_tests(made_here, arguments)


def made_model() -> Path:
    """Return the tiny model's folder, after training it where none was made from these sources."""
    sources = b"".join((HERE / name).read_bytes() for name in MODEL_SOURCES)
    folder = ENVIRONMENT / f"tiny-model-{hashlib.sha256(sources).hexdigest()[:12]}"
    if not folder.exists():
        print("Training the tiny model, which takes some minutes.", flush=True)
        unfinished = folder.with_suffix(".unfinished")
        subprocess.run([ENVIRONMENT / "bin" / "python", HERE / "make_model.py", unfinished], check=True)
        unfinished.rename(folder)
    return folder


def run_tests(url: str, arguments: list[str]) -> int:
    """Run the tests one at a time: they compare the ledger with counters of the whole server."""
    command = [sys.executable, "-m", "pytest", HERE, "-p", "no:xdist", *arguments]
    return subprocess.run(
        command, cwd=PROJECT, env={**os.environ, "LLMOPS_VLLM_URL": url}, check=False
    ).returncode


def _leave(number: int, frame: FrameType | None) -> None:
    """End as on Ctrl-C, so that the server is stopped."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
