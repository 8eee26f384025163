"""Hostile code: none reaches what it is after, and the host lives on.

An attempt would have succeeded if it
- printed ESCAPED: it held an object that leads out of the sandbox;
- read the canary file, or wrote a file;
- had a secret in its output or error, in any of the encodings below, or brought it to a function that was
  not granted it;
- took longer than its limit and a second, printed or said more than its limits, or ended well although it
  asked for more than them;
- left the host with 100 MB more memory, or unable to run the next block of code.
"""

import asyncio
import base64
import itertools
import os
import time
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import pytest
from pydantic import Field

from llmops_plugins.hierarchy.sandbox.executor import SandboxExecutor
from llmops_plugins.hierarchy.sandbox.host_functions import HostFunction
from llmops_plugins.hierarchy.sandbox.limits import SandboxLimits
from llmops_plugins.hierarchy.sandbox.snippet import SUPPORTED_IMPORTS

from .hostile_snippets import ESCAPES, EXFILTRATION, EXHAUSTION, HARMLESS

pytest.importorskip("pydantic_monty", reason="pydantic-monty is not installed (extra sandbox)")

KEY = "sk-test-51HxQz/9vKw+Lr2TnBc4"
NUMBER = "482915736018"
CANARY = "the canary sings 7261"
LIMITS = SandboxLimits(seconds=0.4, memory_mb=32, output_characters=2_000, calls=20, value_characters=20_000)


def encoded(secret: str) -> dict[str, str]:
    data = secret.encode()
    return {
        "plain": secret,
        "reversed": secret[::-1],
        "upper": secret.upper(),
        "spaced": " ".join(secret),
        "lines": "\n".join(secret),
        "base64": base64.b64encode(data).decode(),
        "base64 at 1": base64.b64encode(b"k" + data + b"&x").decode(),
        "base64 at 2": base64.urlsafe_b64encode(b"k=" + data + b"&").decode(),
        "base32": base64.b32encode(data).decode(),
        "hex": data.hex(),
        "hex upper": data.hex(":").upper(),
        "quoted": quote(secret, safe=""),
        "quoted twice": quote(quote(secret, safe=""), safe=""),
        "quoted whole": "".join(f"%{one:02x}" for one in data),
        "codes": str(list(data)),
        "json": '{"key": "' + secret.replace("/", "\\/") + '"}',
        "half": secret[: len(secret) // 2 + 4],
        "end": secret[-len(secret) // 2 - 4 :],
    }


class Host:
    """Functions with and without grants, and what those without have seen."""

    def __init__(self):
        self.seen: list[Any] = []

        def echo(text: str) -> str:
            self.seen.append(text)
            return text

        def store(values: list[Any]) -> int:
            self.seen.append(values)
            return len(values)

        self.plain = [echo, store, hang, ahang, big, endless, count]
        granted = [service, encodings, nested, letters, halves, truncated, fail, limited]
        self.functions = [
            *self.plain,
            *(HostFunction(function=one, secrets=("SERVICE_KEY",)) for one in granted),
            HostFunction(function=shown, secrets=("SERVICE_KEY",), shown_errors=(ValueError,)),
            HostFunction(function=numeric, secrets=("NUMERIC_KEY",)),
        ]


def hang() -> None:
    time.sleep(2)


async def ahang() -> None:
    await asyncio.sleep(60)


def big() -> list[str]:
    return ["x" * 1_000_000]


def endless() -> Any:
    return itertools.count()


def count(number: int) -> int:
    return number


def service(text: str) -> str:
    return f"unauthorized: {text}"


def encodings(text: str) -> dict[str, str]:
    return encoded(text)


def nested(text: str) -> dict[str, Any]:
    return {"deep": [{text: {"a": (text, [text])}}], text.encode().hex(): text}


def letters(text: str) -> list[str]:
    return list(text)


def halves(text: str) -> list[str]:
    return [text[: len(text) // 3], text[len(text) // 3 :]]


def truncated(text: str) -> str:
    return text[:40]


def numeric(text: str) -> int:
    return int(text)


def fail(text: str) -> str:
    raise RuntimeError(f"{text} and {encoded(text)}")


def shown(text: str) -> str:
    raise ValueError(f"{text} and {encoded(text)}")


def limited(text: Annotated[str, Field(max_length=3)]) -> str:
    return text


@pytest.fixture(scope="module")
def host():
    return Host()


@pytest.fixture(scope="module")
def sandbox(host):
    secrets = {"SERVICE_KEY": KEY, "NUMERIC_KEY": NUMBER}
    with SandboxExecutor(
        host.functions, limits=LIMITS, imports=SUPPORTED_IMPORTS, secrets=secrets, workers=2
    ) as sandbox:
        yield sandbox


@pytest.fixture
def attempt(host, sandbox, tmp_path, monkeypatch):
    """Run hostile code in a folder with a canary, and check what holds for all of it."""
    (tmp_path / "canary").write_text(CANARY)
    monkeypatch.chdir(tmp_path)

    def run(code):
        host.seen.clear()
        memory = resident_mb()
        started = time.monotonic()
        done = sandbox.run(code)
        assert time.monotonic() - started < LIMITS.seconds + 5.0  # a busy machine starts a worker late
        assert resident_mb() - memory < 100
        assert [path.name for path in tmp_path.iterdir()] == ["canary"]
        said = f"{done.output}\n{done.error}"
        assert len(done.output) <= LIMITS.output_characters
        assert len(said) <= LIMITS.output_characters + 1_001
        assert CANARY not in said
        assert "root:" not in said
        assert leaked(said) == []
        assert leaked(str(host.seen)) == []
        # On a busy machine a worker may not even start in that time.
        assert any(sandbox.run("print(6 * 7)").output == "42\n" for _ in range(10))
        return done

    return run


def resident_mb():
    """Return the memory of this process, where that can be read."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20 if statm.exists() else 0


def leaked(text):
    """Return in which encodings a secret can be read in a text, whatever stands between its letters."""

    def bare(one):
        return "".join(letter for letter in one if letter.isalnum()).casefold()

    found = []
    for name, form in [one for secret in (KEY, NUMBER) for one in encoded(secret).items()]:
        form = bare(form)
        size = max(8, len(form) * 6 // 10)  # what is left of it by then could be guessed
        pieces = (form[start : start + size] for start in range(len(form) - size + 1))
        if any(piece in bare(text) for piece in pieces):
            found.append(name)
    return found


def test_the_check_for_secrets_finds_each_encoding():
    for name, form in encoded(KEY).items():
        assert name in leaked(f"key = {form};")
    assert leaked("unauthorized: {{SERVICE_KEY}} 51HxQz") == []


def test_there_is_enough_to_try():
    assert len(EXHAUSTION) >= 60
    assert len(ESCAPES) >= 60
    assert len(EXFILTRATION) >= 40


@pytest.mark.parametrize("name", EXHAUSTION)
def test_what_takes_too_much_is_stopped(attempt, name):
    done = attempt(EXHAUSTION[name])
    assert not done.ok or name in HARMLESS
    assert done.ok or done.error


@pytest.mark.parametrize("name", ESCAPES)
def test_nothing_leads_out(attempt, name):
    done = attempt(ESCAPES[name])
    assert "ESCAPED" not in done.output
    assert not done.ok


@pytest.mark.parametrize("name", EXFILTRATION)
def test_no_secret_gets_out(attempt, name):
    attempt(EXFILTRATION[name])


@pytest.mark.parametrize("start", [0, 5, 11, 19])
def test_an_error_is_cleared_of_secrets_before_it_is_cut(sandbox, start):
    done = sandbox.run(f"raise ValueError('-' * {start} + '{KEY}' * 300)")
    assert "sk-test" not in done.error
    assert len(done.error) <= 1_000
    done = sandbox.run(f"raise ValueError('{KEY}' * 10_000)")
    assert "too long to be shown" in done.error


def test_workers_do_not_pile_up(sandbox):
    sandbox.run("1")
    parents = [parent(path) for path in Path("/proc").glob("[0-9]*/stat")]
    assert parents.count(os.getpid()) <= 4


def parent(stat):
    try:
        return int(stat.read_text().rsplit(")", 1)[1].split()[1])
    except OSError:  # it has ended since
        return None
