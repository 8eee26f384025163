"""Installs vLLM for CPUs into a virtual environment of its own, once."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["CannotInstallError", "install"]

_REQUIREMENTS = Path(__file__).parent / "requirements.txt"
_PYTHON_VERSION = (3, 11)
_NEEDED_GIGABYTES = 6
# `vllm serve` asks for the version of a distribution called vllm; the CPU build has another name.
_ALIAS = "vllm-0.32.0+cpu.dist-info"
_ALIAS_METADATA = "Metadata-Version: 2.1\nName: vllm\nVersion: 0.32.0+cpu\n"


class CannotInstallError(Exception):
    """This machine cannot run the tests; the message says why, as the end of a sentence."""


def install(environment: Path) -> None:
    """Make the environment, unless it is there and complete.

    Args:
        environment: Folder of the virtual environment.

    Raises:
        CannotInstallError: Something it needs is not to be had here.
    """
    mark = environment / ".installed"
    wanted = hashlib.sha256(_REQUIREMENTS.read_bytes()).hexdigest()
    if mark.exists() and mark.read_text(encoding="utf-8") == wanted:
        return
    python = _find_python()
    _require_space(environment)
    print(f"Installing vLLM into {environment.name}, which takes about two minutes.", flush=True)
    subprocess.run([python, "-m", "venv", "--clear", environment], check=True)
    _install_packages(environment)
    _name_the_distribution(environment)
    mark.write_text(wanted, encoding="utf-8")


def _find_python() -> str:
    needed = ".".join(map(str, _PYTHON_VERSION))
    if sys.version_info[:2] == _PYTHON_VERSION:
        return sys.executable
    found = shutil.which(f"python{needed}")
    # A version manager may have put a stub there.
    if found is None or subprocess.run([found, "--version"], capture_output=True, check=False).returncode:
        raise CannotInstallError(f"Python {needed} is not on the path, and this vLLM has wheels for no other")
    return found


def _require_space(environment: Path) -> None:
    free = shutil.disk_usage(environment.parent).free / 1e9
    if free < _NEEDED_GIGABYTES:
        raise CannotInstallError(f"{free:.1f} GB of disk are free, {_NEEDED_GIGABYTES} GB are needed")


def _install_packages(environment: Path) -> None:
    pip = [environment / "bin" / "python", "-m", "pip", "install", "--no-deps", "--disable-pip-version-check"]
    done = subprocess.run([*pip, "-r", _REQUIREMENTS], capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("WARNING")]
        raise CannotInstallError(
            f"pip cannot install its packages ({said[-1] if said else 'no reason given'})"
        )


def _name_the_distribution(environment: Path) -> None:
    version = ".".join(map(str, _PYTHON_VERSION))
    folder = environment / "lib" / f"python{version}" / "site-packages" / _ALIAS
    folder.mkdir(exist_ok=True)
    (folder / "METADATA").write_text(_ALIAS_METADATA, encoding="utf-8")
