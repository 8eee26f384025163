"""A real server that speaks OpenAI's chat completions API, and the command as a process that asks it."""

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from llmops_plugins.cli.main import main

LLMOPS = str(Path(sys.executable).parent / "llmops")
KEY = "sk-a-key-that-must-not-be-written-anywhere"


class Server(ThreadingHTTPServer):
    """Answers arithmetic, ``2 + 3`` with ``The answer is 5.``; a judge is any model named so.

    ``failures`` holds statuses to answer with before anything else, by model and prompt. No answer is given
    while ``held`` is set.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.asked = Counter()
        self.answered = Counter()
        self.times = []
        self.failures = {}
        self.broken_models = set()
        self.delay = 0.0
        self.held = False
        self.in_flight = self.most_in_flight = 0
        self.output_tokens = 8

    @property
    def base_url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server, model = self.server, request["model"]
        prompt = request["messages"][-1]["content"]
        with server.lock:
            server.asked[model, prompt] += 1
            server.times.append(time.monotonic())
            server.in_flight += 1
            server.most_in_flight = max(server.most_in_flight, server.in_flight)
            waiting = server.failures.get((model, prompt), [])
            status = waiting.pop(0) if waiting else 401 if model in server.broken_models else 200
        time.sleep(server.delay)
        while server.held:
            time.sleep(0.01)
        with server.lock:
            server.in_flight -= 1
            server.answered[model, prompt] += status == 200
        if status == 200:
            self.send(200, completion(request, said(model, prompt), server.output_tokens))
        else:
            self.send(status, {"error": {"message": f"refused, your key is {KEY}"}})

    def send(self, status, data):
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if status == 429:
            self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(body)


def said(model, prompt):
    if model == "judge":
        return "They say the same.\nGrade: 7"
    try:
        return f"The answer is {sum(int(number) for number in prompt.split('+'))}."
    except ValueError:
        return "Hello."


def completion(request, text, output_tokens):
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    usage = {
        "prompt_tokens": 20,
        "completion_tokens": output_tokens,
        "total_tokens": 20 + output_tokens,
    }
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": request["model"],
        "choices": [choice],
        "usage": usage,
    }


@pytest.fixture
def server():
    pytest.importorskip("langchain_openai")
    running = Server()
    thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()


class Folder:
    """A folder with a dataset and a registry, and the command in it."""

    def __init__(self, path, server):
        self.path = path
        self.out = path / "records.jsonl"
        self.journal = path / "records.jsonl.partial.jsonl"
        settings = f'{{base_url: "{server.base_url}", max_retries: 0}}'
        names = ("small", "large", "judge")
        lines = [
            f'  {name}: {{model: "openai:{name}", settings: {settings}, input: 10, output: 100}}\n'
            for name in names
        ]
        (path / "models.yaml").write_text("models:\n" + "".join(lines))

    def write_dataset(self, count, **columns):
        rows = [
            {"id": f"q{number}", "prompt": f"{number} + 1", "gold": str(number + 1), **columns}
            for number in range(count)
        ]
        (self.path / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return rows

    def start(self, *arguments, **options):
        """Start the command as a process."""
        return subprocess.Popen(
            [LLMOPS, "record", *map(str, arguments)],
            cwd=self.path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def rows(self):
        return [json.loads(line) for line in self.out.read_text().splitlines()]

    def texts(self):
        """Everything that is written anywhere in the folder."""
        return "".join(path.read_text() for path in self.path.iterdir() if path.is_file())


@pytest.fixture
def folder(tmp_path, server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    return Folder(tmp_path, server)


@pytest.fixture
def record(folder, monkeypatch, capsys):
    """Run the command in the folder, in this process; return its exit code and what it printed."""
    monkeypatch.chdir(folder.path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["llmops", "record", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        captured = capsys.readouterr()
        return exit_.value.code, captured.out, captured.err

    return run
