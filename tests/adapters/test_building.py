"""What fits around a bare model is checked when it is built; what is built can be copied, sent and shown."""

import copy
import pickle

import pytest
from langchain.agents.middleware import (
    AgentMiddleware,
    ModelCallLimitMiddleware,
    ModelFallbackMiddleware,
    ModelRetryMiddleware,
    SummarizationMiddleware,
    TodoListMiddleware,
    ToolRetryMiddleware,
    wrap_model_call,
)
from langchain_core.load import dumpd
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import MessagesState, StateGraph
from langgraph.store.memory import InMemoryStore

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.testing import RecordedAnswer, ReplayChatModel, ScriptedChatModel
from llmops_plugins.wrapped_model.wrap import with_middleware


def scripted(*replies):
    return ScriptedChatModel(replies=list(replies))


@pytest.mark.parametrize(
    ("middleware", "hook"),
    [
        (SummarizationMiddleware(scripted("x")), "before_model"),
        (TodoListMiddleware(), "after_model"),
        (ModelCallLimitMiddleware(run_limit=1), "before_model"),
        (ToolRetryMiddleware(), "wrap_tool_call"),
    ],
)
def test_middleware_that_needs_an_agent_is_refused_by_name(middleware, hook):
    with pytest.raises(ConfigurationError) as refused:
        with_middleware(scripted("x"), ModelRetryMiddleware(), middleware)
    assert refused.value.field == "middleware"
    assert middleware.name in refused.value.problem
    assert hook in refused.value.problem
    assert "give it to create_agent" in refused.value.problem


def test_a_hook_that_is_only_async_is_refused_too():
    class Late(AgentMiddleware):
        async def aafter_model(self, state, runtime):
            return None

    with pytest.raises(ConfigurationError, match="Late has after_model"):
        with_middleware(scripted("x"), Late())


def test_middleware_that_brings_tools_is_refused():
    class Brings(AgentMiddleware):
        tools = (lambda x: x,)

    with pytest.raises(ConfigurationError, match="Brings brings tools"):
        with_middleware(scripted("x"), Brings())


@pytest.mark.parametrize("stranger", [ModelRetryMiddleware, lambda request, handler: None, None])
def test_what_is_no_middleware_is_refused(stranger):
    with pytest.raises(ConfigurationError, match="must be AgentMiddleware"):
        with_middleware(scripted("x"), stranger)


@pytest.mark.parametrize("model", [scripted("x").bind(stop=["a"]), None, "no-such-provider:model"])
def test_what_is_no_chat_model_is_refused(model):
    with pytest.raises(ConfigurationError, match=r"^model: "):
        with_middleware(model)


def test_a_decorated_function_is_middleware():
    @wrap_model_call
    def shout(request, handler):
        return AIMessage(handler(request).result[0].text.upper())

    assert with_middleware(scripted("hello"), shout).invoke("hi").text == "HELLO"


def test_the_first_is_outermost():
    def mark(name):
        @wrap_model_call(name=name)
        def marked(request, handler):
            return AIMessage(f"{name}({handler(request).result[0].text})")

        return marked

    model = with_middleware(scripted("x"), mark("outer"), mark("inner"))
    assert model.invoke("hi").text == "outer(inner(x))"
    assert [chunk.text for chunk in model.stream("hi")] == ["outer(inner(x))"]


def test_middleware_in_a_node_reaches_the_graphs_store_and_context():
    seen = []

    @wrap_model_call
    def look(request, handler):
        seen.append((request.runtime.store, request.state["messages"][-1].text))
        return handler(request)

    model, store = with_middleware(scripted("x"), look), InMemoryStore()
    node = StateGraph(MessagesState).add_node("n", lambda s: {"messages": [model.invoke(s["messages"])]})
    node.add_edge("__start__", "n").compile(store=store).invoke({"messages": [("user", "hi")]})
    model.invoke("bare")
    assert seen == [(store, "hi"), (None, "bare")]


def test_middleware_that_answers_without_a_message_is_named_as_the_mistake():
    @wrap_model_call
    def empty(request, handler):
        response = handler(request)
        response.result = []
        return response

    with pytest.raises(TypeError, match="return one from wrap_model_call"):
        with_middleware(scripted("x"), empty).invoke("hi")


def test_it_takes_the_wrapped_models_name_profile_and_token_count():
    wrapped = ScriptedChatModel(replies=["x"], model_name="mine", profile={"max_input_tokens": 9})
    wrapped.custom_get_token_ids = lambda text: list(range(len(text)))
    model = with_middleware(wrapped)
    assert model.model_name == "mine"
    assert model.profile == {"max_input_tokens": 9}
    question = [HumanMessage("hello")]
    assert model.get_num_tokens_from_messages(question) == wrapped.get_num_tokens_from_messages(question)


def built():
    return with_middleware(scripted("x"), ModelFallbackMiddleware(scripted("y")), ModelRetryMiddleware())


@pytest.mark.parametrize(
    "duplicate",
    [
        copy.copy,
        copy.deepcopy,
        lambda model: model.model_copy(),
        lambda model: model.model_copy(deep=True),
        lambda model: pickle.loads(pickle.dumps(model)),
    ],
    ids=["copy", "deepcopy", "model_copy", "deep model_copy", "pickle"],
)
def test_it_can_be_copied_and_pickled(duplicate):
    model = duplicate(built())
    assert model.invoke("hi").text == "x"
    assert [one.name for one in model.middleware] == ["ModelFallbackMiddleware", "ModelRetryMiddleware"]


def test_a_bound_model_and_a_structured_one_can_be_pickled():
    assert pickle.loads(pickle.dumps(built().bind_tools([]))).invoke("hi").text == "x"
    structured = built().with_structured_output({"title": "T", "description": "A T.", "type": "object"})
    assert pickle.loads(pickle.dumps(structured)).response_schema["title"] == "T"


def test_what_is_shown_names_the_parts_and_no_secret():
    class Keyed(AgentMiddleware):
        def __init__(self):
            super().__init__()
            self.key = "SECRET"

        def __repr__(self):
            return f"Keyed({self.key})"

        def wrap_model_call(self, request, handler):
            return handler(request)

    answers = {"q": RecordedAnswer(text="SECRET", input_tokens=1, output_tokens=1)}
    model = with_middleware(ReplayChatModel(answers=answers, model_name="small"), Keyed())
    assert "ReplayChatModel(small)" in repr(model)
    assert "Keyed" in repr(model)
    for shown in (
        repr(model),
        str(model),
        repr(dumpd(model)),
        repr(model.with_structured_output({"title": "T"})),
    ):
        assert "SECRET" not in shown
