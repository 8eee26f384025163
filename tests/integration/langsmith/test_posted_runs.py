"""With tracing on, LangSmith shows what the ledger knows: real graphs, the real client, a real server."""

import asyncio
import logging
import threading

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import SummarizationMiddleware
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler, UsageMetadataCallbackHandler
from langchain_core.globals import set_llm_cache
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.messages.ai import add_usage
from langchain_core.runnables import RunnableLambda
from langchain_core.tracers.langchain import LangChainTracer
from langgraph.graph import START, MessagesState, StateGraph
from langsmith import run_trees
from sqlalchemy import select

from llmops_plugins.accounting import priced_messages
from llmops_plugins.accounting.breakdown import InputBreakdown
from llmops_plugins.accounting.ledger import CostLedger
from llmops_plugins.events import Decision
from llmops_plugins.flow import CallModel, Emit, Forward, Gather, Invoke
from llmops_plugins.flow_middleware import FlowMiddleware
from llmops_plugins.storage.database import CALLS
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.wrapped_model.wrap import with_middleware

USAGE = {"input_tokens": 100, "output_tokens": 20, "total_tokens": 120}
COSTS = ("input_cost", "output_cost", "total_cost")
DECISIONS = "llmops_decisions"


def tool_call():
    return AIMessage("", tool_calls=[{"name": "look_up", "args": {"word": "tea"}, "id": "1"}])


def look_up(word: str) -> str:
    """Look a word up."""
    return f"{word} is a drink"


class Cascade(FlowMiddleware):
    """A draft that is always rejected, by a judge."""

    capability = "cascade"

    def __init__(self, draft, judge):
        super().__init__()
        self.draft, self.judge = draft, judge

    def flow(self, request):
        draft = yield Forward(request.override(model=self.draft))
        verdict = yield CallModel(self.judge, [HumanMessage("good?")], kind="judge")
        reply = yield Forward(request, live=True)
        yield Emit(
            Decision(
                capability="cascade",
                outcome="escalated",
                reason="the judge said no",
                rejected=(draft.result[0].id,),
                hidden=(verdict.message.id,),
                returned=reply.result[0].id,
            )
        )
        return reply


def cascade():
    return Cascade(
        ScriptedChatModel(replies=["draft"], usage=USAGE), ScriptedChatModel(replies=["no"], usage=USAGE)
    )


def posted_usages(run):
    outputs = run["outputs"]["generations"][0][0]["message"]["kwargs"].get("usage_metadata")
    return outputs, run["extra"]["metadata"].get("usage_metadata")


def check_agreement(server, rows):
    """Every row's run says in LangSmith what the row says, and every model run has a row."""
    runs = {run["id"]: run for run in server.runs("llm")}
    assert runs.keys() == rows.keys()
    for run_id, run in runs.items():
        row, metadata = rows[run_id], run["extra"]["metadata"]
        for usage in posted_usages(run):
            assert usage["total_cost"] == pytest.approx(row["cost_usd"])
            assert usage["total_cost"] == pytest.approx(usage["input_cost"] + usage["output_cost"])
        assert row["price_source"] == "override"
        assert metadata["llmops_kind"] == row["kind"]
        assert metadata["llmops_input_breakdown"] == {**row["input_breakdown"], "resent": None}
        assert InputBreakdown.from_dict(metadata["llmops_input_breakdown"]).total == row["input_tokens"]
    return runs


def kinds(rows):
    return sorted(row["kind"] for row in rows.values())


def test_a_slow_request_does_not_bring_back_what_a_later_one_corrected(langsmith, settle, ledger):
    client = run_trees._CLIENT

    class Flusher(BaseCallbackHandler):
        """Has each end posted in a request of its own, as on a busy client."""

        run_inline = True

        def on_llm_end(self, response, **kwargs):
            if client.compressed_traces is not None:
                langsmith.delays.append(0.5)
                client.flush_compressed_traces(timeout=0)

    agent = create_agent(ScriptedChatModel(replies=["a drink"], usage=USAGE), [look_up])
    run_agent(agent, [LangChainTracer(), Flusher(), ledger])
    check_agreement(langsmith, settle())


ORDERS = ["ledger first", "tracer first", "context manager"]


@pytest.fixture(params=ORDERS)
def attach(request, ledger):
    """Every way to attach the ledger beside a tracer: returns the callbacks to pass."""
    if request.param == "ledger first":
        yield [ledger]
    elif request.param == "tracer first":
        yield [LangChainTracer(), ledger]
    else:
        with ledger:
            yield []


def run_agent(agent, callbacks):
    return agent.invoke({"messages": [("user", "what is tea?")]}, {"callbacks": callbacks})


def test_an_agents_loop(langsmith, settle, attach):
    agent = create_agent(ScriptedChatModel(replies=[tool_call(), "a drink"], usage=USAGE), [look_up])
    run_agent(agent, attach)
    rows = settle()
    check_agreement(langsmith, rows)
    assert kinds(rows) == ["answer", "step"]


def test_an_async_agents_loop(langsmith, settle, attach):
    agent = create_agent(ScriptedChatModel(replies=[tool_call(), "a drink"], usage=USAGE), [look_up])
    asyncio.run(agent.ainvoke({"messages": [("user", "what is tea?")]}, {"callbacks": attach}))
    rows = settle()
    check_agreement(langsmith, rows)
    assert kinds(rows) == ["answer", "step"]


@pytest.mark.parametrize("stream_mode", ["messages", "updates"])
def test_a_streamed_agent(langsmith, settle, attach, stream_mode):
    agent = create_agent(ScriptedChatModel(replies=[tool_call(), "a drink"], usage=USAGE), [look_up])
    question = {"messages": [("user", "what is tea?")]}
    list(agent.stream(question, {"callbacks": attach}, stream_mode=stream_mode))

    async def astream():
        async for _ in agent.astream(question, {"callbacks": attach}, stream_mode=stream_mode):
            pass

    asyncio.run(astream())
    rows = settle()
    check_agreement(langsmith, rows)
    assert len(rows) == 4


def test_a_rejected_draft_and_its_judge(langsmith, settle, attach):
    agent = create_agent(ScriptedChatModel(replies=["best"], usage=USAGE), [look_up], middleware=[cascade()])
    run_agent(agent, attach)
    rows = settle()
    check_agreement(langsmith, rows)
    assert kinds(rows) == ["answer", "answer", "judge"]
    assert sum(row["rejected"] for row in rows.values()) == 1
    (maker,) = [run for run in langsmith.runs() if DECISIONS in run["extra"]["metadata"]]
    assert [one["outcome"] for one in maker["extra"]["metadata"][DECISIONS]] == ["escalated"]
    assert "wrap_model_call" in maker["name"]
    assert all(run["id"] != maker["id"] for run in langsmith.runs("llm"))


@pytest.mark.parametrize("call", ["invoke", "stream", "ainvoke", "astream"])
def test_a_model_with_middleware_on_its_own(langsmith, settle, attach, call):
    model = with_middleware(ScriptedChatModel(replies=["best"], usage=USAGE), cascade())
    drive(model, call, "question", attach)
    rows = settle()
    check_agreement(langsmith, rows)
    assert kinds(rows) == ["answer", "answer", "judge"]
    (maker,) = [run for run in langsmith.runs() if DECISIONS in run["extra"]["metadata"]]
    assert maker["run_type"] == "chain"
    assert maker.get("parent_run_id") is None


def test_a_model_with_middleware_in_a_node(langsmith, settle, attach):
    model = with_middleware(ScriptedChatModel(replies=["best"], usage=USAGE), cascade())
    graph = StateGraph(MessagesState)
    graph.add_node("reply", lambda state: {"messages": [model.invoke(state["messages"])]})
    graph.add_edge(START, "reply")
    run_agent(graph.compile(), attach)
    rows = settle()
    check_agreement(langsmith, rows)
    assert kinds(rows) == ["answer", "answer", "judge"]
    (maker,) = [run for run in langsmith.runs() if DECISIONS in run["extra"]["metadata"]]
    assert maker["parent_run_id"] in {run["id"] for run in langsmith.runs() if run["name"] == "reply"}


def test_a_hidden_summary(langsmith, settle, attach):
    summarizer = ScriptedChatModel(replies=["a summary"], usage=USAGE)
    agent = create_agent(
        ScriptedChatModel(replies=["done"], usage=USAGE),
        [],
        middleware=[SummarizationMiddleware(summarizer, trigger=("messages", 3), keep=("messages", 1))],
    )
    history = [("user", "a"), ("ai", "b"), ("user", "c"), ("ai", "d"), ("user", "e")]
    agent.invoke({"messages": history}, {"callbacks": attach})
    rows = settle()
    check_agreement(langsmith, rows)
    assert kinds(rows) == ["answer", "summarize"]


def drive(model, call, question, callbacks):
    config = {"callbacks": callbacks}

    async def drain():
        return [chunk async for chunk in model.astream(question, config)]

    match call:
        case "invoke":
            return model.invoke(question, config)
        case "stream":
            return list(model.stream(question, config))
        case "ainvoke":
            return asyncio.run(model.ainvoke(question, config))
        case "astream":
            return asyncio.run(drain())


@pytest.mark.parametrize("call", ["invoke", "stream", "ainvoke", "astream"])
def test_a_model_on_its_own(langsmith, settle, ledger, call):
    model = ScriptedChatModel(replies=["hello"], usage=USAGE)
    reply = drive(model, call, "hi", [ledger])
    rows = settle()
    check_agreement(langsmith, rows)
    assert kinds(rows) == ["answer"]
    for message in reply if isinstance(reply, list) else [reply]:
        assert type(message).__module__.startswith("langchain_core")
        assert "total_cost" not in (message.usage_metadata or {})


def test_a_model_on_its_own_behind_the_tracer_says_what_to_do(langsmith, settle, ledger, caplog):
    priced_messages.warn_once.cache_clear()
    with caplog.at_level(logging.WARNING), ledger:
        for _ in range(2):
            ScriptedChatModel(replies=["hello"], usage=USAGE).invoke("hi")
    settle()
    for run in langsmith.runs("llm"):
        assert not any(key in usage for usage in posted_usages(run) for key in COSTS)
    assert [record.message for record in caplog.records if "put the ledger first" in record.message] != []
    assert caplog.text.count("put the ledger first") == 1


@pytest.mark.parametrize("alone", [True, False])
def test_a_model_without_a_price_has_no_cost_at_all(langsmith, settle, ledger, alone):
    model = ScriptedChatModel(replies=["hello"], usage=USAGE, model_name="nobody-lists-this")
    if alone:
        model.invoke("hi", {"callbacks": [ledger]})
    else:
        run_agent(create_agent(model, []), [ledger])
    (row,) = settle().values()
    (run,) = langsmith.runs("llm")
    assert row["cost_usd"] is None
    assert run["extra"]["metadata"]["llmops_kind"] == "answer"
    for usage in posted_usages(run):
        assert usage["total_tokens"] == 120
        assert not any("cost" in key for key in usage)


def test_costs_by_kind_of_token_have_the_names_langsmith_knows(langsmith, settle, attach):
    usage = {
        "input_tokens": 1000,
        "output_tokens": 100,
        "total_tokens": 1100,
        "input_token_details": {"cache_read": 400, "cache_creation": 200, "audio": 100},
        "output_token_details": {"reasoning": 50, "audio": 10},
    }
    run_agent(create_agent(ScriptedChatModel(replies=["hello"], usage=usage), []), attach)
    rows = settle()
    (run,) = check_agreement(langsmith, rows).values()
    posted, _ = posted_usages(run)
    assert posted["input_cost_details"] == pytest.approx(
        {"cache_read": 200e-6, "cache_creation": 600e-6, "audio": 400e-6}
    )
    assert posted["output_cost_details"] == pytest.approx({"reasoning": 400e-6, "audio": 160e-6})


def test_concurrent_decisions_of_one_run_are_all_kept(langsmith, settle, ledger):
    together = threading.Barrier(8)

    def emit(number):
        together.wait(timeout=10)
        return number

    class Many(FlowMiddleware):
        capability = "many"

        def flow(self, request):
            yield Gather([Invoke(RunnableLambda(emit), n) for n in range(8)])
            yield Gather(
                [Emit(Decision(capability="many", outcome=str(n), reason="because")) for n in range(50)]
            )
            return (yield Forward(request, live=True))

    model = ScriptedChatModel(replies=["hello"], usage=USAGE)
    run_agent(create_agent(model, [], middleware=[Many()]), [ledger])
    settle()
    (maker,) = [run for run in langsmith.runs() if DECISIONS in run["extra"]["metadata"]]
    outcomes = [one["outcome"] for one in maker["extra"]["metadata"][DECISIONS]]
    assert sorted(outcomes, key=int) == [str(n) for n in range(50)]


@pytest.mark.parametrize("alone", [True, False])
def test_the_users_messages_stay_free_of_costs_and_can_be_summed(langsmith, settle, ledger, alone):
    counter = UsageMetadataCallbackHandler()
    model = ScriptedChatModel(replies=["hello"], usage=USAGE)
    agent = create_agent(model, [])
    total = None
    for _ in range(3):
        if alone:
            message = model.invoke("hi", {"callbacks": [ledger, counter]})
        else:
            message = run_agent(agent, [ledger, counter])["messages"][-1]
        total = add_usage(total, message.usage_metadata)
    assert total["total_tokens"] == 360
    assert counter.usage_metadata["scripted"]["total_tokens"] == 360
    check_agreement(langsmith, settle())


def test_a_streamed_reply_can_still_be_added_up(langsmith, settle, ledger):
    model = ScriptedChatModel(replies=["hello there you"], usage=USAGE)
    chunks = list(model.stream("hi", {"callbacks": [ledger]}))
    settle()
    both = sum(chunks[1:], chunks[0])
    assert (both + both).usage_metadata["total_tokens"] == 240


@pytest.mark.parametrize("alone", [True, False])
def test_a_cached_reply_is_a_hit_and_not_a_reported_cost(langsmith, settle, ledger, alone):
    set_llm_cache(InMemoryCache())
    try:
        model = ScriptedChatModel(replies=["hello"], usage=USAGE)
        for number in range(2):
            if alone:
                model.invoke("hi", {"callbacks": [ledger]})
            else:
                run_agent(create_agent(model, []), [ledger])
            settle(model_runs=number + 1)
    finally:
        set_llm_cache(None)
    (row,) = settle().values()
    assert row["price_source"] == "override"
    paid, hit = sorted(langsmith.runs("llm"), key=lambda run: run["start_time"])
    assert posted_usages(paid)[0]["total_cost"] == pytest.approx(row["cost_usd"])
    assert posted_usages(hit)[0]["total_cost"] == 0


def test_tracing_changes_nothing_in_the_accounts(langsmith, settle, ledger):
    chain = RunnableLambda(lambda text: model.invoke(text).text.upper())
    model = ScriptedChatModel(replies=["a"], usage=USAGE)
    failing = ScriptedChatModel(replies=[ConnectionError("down")], usage=USAGE)
    chain.invoke("hi", {"callbacks": [ledger]})
    with pytest.raises(ConnectionError):
        failing.invoke("hi", {"callbacks": [ledger]})
    rows = settle()
    assert sorted((row["kind"], row["status"]) for row in rows.values()) == [
        ("other", "error"),
        ("other", "ok"),
    ]


def test_a_prompt_is_posted_only_where_tracing_posts_it(langsmith, settle, ledger, monkeypatch):
    monkeypatch.setenv("LANGSMITH_HIDE_INPUTS", "true")
    monkeypatch.setenv("LANGSMITH_HIDE_OUTPUTS", "true")
    from langsmith.utils import get_env_var

    get_env_var.cache_clear()
    client = langsmith.open_client()
    monkeypatch.setattr(run_trees, "_CLIENT", client)
    agent = create_agent(
        ScriptedChatModel(replies=[lambda messages: "swordfish reply"], usage=USAGE),
        [look_up],
        middleware=[cascade()],
    )
    agent.invoke({"messages": [("user", "swordfish question")]}, {"callbacks": [ledger]})
    settle()
    client.close()
    assert langsmith.runs("llm")
    assert b"swordfish" not in b"".join(langsmith.bodies)


@pytest.mark.parametrize("trouble", ["down", "500"])
def test_langsmiths_trouble_reaches_neither_the_app_nor_the_accounts(langsmith, ledger, trouble):
    if trouble == "down":
        langsmith.shutdown()
        langsmith.server_close()
    else:
        langsmith.status = 500
    agent = create_agent(
        ScriptedChatModel(replies=[tool_call(), "a drink"], usage=USAGE), [look_up], middleware=[cascade()]
    )
    assert run_agent(agent, [ledger])["messages"][-1].text == "a drink"
    assert ScriptedChatModel(replies=["hi"], usage=USAGE).invoke("hi", {"callbacks": [ledger]}).text == "hi"
    assert ledger.flush(timeout=10)
    with ledger._engine.connect() as connection:
        rows = connection.execute(select(CALLS)).mappings().all()
    assert len(rows) == 7
    assert all(row["cost_usd"] for row in rows)


def test_a_rule_that_raises_costs_no_row(langsmith, ledger, settle, monkeypatch):
    def rule(facts):
        raise RuntimeError("no")

    monkeypatch.setattr(ledger, "_kinds", rule)
    ScriptedChatModel(replies=["hi"], usage=USAGE).invoke("hi", {"callbacks": [ledger]})
    assert len(settle()) == 1


def test_a_model_on_its_own_is_posted_with_the_kind_the_users_rule_gives(langsmith, settle, tmp_path):
    ledger = CostLedger(f"sqlite:///{tmp_path / 'rule.db'}", kinds=lambda facts: "plan")
    ScriptedChatModel(replies=["hello"], usage=USAGE).invoke("hi", {"callbacks": [ledger]})
    assert [call.kind for call in ledger.trace().calls] == ["plan"]
    settle()
    assert [run["extra"]["metadata"]["llmops_kind"] for run in langsmith.runs("llm")] == ["plan"]
    ledger.close()
