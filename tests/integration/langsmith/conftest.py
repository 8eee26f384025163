"""A LangSmith server for one test: it takes what the real client sends, and merges it as LangSmith does."""

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import zstandard
from langsmith import Client, run_trees
from langsmith.utils import get_env_var
from requests_toolbelt.multipart import decoder
from sqlalchemy import select

from llmops_plugins.accounting.ledger import CostLedger
from llmops_plugins.models.registry import ModelRegistry, ModelSpec, Price
from llmops_plugins.storage.database import CALLS


class FakeLangSmith(ThreadingHTTPServer):
    """Runs by id, each the merger of its ``post`` and ``patch`` parts in the order they came."""

    daemon_threads = True

    def __init__(self, *, zstd: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.zstd = zstd
        self.status = 202
        self.bodies: list[bytes] = []
        self.taken = 0
        self.delays: list[float] = []
        self._lock = threading.Lock()
        self._runs: dict[str, dict[str, Any]] = {}
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def open_client(self) -> "CountingClient":
        """Return a client that knows whether to compress: before, it may post a start and an end as one."""
        client = CountingClient(self.url)
        wait_for(lambda: not self.zstd or client.compressed_traces is not None)
        return client

    def merge(self, parts: Iterable[tuple[str, str | None, Any]]) -> None:
        """Take what one request brought, fields of runs or all of a run's: no reader sees a part of it."""
        with self._lock:
            for run_id, field, value in parts:
                run = self._runs.setdefault(run_id, {})
                fields = value if field is None else {field: value}
                run |= {key: value for key, value in fields.items() if value is not None}
                self.taken += field is None

    def runs(self, run_type: str | None = None) -> list[dict[str, Any]]:
        with self._lock:
            return [run for run in self._runs.values() if run_type in (None, run.get("run_type"))]


class _Handler(BaseHTTPRequestHandler):
    server: FakeLangSmith
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        limits = {
            "use_multipart_endpoint": True,
            "size_limit": 100,
            "size_limit_bytes": 20_971_520,
            "scale_up_nthreads_limit": 1,
            "scale_up_qsize_trigger": 1000,
        }
        flags = {"zstd_compression_enabled": True} if self.server.zstd else {}
        self._answer(200, {"batch_ingest_config": limits, "instance_flags": flags})

    def do_POST(self) -> None:
        body = self._body()
        if self.headers.get("Content-Encoding") == "zstd":
            body = zstandard.ZstdDecompressor().decompressobj().decompress(body)
        self.server.bodies.append(body)
        if self.server.delays:
            time.sleep(self.server.delays.pop())
        if self.server.status < 400:
            if self.path == "/runs/multipart":
                self.server.merge(list(self._parts(body)))
            else:
                fields = json.loads(body)
                self.server.merge([(fields.get("id") or self.path.rsplit("/", 1)[-1], None, fields)])
        self._answer(self.server.status, {})

    do_PATCH = do_POST  # noqa: N815 - the name http.server asks for

    def _parts(self, body: bytes) -> Iterator[tuple[str, str | None, Any]]:
        for part in decoder.MultipartDecoder(body, self.headers["Content-Type"]).parts:
            disposition = part.headers[b"Content-Disposition"].decode()
            operation, run_id, *field = disposition.split('name="')[1].split('"')[0].split(".")
            assert operation in ("post", "patch")
            yield run_id, field[0] if field else None, json.loads(part.content)

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length")
        if length is not None:
            return self.rfile.read(int(length))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class CountingClient(Client):
    """LangSmith's client, which counts what it is asked to post."""

    def __init__(self, url: str) -> None:
        self.asked: list[str] = []
        super().__init__(api_url=url, api_key="not-a-key")

    def create_run(self, *args: Any, **kwargs: Any) -> None:
        self.asked.append("create")
        super().create_run(*args, **kwargs)

    def update_run(self, *args: Any, **kwargs: Any) -> None:
        self.asked.append("update")
        super().update_run(*args, **kwargs)


def wait_for(condition: Callable[[], bool]) -> None:
    patience = time.monotonic() + 10
    while time.monotonic() < patience and not condition():
        time.sleep(0.02)


@pytest.fixture(params=["plain", "zstd"])
def encoding(request):
    return request.param


@pytest.fixture
def langsmith(monkeypatch, encoding):
    """A server with the process's tracing switched on to it, as a deployment's environment does."""
    server = FakeLangSmith(zstd=encoding == "zstd")
    monkeypatch.setenv("LANGSMITH_ENDPOINT", server.url)
    monkeypatch.setenv("LANGSMITH_API_KEY", "not-a-key")
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    get_env_var.cache_clear()
    client = server.open_client()
    monkeypatch.setattr(run_trees, "_CLIENT", client)
    yield server
    monkeypatch.undo()
    get_env_var.cache_clear()
    client.close()
    server.shutdown()
    server.server_close()


@pytest.fixture
def ledger():
    price = Price(input=2.0, output=8.0, cache_read=0.5, cache_write=3.0, input_audio=4.0, output_audio=16.0)
    registry = ModelRegistry([ModelSpec(name="scripted", prices=(price,))])
    ledger = CostLedger("sqlite://", registry=registry)
    yield ledger
    ledger.close()


@pytest.fixture
def settle(ledger, langsmith):
    """Wait for the ledger and for LangSmith; returns the ledger's rows by run id.

    ``model_runs`` is how many runs of models are waited for where not every one has a row.
    """

    def all_posted(rows, model_runs):
        runs = {run["id"]: run for run in langsmith.runs() if "id" in run}
        return (
            rows.keys() <= runs.keys()
            and len(langsmith.runs("llm")) >= model_runs
            and all(run.get("end_time") for run in runs.values())
        )

    def all_taken():
        # What the client compresses is posted a moment after it says that all is, each as it was asked for.
        return not langsmith.zstd or langsmith.taken >= len(run_trees._CLIENT.asked)

    def settled(model_runs=0):
        assert ledger.flush()
        with ledger._engine.connect() as connection:
            rows = {row["run_id"]: dict(row) for row in connection.execute(select(CALLS)).mappings()}
        run_trees._CLIENT.flush()
        wait_for(lambda: all_posted(rows, model_runs) and all_taken())
        return rows

    return settled
