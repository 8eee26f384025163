"""A LangGraph checkpointer in a file, for tests of processes that end and of others that go on."""

import os
import pickle
from pathlib import Path

from langgraph.checkpoint.memory import InMemorySaver


class FileSaver(InMemorySaver):
    """What it is given is in a file before it returns, so a killed process leaves it behind."""

    def __init__(self, path):
        super().__init__()
        self._path = Path(path)
        for method, arguments in self._entries():
            getattr(InMemorySaver, method)(self, *arguments)

    def put(self, config, checkpoint, metadata, new_versions):
        config = _kept(config)
        self._append("put", (config, checkpoint, metadata, new_versions))
        return super().put(config, checkpoint, metadata, new_versions)

    def put_writes(self, config, writes, task_id, task_path=""):
        config = _kept(config)
        self._append("put_writes", (config, list(writes), task_id, task_path))
        super().put_writes(config, writes, task_id, task_path)

    def _append(self, method, arguments):
        data = pickle.dumps((method, arguments))
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(file, len(data).to_bytes(8, "big") + data)  # at once, so that no entry is cut in two
        os.close(file)

    def _entries(self):
        data = self._path.read_bytes() if self._path.exists() else b""
        while data:
            length = int.from_bytes(data[:8], "big")
            yield pickle.loads(data[8 : 8 + length])
            data = data[8 + length :]


def _kept(config):
    names = ("thread_id", "checkpoint_ns", "checkpoint_id")
    return {"configurable": {name: config["configurable"].get(name) for name in names}}
