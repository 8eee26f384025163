"""What `import llmops_plugins` adds to importing LangChain's agents; run as a module."""

from __future__ import annotations

import statistics
import subprocess
import sys

ROUNDS = 7
TARGET_MILLISECONDS = 50.0
TIMED = "import time, langchain.agents; t = time.perf_counter(); {}; print((time.perf_counter() - t) * 1000)"
CASES = {
    "import llmops_plugins": "import llmops_plugins",
    "from llmops_plugins import CascadeMiddleware, CostLedger": (
        "from llmops_plugins import CascadeMiddleware, CostLedger"
    ),
}


def milliseconds(statement: str) -> float:
    """Return how long a statement takes in a new process that has imported LangChain's agents."""
    done = subprocess.run(
        [sys.executable, "-c", TIMED.format(statement)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def main() -> int:
    """Print the medians; 1 if importing the package misses its target."""
    medians = {}
    for name, statement in CASES.items():
        medians[name] = statistics.median(milliseconds(statement) for _ in range(ROUNDS))
        print(f"{name:<60}{medians[name]:8.1f} ms")
    added = medians["import llmops_plugins"]
    print(f"target: import llmops_plugins adds under {TARGET_MILLISECONDS:.0f} ms")
    return int(added >= TARGET_MILLISECONDS)


if __name__ == "__main__":
    sys.exit(main())
