"""Feedback that reviewers gave in LangSmith, read from a local server that answers as its API does."""

import json
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from langchain_core.messages import HumanMessage
from langsmith import Client

from llmops_plugins.hierarchy.assistant import Assistant
from llmops_plugins.hierarchy.demonstrations.store import DemonstrationStore
from llmops_plugins.hierarchy.feedback import record_langsmith_feedback
from llmops_plugins.hierarchy.graph import create_hierarchy
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.verification.later_feedback import LaterFeedback
from tests.unit.caching.fakes import WordEmbeddings


class LangSmith(BaseHTTPRequestHandler):
    feedback: ClassVar[list] = []

    def do_GET(self):
        query = parse_qs(urlsplit(self.path).query)
        found = [
            one
            for one in self.feedback
            if one["run_id"] in query.get("run", []) and one["key"] in query["key"]
        ]
        offset = int(query.get("offset", ["0"])[0])
        body = json.dumps(found[offset:] if urlsplit(self.path).path == "/feedback" else {}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def client():
    LangSmith.feedback = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), LangSmith)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield Client(api_url=f"http://127.0.0.1:{server.server_port}", api_key="none", auto_batch_tracing=False)
    server.shutdown()
    server.server_close()


def given(run_id, score, *, key="resolved", minute=0):
    at = f"2026-01-01T00:{minute:02}:00+00:00"
    LangSmith.feedback.append(
        {
            "id": str(uuid.uuid4()),
            "run_id": run_id,
            "trace_id": run_id,
            "key": key,
            "score": score,
            "created_at": at,
            "modified_at": at,
        }
    )


def test_the_latest_feedback_on_each_kept_run_is_taken_over(client, tmp_path):
    store = DemonstrationStore(tmp_path / "d.db", tenant="acme", embeddings=WordEmbeddings())
    answers = ["liked", "disliked", "changed their mind", "no score", "other key", "nothing said"]
    runs = {}
    for answer in answers:
        assistant = Assistant(name="a", runnable=ScriptedChatModel(replies=[answer]))
        graph = create_hierarchy([assistant], success=LaterFeedback(), demonstrations=store, user="ann")
        runs[answer] = graph.invoke({"messages": [HumanMessage(f"{answer}?")]})["run_id"]
    given(runs["liked"], 1)
    given(runs["disliked"], 0)
    given(runs["changed their mind"], 1, minute=2)
    given(runs["changed their mind"], 0, minute=1)
    given(runs["no score"], None)
    given(runs["other key"], 1, key="polite")
    assert record_langsmith_feedback(store, client) == 3
    assert {one.solution for one in store.list(user="ann")} == {"liked", "changed their mind"}
    assert {one.provenance.evidence.source for one in store.list(user="ann")} == {"langsmith"}
    assert record_langsmith_feedback(store, client) == 0
