"""Two models asked at once, by a calibrated policy: the same answer and stream through every adapter."""

import pytest
from langchain.agents import create_agent
from langgraph.graph import MessagesState, StateGraph

from llmops_plugins.cascade.calibration import calibrate
from llmops_plugins.cascade.middleware import CascadeMiddleware
from llmops_plugins.models.prices import PriceBook
from llmops_plugins.records.reading import Record, RecordedResponse
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.wrapped_model.wrap import with_middleware

QUESTION = {"messages": [("user", "6 * 7?")]}
LAST = "I think 42"


def answered(text, is_right, cost):
    return RecordedResponse(text=text, score=float(is_right > 0), cost_usd=cost)


@pytest.fixture(scope="module")
def policy():
    """Calibrated on made-up answers: two cheap models are right where they agree, and only there."""
    rows = [
        Record(
            line=row + 1,
            record_id=str(row),
            prompt="6 * 7?",
            responses={
                "one": answered("42" if row % 5 else "40", row % 5, 0.02),
                "other": answered("42" if row % 4 else "41", row % 4, 0.02),
                "large": answered("42", True, 1.0),
            },
        )
        for row in range(400)
    ]
    found = calibrate(rows, prices=PriceBook())
    assert (set(found.stages[0].ask), found.last) == ({"one", "other"}, "large")
    return found


class Asked:
    """The cascade whose two cheap models agree or differ."""

    def __init__(self, policy, *, agree):
        replies = {"one": "42", "other": "42" if agree else "41", "large": LAST}
        self.models = {
            name: ScriptedChatModel(replies=[reply], model_name=name) for name, reply in replies.items()
        }
        self.own = ScriptedChatModel(replies=["never asked"], model_name="own")
        self.middleware = CascadeMiddleware(policy=policy, models=self.models, recheck_share=0.0)
        self.text = "42" if agree else LAST
        self.chunks = ["42"] if agree else ["I ", "think ", "42"]
        self.names = ["one", "other"] if agree else ["large", "one", "other"]


def graph_of(asked):
    model = with_middleware(asked.own, asked.middleware)

    def node(state):
        return {"messages": [model.invoke(state["messages"])]}

    return StateGraph(MessagesState).add_node("n", node).add_edge("__start__", "n").compile()


APPS = {
    "create_agent": lambda asked: create_agent(asked.own, [], middleware=[asked.middleware]),
    "create_agent of with_middleware": lambda asked: create_agent(
        with_middleware(asked.own, asked.middleware), []
    ),
    "node": graph_of,
}


@pytest.fixture(params=[True, False], ids=["agree", "differ"])
def asked(request, policy):
    return Asked(policy, agree=request.param)


def seen_in(listener, asked):
    assert sorted(listener.model_names) == asked.names
    assert sorted(listener.ended) == sorted(listener.model_runs)
    assert listener.outcomes == ["accepted" if len(asked.names) == 2 else "escalated"]
    (decision,) = listener.decisions
    assert len(decision["rejected"]) == len(asked.names) - 1


@pytest.mark.parametrize("app", APPS)
def test_invoked(asked, listener, app):
    state = APPS[app](asked).invoke(QUESTION, {"callbacks": [listener]})
    assert [message.text for message in state["messages"]] == ["6 * 7?", asked.text]
    seen_in(listener, asked)


@pytest.mark.parametrize("app", APPS)
async def test_invoked_async(asked, listener, app):
    state = await APPS[app](asked).ainvoke(QUESTION, {"callbacks": [listener]})
    assert [message.text for message in state["messages"]] == ["6 * 7?", asked.text]
    seen_in(listener, asked)


@pytest.mark.parametrize("app", APPS)
def test_streamed_no_rejected_answer_is_seen(asked, listener, app):
    stream = APPS[app](asked).stream(QUESTION, {"callbacks": [listener]}, stream_mode="messages")
    assert [chunk.text for chunk, _ in stream if chunk.text] == asked.chunks
    seen_in(listener, asked)


@pytest.mark.parametrize("app", APPS)
async def test_streamed_async_no_rejected_answer_is_seen(asked, listener, app):
    stream = APPS[app](asked).astream(QUESTION, {"callbacks": [listener]}, stream_mode="messages")
    assert [chunk.text async for chunk, _ in stream if chunk.text] == asked.chunks
    seen_in(listener, asked)


async def test_a_bare_model_gives_the_same(asked, listener):
    model = with_middleware(asked.own, asked.middleware)
    assert model.invoke("6 * 7?", {"callbacks": [listener]}).text == asked.text
    seen_in(listener, asked)
    assert (await model.ainvoke("6 * 7?")).text == asked.text
    assert [chunk.text for chunk in model.stream("6 * 7?") if chunk.text] == asked.chunks
    assert [chunk.text async for chunk in model.astream("6 * 7?") if chunk.text] == asked.chunks
