import json

import pytest
from langchain_core.messages import AIMessage

from llmops_plugins.demo.comparison import compare, support_cascade
from llmops_plugins.demo.models import DemoModels, real_models, simulated_models
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.models.registry import ModelRegistry
from llmops_plugins.testing import ScriptedChatModel


@pytest.fixture(scope="module")
def result():
    return compare(simulated_models())


def test_both_sides_answer_the_same_requests_and_the_plugins_cost_less(result):
    assert result.simulated
    before, after = result.baseline.report.totals, result.plugins.report.totals
    assert after.cost_usd < before.cost_usd / 2
    assert result.plugins.accuracy >= result.baseline.accuracy - 0.05
    assert before.usage_coverage == after.usage_coverage == 1.0
    assert before.unpriced_calls == after.unpriced_calls == 0


def test_the_claimed_savings_are_the_difference_of_the_bills_within_a_tenth(result):
    data = json.loads(json.dumps(result.to_dict()))
    difference = data["baseline"]["cost_usd"] - data["plugins"]["cost_usd"]
    assert sum(data["savings"].values()) == pytest.approx(difference, rel=0.1)
    plugins = data["plugins"]
    claimed = plugins["saved_measured_usd"] + plugins["saved_estimated_usd"]
    assert claimed == pytest.approx(sum(data["savings"].values()))


def test_what_the_cache_claims_is_what_it_saved():
    large = simulated_models().strong
    alone = DemoModels(strong=large, cheap=large, registry=simulated_models().registry, simulated=True)
    result = compare(alone)  # one model for both tiers: only the cache can save anything
    difference = result.baseline.report.totals.cost_usd - result.plugins.report.totals.cost_usd
    assert result.savings["cascade accepted"] == pytest.approx(0.0, abs=1e-9)
    claimed = result.savings["cache exact_hit"] + result.savings["cache semantic_hit"]
    assert claimed == pytest.approx(difference, rel=0.02)
    bases = {row.outcome: row.saved_basis for row in result.plugins.report.decisions}
    assert (bases["exact_hit"], bases["semantic_hit"]) == ("measured", "estimated")


def test_every_repeat_is_served_most_near_repeats_are_and_no_trap(result):
    served = result.served
    assert served["repeat"].exact == served["repeat"].asked
    assert served["near_repeat"].semantic >= 0.9 * served["near_repeat"].asked
    assert served["trap"].exact == served["trap"].semantic == 0
    assert served["first"].exact == served["first"].semantic == 0
    assert all(one.right == one.exact + one.semantic for one in served.values())


def test_the_json_has_the_promised_names(result):
    data = result.to_dict()
    assert set(data) >= {"simulated", "baseline", "plugins", "savings", "served"}
    assert set(data["served"]) == {"first", "repeat", "near_repeat", "trap"}
    for side in ("baseline", "plugins"):
        assert set(data[side]) >= {"accuracy", "calls", "cost_usd", "hidden_cost_usd", "usage_coverage"}


def test_the_trace_shown_is_one_where_the_cascade_had_to_escalate(result):
    assert any(decision.outcome == "escalated" for decision in result.trace.decisions)
    assert any(call.rejected for call in result.trace.calls)


def test_progress_is_told_for_every_answer():
    told = []
    result = compare(simulated_models(), limit=3, progress=lambda done, of: told.append((done, of)))
    assert result.requests == 3
    assert told == [(number, 6) for number in range(1, 7)]


def scripted_pair(cheap, strong):
    return DemoModels(strong=strong, cheap=cheap, registry=ModelRegistry(), simulated=False)


def test_without_prices_both_bills_are_unknown_and_so_are_the_savings():
    cheap = ScriptedChatModel(replies=["It arrives on Friday."], model_name="nobodys-small")
    strong = ScriptedChatModel(replies=["It arrives on Friday."], model_name="nobodys-large")
    result = compare(scripted_pair(cheap, strong), limit=2)
    assert result.baseline.report.totals.cost_usd is None
    assert result.savings == {"cascade accepted": None}
    assert result.served["first"].asked == 2
    assert not result.simulated


def test_a_model_that_fails_is_one_sentence():
    down = ScriptedChatModel(replies=[ConnectionError("connection refused")], model_name="down")
    with pytest.raises(ConfigurationError, match=r"^model: failed on request .*connection refused"):
        compare(scripted_pair(down, down), limit=1)


def test_a_model_that_never_stops_calling_tools_has_no_answer():
    call = AIMessage("", tool_calls=[{"name": "look_up_order", "args": {"order_id": "A1001"}, "id": "1"}])
    again = [lambda messages: call.model_copy()]
    loop = ScriptedChatModel(replies=again, model_name="loop")
    result = compare(scripted_pair(loop, loop), limit=1)
    assert result.baseline.accuracy == 0.0
    assert result.baseline.report.totals.calls > 5


@pytest.mark.parametrize(
    ("text", "definite"),
    [
        ("It costs $12.34.", True),
        ("", False),
        ("  ", False),
        ("I am NOT SURE.", False),
        ("I'm unable to say", False),
    ],
)
def test_the_demos_cascade_wants_definite_answers(text, definite):
    models = scripted_pair(
        ScriptedChatModel(replies=[text], model_name="cheap"),
        ScriptedChatModel(replies=["It costs $12.34."], model_name="strong"),
    )
    result = compare(models, limit=1)
    assert ("cascade accepted" in result.savings) is definite
    assert support_cascade(models).capability == "cascade"


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("nobody:knows-this", None, None), "model"),
        (("gpt-4o", None, None), "model"),
        (("x", None, "localhost:8000"), "base-url"),
        (("x", None, "ftp://localhost/v1"), "base-url"),
        ((None, None, "not a url"), "base-url"),
    ],
)
def test_models_that_cannot_be_built_are_refused_by_field(arguments, field, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match=f"^{field}: "):
        real_models(*arguments, None)


def test_one_model_alone_serves_both_tiers_and_a_cheap_one_the_first(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-key")
    alone = real_models("openai:gpt-4o", None, None, None)
    assert alone.cheap is alone.strong
    both = real_models("openai:gpt-4o", "openai:gpt-4o-mini", None, None)
    assert (both.strong.model_name, both.cheap.model_name) == ("gpt-4o", "gpt-4o-mini")
    served = real_models("large", "small", "http://localhost:8000/v1", None)
    assert (served.strong.model_name, served.cheap.model_name) == ("large", "small")
    assert served.strong.stream_usage is True
