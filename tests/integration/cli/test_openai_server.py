import json
import sys

import pytest

from llmops_plugins.accounting.doctor import diagnose_graph
from llmops_plugins.cli.main import main

langchain_openai = pytest.importorskip("langchain_openai")


def agent_of(server, **settings):
    from langgraph.graph import START, MessagesState, StateGraph

    model = langchain_openai.ChatOpenAI(
        model="served-large", base_url=server.base_url, api_key="none", **settings
    )

    def answer(state):
        return {"messages": [model.invoke(state["messages"])]}

    return StateGraph(MessagesState).add_node("answer", answer).add_edge(START, "answer").compile()


def test_the_doctor_sees_that_a_streamed_model_reports_no_usage(server):
    diagnosis = diagnose_graph(agent_of(server), {"messages": [("user", "Hi!")]})
    (group,) = diagnosis.groups
    assert (group.calls, group.with_usage) == (1, 0)
    problems = [finding.text for finding in diagnosis.findings if finding.level == "problem"]
    assert any("stream_usage=True" in text for text in problems)


def test_and_that_the_fix_it_names_fixes_it(server):
    diagnosis = diagnose_graph(agent_of(server, stream_usage=True), {"messages": [("user", "Hi!")]})
    (group,) = diagnosis.groups
    assert (group.calls, group.with_usage, group.input_tokens) == (1, 1, 120)
    assert not any("stream_usage" in finding.text for finding in diagnosis.findings)


@pytest.fixture
def llmops(monkeypatch, capsys, tmp_path):
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["llmops", *arguments])
        with pytest.raises(SystemExit) as exit_:
            main()
        captured = capsys.readouterr()
        return exit_.value.code, captured.out, captured.err

    return run


def test_the_demo_runs_on_a_server(server, llmops, tmp_path):
    (tmp_path / "prices.yaml").write_text(
        "models: {served-large: {input: 2, output: 8}, served-small: {input: 0.2, output: 0.8}}"
    )
    models = ("--cheap-model", "served-small", "--models", "prices.yaml")
    code, out, err = llmops("demo", "--base-url", server.base_url, *models, "--limit", "3", "--json")
    assert (code, err) == (0, "")
    data = json.loads(out)
    assert data["simulated"] is False
    assert data["baseline"]["usage_coverage"] == data["plugins"]["usage_coverage"] == 1.0
    assert data["baseline"]["cost_usd"] == pytest.approx(6 * (120 * 2e-6 + 8 * 8e-6))
    difference = data["baseline"]["cost_usd"] - data["plugins"]["cost_usd"]
    assert sum(data["savings"].values()) == pytest.approx(difference, rel=0.1)
    assert {request["model"] for request in server.requests} == {"served-large", "served-small"}


def test_without_prices_the_demo_says_unknown(server, llmops):
    code, out, _ = llmops("demo", "--base-url", server.base_url, "--limit", "1")
    assert code == 0
    assert out.startswith("The model is real, the embeddings are simulated. Both tiers are the same model")
    assert "The bills differ by unknown." in out
    assert "$" not in out.replace("$0", "").split("trace ")[0]


@pytest.mark.parametrize(
    ("arrange", "arguments", "said"),
    [
        ({"models": []}, (), "base-url: "),
        ({"status": 500}, ("--model", "served-large"), "model: failed on request"),
        ({"status": 401}, ("--model", "served-large"), "model: failed on request"),
        ({}, ("--model", "not-served"), "no model not-served"),
        ({}, ("--model", "served-large", "--cheap-model", "not-served"), None),
    ],
)
def test_a_server_that_fails_is_one_sentence(server, llmops, arrange, arguments, said):
    for name, value in arrange.items():
        setattr(server, name, value)
    code, out, err = llmops("demo", "--base-url", server.base_url, "--limit", "1", *arguments)
    if said is None:  # a cheap tier that fails escalates, and the answer is as it was
        assert code == 0
        assert "cascade" in out
        return
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert said in err


def test_a_server_that_is_down_is_one_sentence(server, llmops):
    server.shutdown()
    server.server_close()
    for arguments in ((), ("--model", "served-large")):
        code, out, err = llmops("demo", "--base-url", server.base_url, "--limit", "1", *arguments)
        assert (code, out, err.count("\n")) == (2, "", 1)
