"""Runs the tests of what works with other makers' packages, each with those packages in a folder of its own.

Every folder beside this file that holds a `requirements.txt` is one; `docs/<folder>.md` is tested with it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PROJECT = HERE.parents[2]
PACKAGES = PROJECT / ".venv-third-party"
DOCS_TEST = PROJECT / "tests" / "integration" / "test_docs.py"


class CannotInstallError(Exception):
    """This machine cannot run the tests; the message says why, as the end of a sentence."""


def main(arguments: list[str]) -> int:
    """Install and test one after the other, with arguments for pytest; returns the first bad exit code."""
    codes = [run(found.parent, arguments) for found in sorted(HERE.glob("*/requirements.txt"))]
    return next((code for code in codes if code), 0)


def run(folder: Path, arguments: list[str]) -> int:
    """Install what one folder's tests need and run them; returns pytest's exit code."""
    try:
        packages = install(folder)
    except CannotInstallError as error:
        print(f"{folder.name} tests skipped: {error}")
        return 0
    page = f"{folder.name}.md"
    documented = [f"{DOCS_TEST}::test_everything_a_page_shows_is_so[{page}]"]
    tests = [folder, *(documented if (PROJECT / "docs" / page).exists() else [])]
    environment = {**os.environ, "PYTHONPATH": str(packages)}
    command = [sys.executable, "-m", "pytest", *tests, "-p", "no:xdist", *arguments]
    return subprocess.run(command, cwd=PROJECT, env=environment, check=False).returncode


def install(folder: Path) -> Path:
    """Fill the folder of packages, unless it is there and complete; returns where it is.

    Raises:
        CannotInstallError: The packages are not to be had here.
    """
    packages, requirements = PACKAGES / folder.name, folder / "requirements.txt"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest() + f" for Python {version}"
    mark = packages / ".installed"
    if mark.exists() and mark.read_text(encoding="utf-8") == wanted:
        return packages
    print(f"Installing the packages for {folder.name} into {PACKAGES.name}.", flush=True)
    shutil.rmtree(packages, ignore_errors=True)
    uv = Path(sys.executable).with_name("uv")
    options = ["--quiet", "--target", packages, "--no-deps", "--require-hashes", "-r", requirements]
    command = [uv, "pip", "install", "--python", sys.executable, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise CannotInstallError(
            f"uv cannot install its packages ({said[-1].strip() if said else 'no reason given'})"
        )
    mark.write_text(wanted, encoding="utf-8")
    return packages


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
