"""What every test may use: a listener on the bus, and no network."""

import os
from pathlib import Path

import pytest
import pytest_socket
from hypothesis import settings
from langchain_core.callbacks import BaseCallbackHandler

# First uses import whole packages, and machines differ: how long an example takes says nothing.
settings.register_profile("llmops", deadline=None)
# Whether a change lands is not for a draw to decide; every other run draws anew.
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "llmops")

# A developer's shell, or the machine that runs the tests, may colour output, trace runs or have a proxy.
for _name in ("FORCE_COLOR", "GITHUB_ACTIONS", "PY_COLORS", "NO_COLOR", "COLUMNS"):
    os.environ.pop(_name, None)
for _name in ("LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING", "LANGCHAIN_TRACING_V2"):
    os.environ.pop(_name, None)
for _name in ("NO_PROXY", "no_proxy"):
    os.environ[_name] = "127.0.0.1,localhost"

OFFLINE = [Path(__file__).parent / name for name in ("unit", "standard", "adapters", "contracts")]


@pytest.fixture(autouse=True)
def no_network(request):
    """Block sockets; Unix ones stay, since asyncio wakes its loop through a pair of them."""
    if not any(request.path.is_relative_to(folder) for folder in OFFLINE):
        yield
        return
    pytest_socket.disable_socket(allow_unix_socket=True)
    yield
    pytest_socket.enable_socket()


@pytest.fixture
def warnings_logged(caplog, monkeypatch):
    """Return what is warned of from here on: a process says each cause once, in whichever test it came."""
    monkeypatch.setattr("llmops_plugins.failures._warned", set())
    return lambda: [one.getMessage() for one in caplog.records if one.name == "llmops_plugins.failures"]


class Listener(BaseCallbackHandler):
    """Writes down what callbacks say, in order."""

    run_inline = True

    def __init__(self):
        self.parents = {}
        self.names = {}
        self.model_runs = []
        self.ended = []
        self.failed = []
        self.events = []
        self.metadata = {}
        self.tags = {}
        self.root_ends = []

    @property
    def decisions(self):
        return [data for name, data in self.events if name == "llmops.decision"]

    @property
    def outcomes(self):
        return [decision["outcome"] for decision in self.decisions]

    @property
    def model_names(self):
        return [self.names[run_id] for run_id in self.model_runs]

    def on_chat_model_start(
        self, serialized, messages, *, run_id, parent_run_id=None, tags=None, metadata=None, **kwargs
    ):
        self.parents[run_id] = parent_run_id
        self.names[run_id] = metadata["ls_model_name"]
        self.metadata[run_id] = metadata
        self.tags[run_id] = tags or []
        self.model_runs.append(run_id)

    def on_chain_start(self, serialized, inputs, *, run_id, parent_run_id=None, name=None, **kwargs):
        self.parents[run_id] = parent_run_id
        self.names[run_id] = name

    def on_chain_end(self, outputs, *, run_id, parent_run_id=None, **kwargs):
        if parent_run_id is None:
            self.root_ends.append(outputs)

    def on_llm_end(self, response, *, run_id, **kwargs):
        self.ended.append(run_id)

    def on_llm_error(self, error, *, run_id, **kwargs):
        self.failed.append((run_id, error))

    def on_custom_event(self, name, data, *, run_id, **kwargs):
        self.events.append((name, data))

    def ancestors(self, run_id):
        """The names of the runs above one, innermost first."""
        names = []
        while (run_id := self.parents.get(run_id)) is not None:
            names.append(self.names[run_id])
        return names


@pytest.fixture
def listener():
    return Listener()


@pytest.fixture
def new_listener():
    return Listener
