"""A cost feature that breaks leaves the user's call as it would have been; its modes do what they say."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain.agents.middleware.types import ModelRequest, ModelResponse
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphInterrupt
from langgraph.graph import MessagesState, StateGraph
from langgraph.types import Command, interrupt

from llmops_plugins.background import BACKGROUND
from llmops_plugins.errors import BudgetExceeded, ConfigurationError
from llmops_plugins.events import Decision
from llmops_plugins.flow import CallModel, Emit, Forward, Gather, Invoke
from llmops_plugins.flow_middleware import FlowMiddleware
from llmops_plugins.testing import ScriptedChatModel
from llmops_plugins.wrapped_model.wrap import with_middleware


def scripted(*replies, **settings):
    return ScriptedChatModel(replies=list(replies), **settings)


class Does(FlowMiddleware):
    """Runs whichever flow a test gives it."""

    capability = "does"

    def __init__(self, flow, shadow=None, **settings):
        super().__init__(**settings)
        self.flow = flow
        self.shadow = shadow

    def shadow_flow(self, request, reply):
        return self.shadow(request, reply)


async def drained(stream):
    return [chunk.text async for chunk in stream]


CALLS = {
    "invoke": lambda model, config=None: model.invoke("hi", config).text,
    "ainvoke": lambda model, config=None: asyncio.run(model.ainvoke("hi", config)).text,
    "stream": lambda model, config=None: "".join(chunk.text for chunk in model.stream("hi", config)),
    "astream": lambda model, config=None: "".join(asyncio.run(drained(model.astream("hi", config)))),
}


@pytest.fixture(params=CALLS)
def call(request):
    return CALLS[request.param]


# --- failing open --------------------------------------------------------------------------------


def raises_at_once(request):
    raise ValueError("bug")
    yield


def raises_before_it_is_a_generator(request):
    raise ValueError("bug")


def raises_after_a_draft(request):
    yield Forward(request)
    raise ValueError("bug")


def raises_what_its_judge_raised(request):
    yield CallModel(scripted(TimeoutError("judge")), [HumanMessage("?")], "judge")


def yields_no_effect(request):
    yield "nonsense"


def returns_nothing(request):
    yield Forward(request)


def is_no_generator(request):
    return None


@pytest.mark.parametrize(
    "flow",
    [
        raises_at_once,
        raises_before_it_is_a_generator,
        raises_after_a_draft,
        raises_what_its_judge_raised,
        yields_no_effect,
        returns_nothing,
        is_no_generator,
    ],
)
def test_an_error_inside_leaves_the_users_call_as_it_would_have_been(call, listener, flow):
    model = scripted("the answer")
    assert call(with_middleware(model, Does(flow)), {"callbacks": [listener]}) == "the answer"
    assert listener.outcomes == ["failed_open"]
    assert listener.decisions[0]["capability"] == "does"
    assert model.calls[-1][0].text == "hi"


def test_the_reason_names_the_error_and_not_its_text(call, listener):
    def flow(request):
        raise ValueError("a secret of the user")
        yield

    call(with_middleware(scripted("x"), Does(flow)), {"callbacks": [listener]})
    assert listener.decisions[0]["reason"] == "ValueError inside the does"


def test_a_failure_is_logged_once_with_its_text_and_without_keys(call, warnings_logged):
    def flow(request):
        raise ValueError("key sk-abcdefghijklmnop is refused")
        yield

    wrapped = with_middleware(scripted("x"), Does(flow))
    assert [call(wrapped) for _ in range(2)] == ["x", "x"]
    (warning,) = warnings_logged()
    assert "the does failed" in warning
    assert "ValueError: key [secret] is refused" in warning
    assert 'mode="off"' in warning


def test_the_original_request_is_passed_on_whatever_the_flow_tried(call):
    mine, other = scripted("mine"), scripted("other")

    def flow(request):
        yield Forward(request.override(model=other, messages=[HumanMessage("changed")]))
        raise ValueError("bug")

    assert call(with_middleware(mine, Does(flow))) == "mine"
    assert [one.text for one in mine.calls[0]] == ["hi"]


def test_the_users_own_error_goes_through_and_the_call_is_made_once(call, listener):
    error = ConnectionError("the provider is down")
    model = scripted(error)

    def flow(request):
        return (yield Forward(request, live=True))

    with pytest.raises(ConnectionError) as raised:
        call(with_middleware(model, Does(flow)), {"callbacks": [listener]})
    assert raised.value is error
    assert len(model.calls) == 1
    assert listener.outcomes == []


def test_a_flow_that_fails_over_a_live_error_gives_the_user_that_error_once(call, listener):
    error = ConnectionError("the provider is down")
    model = scripted(error)

    def flow(request):
        try:
            return (yield Forward(request, live=True))
        except ConnectionError:
            raise ValueError("bug in the handling of it") from None

    with pytest.raises(ConnectionError) as raised:
        call(with_middleware(model, Does(flow)), {"callbacks": [listener]})
    assert raised.value is error
    assert len(model.calls) == 1
    assert listener.outcomes == ["failed_open"]


def test_a_flow_may_recover_from_a_live_error(call):
    def flow(request):
        try:
            return (yield Forward(request, live=True))
        except ConnectionError:
            return (yield Forward(request.override(model=scripted("rescued")), live=True))

    assert call(with_middleware(scripted(ConnectionError("down")), Does(flow))) == "rescued"


def test_a_live_reply_that_is_already_there_is_returned(call, listener):
    model = scripted("first", "second")

    def flow(request):
        yield Forward(request, live=True)
        raise ValueError("bug afterwards")

    assert call(with_middleware(model, Does(flow)), {"callbacks": [listener]}) == "first"
    assert len(model.calls) == 1
    assert listener.outcomes == ["failed_open"]


@pytest.mark.parametrize(
    "error", [GraphInterrupt(()), BudgetExceeded("no")], ids=lambda error: type(error).__name__
)
@pytest.mark.parametrize("live", [True, False])
def test_interrupts_and_vetoes_pass_through(call, error, live):
    model = scripted(error)

    def flow(request):
        return (yield Forward(request, live=live))

    with pytest.raises(type(error)):
        call(with_middleware(model, Does(flow)))
    assert len(model.calls) == 1


def test_interrupt_inside_a_wrapped_call_pauses_the_graph_and_resumes():
    inner = with_middleware(scripted(lambda messages: f"allowed: {interrupt('may I?')}"), Does(greedy))

    def node(state):
        return {"messages": [inner.invoke(state["messages"])]}

    graph = StateGraph(MessagesState).add_node("n", node).add_edge("__start__", "n")
    app = graph.compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    paused = app.invoke({"messages": [("user", "hi")]}, config)
    assert paused["__interrupt__"][0].value == "may I?"
    assert app.invoke(Command(resume="yes"), config)["messages"][-1].text == "allowed: yes"


def greedy(request):
    try:
        return (yield Forward(request))
    except Exception:
        return ModelResponse(result=[AIMessage("swallowed")])


def test_a_bus_that_refuses_the_news_of_a_failure_does_not_fail_the_user(call, new_listener):
    class Deaf(type(new_listener())):
        raise_error = True

        def on_custom_event(self, name, data, **kwargs):
            raise RuntimeError("cannot hear")

    assert call(with_middleware(scripted("x"), Does(raises_at_once)), {"callbacks": [Deaf()]}) == "x"


PLANS = st.lists(st.sampled_from(["draft", "judge", "gather", "emit", "bad judge", "bug"]), max_size=5)


@given(plan=PLANS, live=st.booleans())
@settings(max_examples=25, deadline=None)
def test_whatever_a_flow_does_the_user_gets_one_answer_from_one_live_call(plan, live):
    def flow(request):
        for step in plan:
            judge = CallModel(scripted("fine"), [HumanMessage("?")], "judge")
            if step == "bug":
                raise ValueError("bug")
            yield {
                "draft": Forward(request.override(model=scripted("draft"))),
                "judge": judge,
                "gather": Gather([judge, judge]),
                "emit": Emit(Decision(capability="does", outcome="o", reason="")),
                "bad judge": CallModel(scripted(ValueError("x")), [HumanMessage("?")], "judge"),
            }[step]
        return (yield Forward(request, live=live))

    for call in CALLS.values():
        model = scripted("the answer")
        assert call(with_middleware(model, Does(flow))) == "the answer"
        assert len(model.calls) == 1


# --- modes ---------------------------------------------------------------------------------------


def test_off_passes_every_call_by(call, listener):
    def flow(request):
        raise AssertionError("not to be run")
        yield

    wrapped = with_middleware(scripted("x"), Does(flow, mode="off"))
    assert call(wrapped, {"callbacks": [listener]}) == "x"
    assert listener.decisions == []


def shadow(request, reply):
    yield CallModel(scripted("cheap", model_name="cheap"), request.messages, "judge")
    yield Emit(Decision(capability="does", outcome="would have", reason="", mode="shadow"))


def test_shadow_decides_in_the_background_and_changes_nothing(call, listener):
    model = scripted("one two three")
    wrapped = with_middleware(model, Does(raises_at_once, shadow, mode="shadow"))

    def with_drain(_):
        return call(wrapped)

    assert RunnableLambda(with_drain).invoke(0) == "one two three"
    assert len(model.calls) == 1


def test_shadow_streams_in_chunks_and_its_decision_is_heard(listener):
    wrapped = with_middleware(scripted("one two three"), Does(raises_at_once, shadow, mode="shadow"))
    chunks = [chunk.text for chunk in wrapped.stream("hi", {"callbacks": [listener]})]
    assert chunks == ["one ", "two ", "three", ""]
    assert BACKGROUND.drain(5)
    assert listener.outcomes == ["would have"]
    assert listener.model_names == ["scripted", "cheap"]


async def test_async_shadow_streams_in_chunks_and_its_decision_is_heard(listener):
    wrapped = with_middleware(scripted("one two three"), Does(raises_at_once, shadow, mode="shadow"))
    assert await drained(wrapped.astream("hi", {"callbacks": [listener]})) == ["one ", "two ", "three", ""]
    assert await BACKGROUND.adrain(5)
    assert listener.outcomes == ["would have"]


def test_a_shadow_that_cannot_even_begin_is_counted_and_not_the_users_problem(call):
    def broken(request, reply):
        raise ValueError("bug")

    assert call(with_middleware(scripted("x"), Does(raises_at_once, broken, mode="shadow"))) == "x"


def test_shadow_sees_the_reply_the_user_had():
    seen = []

    def look(request, reply):
        seen.append(reply.result[0].text)
        yield Invoke(RunnableLambda(lambda _: None), None)

    with_middleware(scripted("x"), Does(raises_at_once, look, mode="shadow")).invoke("hi")
    assert BACKGROUND.drain(5)
    assert seen == ["x"]


# --- configuration -------------------------------------------------------------------------------


def test_an_unknown_mode_is_refused_when_built():
    with pytest.raises(ConfigurationError, match=r"^mode: must be one of on, shadow, off, got 'loud'$"):
        Does(raises_at_once, mode="loud")


def test_shadow_without_a_shadow_flow_is_refused_when_built():
    class NoShadow(FlowMiddleware):
        capability = "none"

    NoShadow()
    with pytest.raises(ConfigurationError, match="NoShadow cannot run"):
        NoShadow(mode="shadow")


def test_a_capability_without_a_name_is_refused_when_built():
    class Nameless(FlowMiddleware):
        pass

    with pytest.raises(ConfigurationError, match=r"^capability: Nameless"):
        Nameless()


def test_both_hooks_drive_the_flow():
    request = ModelRequest(model=scripted("x"), messages=[])
    answer = ModelResponse(result=[AIMessage("answered")])

    def flow(request):
        return (yield Forward(request))

    async def handler(_):
        return answer

    assert Does(flow).wrap_model_call(request, lambda _: answer) is answer
    assert asyncio.run(Does(flow).awrap_model_call(request, handler)) is answer
