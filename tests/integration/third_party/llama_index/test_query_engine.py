"""A LlamaIndex query engine does tasks of a plan."""

import asyncio

import pytest

pytest.importorskip("llama_index.core", reason="run `make test-integrations`: llama-index-core is missing")

from llama_index.core import Document, MockEmbedding, SummaryIndex, VectorStoreIndex

from llmops_integrations.llama_index import MiddlewareLLM, query_engine_expert
from llmops_plugins import CostLedger
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.planning.execution.assignment import Assignment
from llmops_plugins.planning.execution.execution import execute
from llmops_plugins.planning.experts.calls import ExpertCalls
from llmops_plugins.planning.plan.plan import Task
from llmops_plugins.testing import ScriptedChatModel

TEXTS = [Document(text="The tram leaves at nine.", metadata={"page": 3})]
TASK = Task(id="t1", kind="look-up", arguments={"query": "When does the tram leave?"})


def expert(*, streaming=False, index=None, replies=("At nine.",), **settings):
    model = ScriptedChatModel(replies=replies)
    index = index or VectorStoreIndex.from_documents(TEXTS, embed_model=MockEmbedding(embed_dim=8))
    engine = index.as_query_engine(llm=MiddlewareLLM(model), streaming=streaming)
    return query_engine_expert(
        engine, name="timetables", kinds=["look-up"], description="Knows when trams leave.", **settings
    )


@pytest.mark.parametrize("streaming", [False, True])
def test_a_query_is_answered_with_its_sources_as_plain_data(streaming):
    result = expert(streaming=streaming).asked("t1").invoke(TASK.arguments)
    assert result["answer"] == "At nine."
    (source,) = result["sources"]
    assert (source["text"], source["metadata"]) == ("The tram leaves at nine.", {"page": 3})
    assert isinstance(source["score"], float)


@pytest.mark.parametrize("streaming", [False, True])
def test_it_is_awaited_in_an_event_loop(streaming):
    asked = expert(streaming=streaming).asked("t1")
    assert asyncio.run(asked.ainvoke(TASK.arguments))["answer"] == "At nine."


def test_a_source_without_a_score_has_none():
    result = expert(index=SummaryIndex.from_documents(TEXTS)).asked().invoke(TASK.arguments)
    assert [source["score"] for source in result["sources"]] == [None]


def test_the_ledger_shows_what_the_query_engine_asked_for_a_task():
    able = expert(cost_usd=0.01)
    assignment = Assignment(task=TASK, expert=able.name)
    with CostLedger("sqlite://") as ledger:
        result = execute([assignment], ExpertCalls([able]).ask)
        assert ledger.flush()
        (row,) = ledger.report(by=["expert", "task"]).rows
    assert result.results["t1"]["answer"] == "At nine."
    assert (row.key, row.calls) == ({"expert": "timetables", "task": "t1"}, 1)


def test_what_is_no_query_engine_is_refused():
    with pytest.raises(ConfigurationError, match="engine: must be a LlamaIndex query engine"):
        query_engine_expert(SummaryIndex([]), name="it", kinds=["x"], description="")
