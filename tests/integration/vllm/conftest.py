"""The server under test, its own counters to hold the ledger against, and a ledger that prices it."""

import asyncio
import json
import os
import time
import urllib.request
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import MessagesState, StateGraph
from sqlalchemy import select

from llmops_plugins.accounting.ledger import CostLedger
from llmops_plugins.models.registry import ModelRegistry, ModelSpec, SelfHosted
from llmops_plugins.storage.database import CALLS, DECISIONS

SETTLED_WITHIN_SECONDS = 10
HOST = SelfHosted(gpu_usd_per_hour=2.2, input_tokens_per_second=9000, output_tokens_per_second=1400)


class Counters(NamedTuple):
    """What the server says it has done; of an aborted request it counts the tokens only."""

    requests: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int

    def __sub__(self, earlier):
        return Counters(*(now - before for now, before in zip(self, earlier, strict=True)))


class Server:
    """A vLLM server, with one model, that nobody else uses meanwhile."""

    def __init__(self, url):
        self.url = url.rstrip("/").removesuffix("/v1")
        self.base_url = f"{self.url}/v1"
        self.model = self._get_json("/v1/models")["data"][0]["id"]

    def chat(self, **settings):
        """The model as the documentation tells users to reach it, but for what ``settings`` change."""
        defaults = {"stream_usage": True, "temperature": 0, "max_tokens": 400}
        return ChatOpenAI(model=self.model, base_url=self.base_url, api_key="none", **defaults | settings)

    def counters(self):
        """The counters, once nothing is running any more."""
        end = time.monotonic() + SETTLED_WITHIN_SECONDS
        seen = None
        while time.monotonic() < end:
            metrics = self._metrics()
            if not self._sum(metrics, "vllm:num_requests_running", "vllm:num_requests_waiting"):
                if seen == metrics:
                    return self._counters(metrics)
                seen = metrics
            time.sleep(0.1)
        raise AssertionError(f"the server was not idle within {SETTLED_WITHIN_SECONDS} s")

    def written_tokens(self):
        """How many it has written, running requests included."""
        return self._sum(self._metrics(), "vllm:generation_tokens_total")

    def tokens(self, text):
        """How many tokens a text is to the model."""
        body = json.dumps({"model": self.model, "prompt": text, "add_special_tokens": False}).encode()
        headers = {"Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/tokenize", body, headers)) as answer:
            return json.load(answer)["count"]

    def _counters(self, metrics):
        return Counters(
            requests=self._sum(metrics, "vllm:request_success_total"),
            input_tokens=self._sum(metrics, "vllm:prompt_tokens_total"),
            cached_tokens=self._sum(metrics, "vllm:prompt_tokens_cached_total"),
            output_tokens=self._sum(metrics, "vllm:generation_tokens_total"),
        )

    @staticmethod
    def _sum(metrics, *names):
        """Over all engines and whatever other labels the metrics have."""
        return int(sum(value for series, value in metrics.items() if series.split("{")[0] in names))

    def _metrics(self):
        with urllib.request.urlopen(f"{self.url}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if line.startswith("vllm:"))
        return {series: float(value) for series, value in pairs}

    def _get_json(self, path):
        with urllib.request.urlopen(f"{self.url}{path}") as answer:
            return json.load(answer)


class Books:
    """A ledger and what it has written."""

    def __init__(self, registry):
        self.registry = registry
        self.ledger = CostLedger("sqlite://", registry=registry)
        self.config = {"callbacks": [self.ledger]}

    @property
    def calls(self):
        return self._rows(CALLS, CALLS.c.started_at)

    @property
    def decisions(self):
        return self._rows(DECISIONS, DECISIONS.c.at)

    def _rows(self, table, order):
        assert self.ledger.flush()
        with self.ledger.engine.connect() as connection:
            return [
                SimpleNamespace(**row._mapping) for row in connection.execute(select(table).order_by(order))
            ]


def assert_agrees(calls, counted):
    """The ledger has what the server counted, call by call and token by token."""
    assert len(calls) == len({call.run_id for call in calls}) == counted.requests
    assert {(call.status, call.usage_source) for call in calls} == {("ok", "reported")}
    assert sum(call.input_tokens for call in calls) == counted.input_tokens > 0
    assert sum(call.cache_read_tokens for call in calls) == counted.cached_tokens
    assert sum(call.output_tokens for call in calls) == counted.output_tokens > 0


@tool
def look_up_order(order_id: str) -> str:
    """Look up one order by its number."""
    return json.dumps({"order_id": order_id, "status": "shipped"})


def node_graph(model):
    """A graph written by hand, with one node that calls the model."""
    graph = StateGraph(MessagesState)
    graph.add_node("answer", lambda state: {"messages": model.invoke(state["messages"])})
    graph.set_entry_point("answer")
    return graph.compile()


def async_node_graph(model):
    """The same with an asynchronous node."""

    async def answer(state):
        return {"messages": await model.ainvoke(state["messages"])}

    graph = StateGraph(MessagesState)
    graph.add_node("answer", answer)
    graph.set_entry_point("answer")
    return graph.compile()


def agent_graph(model, **settings):
    """An agent with the tool."""
    prompt = "You are a friendly support agent. Look orders up before you speak about them."
    return create_agent(model, [look_up_order], system_prompt=prompt, **settings)


# ChatOpenAI shares its connections between models, so all of them have to live in one event loop.
_RUNNER = asyncio.Runner()
run_async = _RUNNER.run


def collect(parts):
    """The parts of an asynchronous stream."""

    async def read():
        return [part async for part in parts]

    return run_async(read())


# Each returns the messages of the final state.
WAYS = {
    "invoke": lambda graph, given, config: graph.invoke(given, config),
    "ainvoke": lambda graph, given, config: run_async(graph.ainvoke(given, config)),
    "stream": lambda graph, given, config: list(graph.stream(given, config, stream_mode="values"))[-1],
    "astream": lambda graph, given, config: collect(graph.astream(given, config, stream_mode="values"))[-1],
    "stream messages": lambda graph, given, config: _last_values(
        list(graph.stream(given, config, stream_mode=["messages", "values"]))
    ),
    "astream messages": lambda graph, given, config: _last_values(
        collect(graph.astream(given, config, stream_mode=["messages", "values"]))
    ),
}


def _last_values(parts):
    return [values for mode, values in parts if mode == "values"][-1]


def ask(graph, way, question, config):
    """Put a question to a graph in one of the ``WAYS``; returns the model's messages."""
    output = WAYS[way](graph, {"messages": [("user", question)]}, config)
    return [message for message in output["messages"] if isinstance(message, AIMessage)]


def watch(graph, question, config, asynchronous, **modes):
    """Stream a graph; returns the pieces of text that a user interface would show, and the final state."""
    given, modes = {"messages": [("user", question)]}, {"stream_mode": ["messages", "values"], **modes}
    if asynchronous:
        parts = collect(graph.astream(given, config, **modes))
    else:
        parts = list(graph.stream(given, config, **modes))
    # With subgraphs=True, a namespace comes before each.
    shown = [part[-1][0].text for part in parts if part[-2] == "messages" and part[-1][0].type != "tool"]
    return shown, [part[-1] for part in parts if part[-2] == "values" and part[:-2] in ((), ((),))][-1]


@pytest.fixture(params=[False, True], ids=["sync", "async"])
def asynchronous(request):
    return request.param


@pytest.fixture(scope="session", autouse=True)
def event_loop_of_the_models():
    yield
    _RUNNER.close()


@pytest.fixture(scope="session")
def server():
    url = os.environ.get("LLMOPS_VLLM_URL")
    if not url:
        pytest.skip("no vLLM server: run `make test-vllm`, or set LLMOPS_VLLM_URL to one nobody else uses")
    if "PYTEST_XDIST_WORKER" in os.environ:
        pytest.skip("these count every token of the server, so they run one at a time: run `make test-vllm`")
    return Server(url)


@pytest.fixture
def books(server):
    registry = ModelRegistry([ModelSpec(name=server.model, self_hosted=HOST)])
    books = Books(registry)
    yield books
    books.ledger.close()
