"""`llmops demo` on a real server: whatever the model is worth, the bill is the server's own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.vllm.conftest import HOST

COMMAND = Path(sys.executable).with_name("llmops")


def demo(server, limit, *options):
    command = [COMMAND, "demo", "--base-url", server.base_url, "--limit", str(limit), "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def total(result, figure):
    return sum(result[side][figure] for side in ("baseline", "plugins"))


def test_both_runs_are_billed_as_the_server_counts(server):
    before = server.counters()
    result = demo(server, 3)
    counted = server.counters() - before
    assert (result["simulated"], result["requests"]) == (False, 3)
    assert total(result, "calls") == counted.requests >= 6
    assert total(result, "input_tokens") == counted.input_tokens
    assert total(result, "output_tokens") == counted.output_tokens
    assert total(result, "calls_without_usage") == 0
    assert total(result, "unpriced_calls") == counted.requests
    assert [result[side]["cost_usd"] for side in ("baseline", "plugins")] == [None, None]
    assert all(0 <= result[side]["accuracy"] <= 1 for side in ("baseline", "plugins"))


def test_with_prices_it_has_a_cost(server, tmp_path):
    prices = tmp_path / "models.yaml"
    rates = {
        "gpu_usd_per_hour": HOST.gpu_usd_per_hour,
        "input_tokens_per_second": HOST.input_tokens_per_second,
        "output_tokens_per_second": HOST.output_tokens_per_second,
    }
    prices.write_text(json.dumps({"models": {server.model: {"self_hosted": rates}}}))
    before = server.counters()
    result = demo(server, 1, "--models", str(prices))
    counted = server.counters() - before
    seconds = counted.input_tokens / HOST.input_tokens_per_second
    seconds += counted.output_tokens / HOST.output_tokens_per_second
    assert total(result, "cost_usd") == pytest.approx(seconds * HOST.gpu_usd_per_hour / 3600)
    assert total(result, "unpriced_calls") == 0
