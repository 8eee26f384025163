"""What a cascade says it saved, beside bills that are known: never more than the truth."""

import asyncio

import pytest
from langchain_core.caches import InMemoryCache

from llmops_plugins import (
    CascadeMiddleware,
    CostLedger,
    ModelRegistry,
    ModelSpec,
    Predicate,
    Price,
    with_middleware,
)
from llmops_plugins.background import BACKGROUND
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.testing import ScriptedChatModel

REGISTRY = ModelRegistry(
    [
        ModelSpec(name="small", prices=(Price(input=0.1, output=0.4, cache_read=0.01),)),
        ModelSpec(name="medium", prices=(Price(input=0.2, output=0.8),)),
        ModelSpec(name="large", prices=(Price(input=2.0, output=8.0, cache_read=0.2),)),
    ]
)
USAGE = {"input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100}
COST = {"small": 140e-6, "medium": 280e-6, "large": 2800e-6}
ACCEPT, REJECT = Predicate(lambda message: True), Predicate(lambda message: False)


def model(name, *replies, usage=USAGE, **settings):
    return ScriptedChatModel(model_name=name, replies=replies or [name], usage=usage, **settings)


@pytest.fixture
def ledger():
    with CostLedger("sqlite://", registry=REGISTRY) as open_ledger:
        yield open_ledger
    open_ledger.close()


def decisions(ledger):
    return {(row.outcome, row.mode): row for row in ledger.report().decisions}


def test_a_shadow_is_measured_against_the_own_model_that_really_answered(ledger):
    tiers = [model("small"), model("large")]
    own = with_middleware(model("medium"), CascadeMiddleware(tiers=tiers, verify=ACCEPT, mode="shadow"))
    own.invoke("?")
    assert BACKGROUND.drain()
    row = decisions(ledger)["accepted", "shadow"]
    assert row.saved_usd == pytest.approx(COST["medium"] - COST["small"])
    assert row.saved_basis == "measured"
    assert ledger.report().totals.saved_measured_usd == 0  # nothing was changed


@pytest.mark.parametrize(
    ("verify", "outcome", "saved"),
    [
        (ACCEPT, "accepted", COST["medium"] - COST["small"]),
        (REJECT, "escalated", COST["medium"] - COST["small"] - COST["large"]),
    ],
)
def test_the_counterfactual_is_the_agents_own_model_also_when_it_is_not_the_last_tier(
    ledger, verify, outcome, saved
):
    cascade = CascadeMiddleware(tiers=[model("small"), model("large")], verify=verify)
    with_middleware(model("medium"), cascade).invoke("?")
    assert decisions(ledger)[outcome, "on"].saved_usd == pytest.approx(saved)


def test_cached_input_is_avoided_at_its_cached_price(ledger):
    usage = {**USAGE, "input_token_details": {"cache_read": 1000}}
    cascade = CascadeMiddleware(tiers=[model("small", usage=usage), model("large")], verify=ACCEPT)
    with_middleware(model("large"), cascade).invoke("?")
    avoided, spent = 1000 * 0.2e-6 + 100 * 8e-6, 1000 * 0.01e-6 + 100 * 0.4e-6
    assert decisions(ledger)["accepted", "on"].saved_usd == pytest.approx(avoided - spent)


def test_without_usage_the_saving_is_unknown(ledger):
    cascade = CascadeMiddleware(tiers=[model("small", usage=None), model("large")], verify=ACCEPT)
    with_middleware(model("large"), cascade).invoke("?")
    row = decisions(ledger)["accepted", "on"]
    assert (row.saved_usd, row.unpriced) == (None, 1)


def test_cheap_calls_before_a_last_tier_that_fails_are_a_loss(ledger):
    cascade = CascadeMiddleware(
        tiers=[model("small"), model("large", ConnectionError("down"))], verify=REJECT
    )
    with pytest.raises(ConnectionError):
        with_middleware(model("large"), cascade).invoke("?")
    assert decisions(ledger)["escalated", "on"].saved_usd == pytest.approx(-COST["small"])


def test_cheap_calls_of_a_cascade_that_fails_itself_are_a_loss_and_rejected(ledger):
    def broken(request, replies):
        yield from ()
        raise ZeroDivisionError

    cascade = CascadeMiddleware(tiers=[model("small"), model("large")], verify=broken)
    assert with_middleware(model("large"), cascade).invoke("?").text == "large"
    assert decisions(ledger)["failed_open", "on"].saved_usd == pytest.approx(-COST["small"])
    assert [call.rejected for call in ledger.trace().calls] == [True, False]


def test_an_llm_cache_below_a_cascade_saves_its_part_and_no_more(ledger):
    small = model("small", cache=InMemoryCache())
    wrapped = with_middleware(model("large"), CascadeMiddleware(tiers=[small, model("large")], verify=ACCEPT))
    for _ in range(4):
        wrapped.invoke("the same")
    totals = ledger.report().totals
    claimed = totals.saved_measured_usd + totals.saved_estimated_usd
    assert claimed == pytest.approx(4 * COST["large"] - totals.cost_usd)
    assert totals.cost_usd == pytest.approx(COST["small"])


def test_what_a_user_declares_the_answer_is_not_hidden(ledger):
    answer = model("large").with_config(metadata={"llmops_kind": "answer"})
    chain = answer | (lambda message: message.text.upper() + "!")
    assert chain.invoke("?") == "LARGE!"
    assert ledger.report().totals.hidden_calls == 0


def test_failed_calls_have_no_input_to_be_a_share_of(ledger):
    flaky = model("large", ConnectionError("x"), ConnectionError("x"), "ok")
    flaky.with_retry(stop_after_attempt=3, wait_exponential_jitter=False).invoke("a question " * 50)
    totals = ledger.report().totals
    assert totals.calls == 3
    assert totals.resent_tokens <= totals.input_tokens


def test_a_cancelled_lone_call_is_in_the_books_when_flushed(ledger):
    async def cancelled():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(model("large", delay=5).ainvoke("?"), 0.02)

    asyncio.run(cancelled())
    assert [call.status for call in ledger.trace().calls] == ["aborted"]


def test_cancelled_calls_do_not_pile_up_when_nobody_flushes(ledger):
    async def cancelled(count):
        for _ in range(count):
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(model("large", delay=5).ainvoke("?"), 0.001)

    asyncio.run(cancelled(300))
    assert len(ledger._calls.all()) < 300
    assert ledger.report().totals.calls == 300


def test_the_report_says_when_shadow_work_was_lost(ledger):
    cascade = CascadeMiddleware(
        tiers=[model("small", delay=0.3), model("large")], verify=ACCEPT, mode="shadow"
    )
    before = BACKGROUND.counts.failed
    asyncio.run(with_middleware(model("large"), cascade).ainvoke("?"))  # the loop ends before the shadow
    assert BACKGROUND.counts.failed == before + 1
    assert any("shadow checks" in note for note in ledger.report().notes)


def test_closing_waits_for_shadow_work_in_threads(tmp_path):
    ledger = CostLedger(f"sqlite:///{tmp_path / 'ledger.db'}", registry=REGISTRY)
    cascade = CascadeMiddleware(
        tiers=[model("small", delay=0.2), model("large")], verify=ACCEPT, mode="shadow"
    )
    with_middleware(model("large"), cascade).with_config(callbacks=[ledger]).invoke("?")
    ledger.close()
    assert ("accepted", "shadow") in decisions(ledger)


@pytest.mark.parametrize(("setting", "value"), [("registry", {"large": {"input": 1}}), ("kinds", 5)])
def test_settings_of_another_type_are_refused_when_built(setting, value):
    with pytest.raises(ConfigurationError, match=f"^{setting}: must "):
        CostLedger("sqlite://", **{setting: value})
