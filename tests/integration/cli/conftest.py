import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

USAGE = {"prompt_tokens": 120, "completion_tokens": 8, "total_tokens": 128}


class OpenAIServer(ThreadingHTTPServer):
    """Speaks the chat-completions API as vLLM does: a stream carries usage only where it is asked for.

    The first message of a conversation is answered with a call of the first tool, if there is one; tool
    results are answered with their own text.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests = []
        self.models = ["served-large", "served-small"]
        self.status = 200

    @property
    def base_url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        self.reply({"data": [{"id": name} for name in self.server.models]})

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(request)
        if self.server.status != 200 or request["model"] not in self.server.models:
            self.reply({"error": {"message": f"no model {request['model']}"}}, max(self.server.status, 404))
        elif request.get("stream"):
            self.stream(request)
        else:
            message = answer(request)
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            self.reply(body(request, "chat.completion", [choice]) | {"usage": USAGE})

    def stream(self, request):
        message = answer(request)
        for index, call in enumerate(message.get("tool_calls", [])):
            call["index"] = index
        chunks = [
            body(request, "chat.completion.chunk", [{"index": 0, "delta": message, "finish_reason": None}])
        ]
        chunks.append(
            body(request, "chat.completion.chunk", [{"index": 0, "delta": {}, "finish_reason": "stop"}])
        )
        if (request.get("stream_options") or {}).get("include_usage"):
            chunks.append(body(request, "chat.completion.chunk", []) | {"usage": USAGE})
        lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks] + ["data: [DONE]\n\n"]
        self.send("".join(lines).encode(), 200, "text/event-stream")

    def reply(self, data, status=200):
        self.send(json.dumps(data).encode(), status, "application/json")

    def send(self, data, status, content_type):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def body(request, kind, choices):
    return {"id": "c1", "object": kind, "created": 1, "model": request["model"], "choices": choices}


def answer(request):
    last = request["messages"][-1]
    if last["role"] == "tool":
        return {"role": "assistant", "content": f"The record says {last['content']}"}
    if not request.get("tools"):
        return {"role": "assistant", "content": "Hello."}
    function = request["tools"][0]["function"]
    arguments = json.dumps(dict.fromkeys(function["parameters"]["required"], "A1001"))
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": function["name"], "arguments": arguments},
    }
    return {"role": "assistant", "content": None, "tool_calls": [call]}


@pytest.fixture
def server():
    running = OpenAIServer()
    thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()
