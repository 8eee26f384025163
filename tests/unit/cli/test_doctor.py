import sys

import pytest

APP = """
from langchain_core.prompts import ChatPromptTemplate
from langgraph.graph import START, MessagesState, StateGraph
from llmops_plugins.testing import ScriptedChatModel

model = ScriptedChatModel(replies=["Now this."], model_name="[red]m[/red]")


def answer(state):
    return {"messages": [model.invoke(state["messages"])]}


builder = StateGraph(MessagesState).add_node("[b]answer[/b]", answer).add_edge(START, "[b]answer[/b]")
graph = builder.compile()
chain = ChatPromptTemplate.from_template("Say {word}") | model


def make():
    return builder.compile()


async def make_async():
    return builder.compile()
"""
PRICES = 'models: {"[red]m[/red]": {input: 1, output: 2}}'


@pytest.fixture
def app(tmp_path, request):
    name = f"app_{abs(hash(request.node.name))}"  # a module of its own: Python imports a name only once
    (tmp_path / f"{name}.py").write_text(APP)
    (tmp_path / "prices.yaml").write_text(PRICES)
    return name


@pytest.mark.parametrize("what", ["graph", "make", "make_async", "chain", "model"])
def test_whatever_can_run_is_run(llmops, app, what):
    data = llmops("doctor", f"{app}:{what}", "--models", "prices.yaml", "--json").json
    assert [(group["calls"], group["with_usage"], group["priced"]) for group in data["groups"]] == [(1, 1, 1)]
    assert data["findings"] == []


def test_the_input_may_be_json(llmops, app):
    graph_input = '{"messages": [{"role": "user", "content": "What now?"}]}'
    assert llmops("doctor", f"{app}:graph", "--input", graph_input, "--json").json["groups"]
    assert llmops("doctor", f"{app}:chain", "--input", '{"word": "hi"}', "--json").json["groups"]


def test_a_file_may_have_the_name_of_any_module(llmops, app, tmp_path):
    (tmp_path / f"{app}.py").rename(tmp_path / "json.py")
    before = list(sys.path)
    assert llmops("doctor", "json.py:graph", "--json").json["groups"]
    assert sys.path == before


def test_names_are_printed_as_they_are(llmops, app):
    done = llmops("doctor", f"{app}:graph")
    assert (done.code, done.err) == (0, "")
    assert "[b]answer[/b]" in done.out
    assert "[red]m[/red]" in done.out
    assert "problem [b]answer[/b], [red]m[/red]: 1 of 1 calls have no price" in done.out


def test_a_healthy_graph_has_nothing_to_do(llmops, app):
    assert "Nothing to do" in llmops("doctor", f"{app}:graph", "--models", "prices.yaml").out


def test_a_trace_can_be_read_instead(llmops, write_ledger):
    url = write_ledger(
        {"trace_id": "old", "cost_usd": None, "usage_source": "none", "provider": "openai"},
        {"trace_id": "new"},
    )
    assert llmops("doctor", "--db", url, "--json").json["findings"] == []
    assert "stream_usage=True" in llmops("doctor", "--db", url, "--trace", "old").out
