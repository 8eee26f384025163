"""Every command and snippet of the README and docs is run, and what they print is what the pages say.

Fences: `python` runs (a page's blocks share a namespace and a folder; one that says `needs PACKAGE` is
skipped without it), `text` is what the last one printed, `console` holds a command and its output, `diff`
must run before and after, `sh` is checked but not run (it installs, or is one of make's targets), `json` and
`yaml` must parse. `LLMOPS_WRITE_DOCS=1` writes outputs anew.
"""

import contextlib
import importlib.util
import io
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "AGENTS.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
RECORDS = Path(os.environ.get("LLMOPS_RECORDS", ROOT.parent / "shared" / "data"))
FENCE = re.compile(r"^```(\w+)[ ]?([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
MASKS = (
    (re.compile(r"trace [0-9a-f]{8}"), "trace ........"),
    (re.compile(r"[\d,]+ questions a minute"), "N questions a minute"),
    (re.compile(r" {2,}"), "  "),  # how wide a column is, is for each version of rich to say
    # Models that are asked at once begin in either order, and the second is sent what the first was.
    (re.compile(r"(small  answer)(?:, rejected)?(  10 in, 5 out)(?:, 10 re-sent)?"), r"\1\2"),
)
DIFF_PREAMBLE = """
from langchain.agents import create_agent
from langchain.chat_models import init_chat_model
from langgraph.graph import START, MessagesState, StateGraph
from llmops_plugins import CacheMiddleware, CascadeMiddleware, CostLedger, ValidToolCalls, with_middleware

def look_up(order_id: str) -> str:
    "Look up an order."
    return order_id

tools = [look_up]
"""


@dataclass
class Fence:
    kind: str
    info: str
    body: str
    start: int
    end: int


def fences(page: Path) -> list[Fence]:
    text = page.read_text()
    return [Fence(m[1], m[2].strip(), m[3], m.start(3), m.end(3)) for m in FENCE.finditer(text)]


def masked(text: str) -> str:
    for pattern, instead in MASKS:
        text = pattern.sub(instead, text)
    return "\n".join(line.rstrip() for line in text.strip("\n").splitlines())


def run_command(command: str, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "NO_COLOR": "1"}
    environment.pop("COLUMNS", None)
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    # head closes the pipe early, which is no failure of the command's
    assert done.returncode in (0, 141), done.stderr
    assert not done.stderr, done.stderr
    return done.stdout


class Page:
    def __init__(self, path: Path, folder: Path) -> None:
        self.path, self.folder = path, folder
        self.namespace: dict = {}
        self.printed: str | None = ""
        self.written: list[tuple[Fence, str]] = []
        self.skipped: list[str] = []

    def check(self, fence: Fence) -> None:
        getattr(self, f"check_{fence.kind}")(fence)

    def check_python(self, fence: Fence) -> None:
        needed = fence.info.removeprefix("needs ")
        if needed and importlib.util.find_spec(needed) is None:
            self.skipped.append(f"{needed} is not installed")
            self.printed = None
            return
        line = self.path.read_text()[: fence.start].count("\n")
        out = io.StringIO()
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(out):
            exec(compile("\n" * line + fence.body, str(self.path), "exec"), self.namespace)
        self.printed = out.getvalue()

    def check_text(self, fence: Fence) -> None:
        if self.printed is not None:
            self.compare(fence, self.printed, fence.body)

    def check_console(self, fence: Fence) -> None:
        needed = fence.info.removeprefix("needs ")
        if needed != fence.info:
            if importlib.util.find_spec(needed) is None:
                self.skipped.append(f"{needed} is not installed")
                return
            with contextlib.suppress(FileExistsError):  # as in the root of a clone
                (self.folder / "tests").symlink_to(ROOT / "tests")
        elif fence.info:
            missing = self.link_records(fence)
            if missing:
                self.skipped.append(f"{missing} is not here")
                return
        command, _, expected = fence.body.partition("\n")
        assert command.startswith("$ ")
        self.compare(fence, run_command(command[2:], self.folder), expected, keep=command + "\n")

    def link_records(self, fence: Fence) -> str | None:
        for name in {*re.findall(r"\S+\.jsonl\.gz", fence.body.partition("\n")[0]), "models.yaml"}:
            found = next(RECORDS.rglob(name), None)
            if found is None:
                return name
            (self.folder / name).unlink(missing_ok=True)
            (self.folder / name).symlink_to(found)
        return None

    def compare(self, fence: Fence, got: str, expected: str, keep: str = "") -> None:
        if os.environ.get("LLMOPS_WRITE_DOCS"):
            self.written.append((fence, keep + got.strip("\n") + "\n"))
        else:
            assert masked(got) == masked(expected)

    def check_diff(self, fence: Fence) -> None:
        lines = fence.body.splitlines()
        assert len(lines) <= 12
        for version in ("+", "-"):
            code = "\n".join(line[1:] for line in lines if not line or line[0] in (" ", version))
            with contextlib.chdir(self.folder):
                exec(DIFF_PREAMBLE + code, {})

    def check_sh(self, fence: Fence) -> None:
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        for line in fence.body.splitlines():
            program, *arguments = line.split("#")[0].split()
            if program == "make":
                assert set(arguments) <= set(targets), line
            elif program == "llmops":
                help_text = run_command(f"llmops {arguments[0]} --help", self.folder)
                assert all(word in help_text for word in arguments[1:] if word.startswith("--")), line
            else:
                assert line.startswith("pip install "), f"{line!r} is neither run nor known"

    def check_json(self, fence: Fence) -> None:
        json.loads(fence.body)

    def check_yaml(self, fence: Fence) -> None:
        yaml.safe_load(fence.body)

    def write(self) -> None:
        text = self.path.read_text()
        for fence, body in reversed(self.written):
            text = text[: fence.start] + body + text[fence.end :]
        self.path.write_text(text)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_everything_a_page_shows_is_so(path, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-key")
    page = Page(path, tmp_path)
    for fence in fences(path):
        page.check(fence)
    if page.written:
        page.write()
    if page.skipped:
        pytest.skip(", ".join(page.skipped))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    for link in re.findall(r"\]\((?!http)([^)#]+)", path.read_text()):
        assert (path.parent / link).exists(), link


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.name)
def test_examples_run_offline_and_are_short(example, tmp_path):
    assert len(example.read_text().splitlines()) <= 80
    assert run_command(f"python {example}", tmp_path)


def test_graphs_compile_bare():
    declared = json.loads((ROOT / "langgraph.json").read_text())["graphs"]
    for where in declared.values():
        path, _, name = where.partition(":")
        file = ROOT / path
        assert len(file.read_text().splitlines()) <= 20
        namespace: dict = {}
        exec(compile(file.read_text(), str(file), "exec"), namespace)
        graph = namespace[name]
        assert graph.checkpointer is None
        assert graph.store is None
        assert "messages" in graph.get_input_jsonschema()["properties"]  # servers ask for it
        assert graph.invoke({"messages": [("user", "What does order A1001 cost in total?")]})["messages"][
            -1
        ].text
