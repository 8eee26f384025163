import asyncio
import sys
from textwrap import dedent

import pytest

from llmops_plugins.backtest.replay import replay
from llmops_plugins.errors import ConfigurationError, LlmopsError, RecordError

HEADER = """
from langchain.agents import create_agent
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a user's module into the current folder; return how to name a function of it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def write(source, name):
        (tmp_path / f"{name}.py").write_text(HEADER + dedent(source))
        sys.modules.pop(name, None)
        return name

    yield write
    for name in [name for name in sys.modules if name.startswith("user_")]:
        del sys.modules[name]


@pytest.fixture
def records(write_records, answer):
    def row(number, small_is_right):
        return {
            "prompt": f"What is {number}?",
            "gold": number,
            "responses": {
                "small": answer(f"{number if small_is_right else 0} it is", float(small_is_right), 0.01),
                "large": answer(f"It is {number}", 1.0, 1.0),
            },
        }

    return write_records([row(number, number % 2 == 1) for number in range(1, 7)])


CALLS_ONE = """
def build(models):
    small = models["small"]
    return create_agent(small, tools=[])
"""
CHOOSES = """
def build(models):
    def ask(state):
        model = "small" if int(state["messages"][-1].text[8]) < 4 else "large"
        return {"messages": [models[model].invoke(state["messages"])]}

    return StateGraph(MessagesState).add_node("ask", ask).add_edge(START, "ask").compile(
        checkpointer=InMemorySaver()
    )
"""
ASYNC_ONLY = """
def build(models):
    async def ask(state):
        return {"messages": [await models["small"].ainvoke(state["messages"])]}

    async def check(state):
        return {}

    graph = StateGraph(MessagesState).add_node("ask", ask).add_node("check", check)
    return graph.add_edge(START, "ask").add_edge("ask", "check").compile()
"""
HALF_ASYNC = (
    ASYNC_ONLY.replace("async def ask", "def ask")
    .replace("await models", "models")
    .replace("ainvoke", "invoke")
)


def test_the_graph_of_the_three_line_function_answers_and_is_billed(module, records):
    result = replay(records, graph=module(CALLS_ONE, "user_one") + ":build")
    assert result.graph == "user_one:build"
    assert result.cascade.accuracy == pytest.approx(3 / 6)
    assert result.cascade.cost_usd == pytest.approx(0.06)
    assert result.cascade.calls == result.cascade.answered_by == {"small": 6}
    assert result.risk == pytest.approx(3 / 6)


def test_a_graph_may_choose_at_run_time_and_remembers_no_other_question(module, records):
    result = replay(records, graph=module(CHOOSES, "user_chooses") + ":build")
    assert result.cascade.answered_by == {"small": 3, "large": 3}
    assert result.cascade.accuracy == pytest.approx(5 / 6)
    assert result.cascade.cost_usd == pytest.approx(3.03)


@pytest.mark.parametrize("source", [ASYNC_ONLY, HALF_ASYNC], ids=["async only", "async half-way"])
def test_an_async_graph_is_awaited_and_no_call_counts_twice(module, records, source):
    result = replay(records, graph=module(source, "user_async") + ":build")
    assert result.cascade.calls == {"small": 6}


def test_a_file_can_be_named_as_langgraph_json_does(module, records):
    module(CALLS_ONE, "user_file")
    assert replay(records, graph="./user_file.py:build").cascade.calls == {"small": 6}


def test_a_file_is_loaded_whatever_else_has_its_name_and_the_path_is_put_back(tmp_path, module, records):
    (tmp_path / "beside.py").write_text("def small(models): return models['small']\n")
    source = CALLS_ONE.replace('models["small"]', "__import__('beside').small(models)")
    module(source + "def right(prompt, gold, text): return 1.0\n", "graphs")
    (tmp_path / "graphs.py").rename(tmp_path / "json.py")
    before = list(sys.path)
    result = replay(records, graph="json.py:build", score="json.py:right")
    assert result.cascade.calls == {"small": 6}
    assert sys.path == before
    assert sys.modules.pop("beside").__file__ == str(tmp_path / "beside.py")


def test_a_file_that_fails_leaves_the_path_as_it_was(tmp_path, module, records):
    before = list(sys.path)
    module("1 / 0", "user_broken")
    with pytest.raises(ConfigurationError, match="ZeroDivisionError"):
        replay(records, graph="user_broken.py:build")
    assert sys.path == before


def test_a_graph_is_run_once_a_question(tmp_path, module, records):
    source = """
    asked = []

    def build(models):
        return RunnableLambda(lambda state: asked.append(state) or models["small"].invoke(state["messages"]))
    """
    replay(records, graph=module(source, "user_counts") + ":build")
    assert len(sys.modules["user_counts"].asked) == 6


LOOPS = """
import asyncio

loops = set()

def build(models):
    async def ask(state):
        loops.add(asyncio.get_running_loop())
        reply = await models["small"].ainvoke(state["messages"])
        return {"messages": [AIMessage("So: " + reply.text)]}

    return StateGraph(MessagesState).add_node("ask", ask).add_edge(START, "ask").compile()

async def right(prompt, gold, text):
    loops.add(asyncio.get_running_loop())
    return 0.5 if gold in text else 0.0
"""


@pytest.mark.parametrize("in_a_loop", [True, False], ids=["in a notebook", "in a script"])
def test_async_graphs_and_scorers_share_one_loop_of_the_replays_own(module, records, in_a_loop):
    name = module(LOOPS, "user_loops")

    def work():
        return replay(records, graph=f"{name}:build", score=f"{name}:right")

    async def cell():
        return work()

    result = asyncio.run(cell()) if in_a_loop else work()
    assert result.cascade.accuracy == pytest.approx(3 / 12)
    assert len(sys.modules[name].loops) == 1


def test_a_scorers_error_is_printed_without_its_secrets_or_at_length(module, records):
    source = (
        REPHRASES % "AIMessage('So: ' + reply.text)"
        + """
def fails(prompt, gold, text):
    raise LookupError("bad key sk-abcdefghijklmnopqrstuv\\n" + "x" * 1000)
"""
    )
    name = module(source, "user_secret")
    with pytest.raises(ConfigurationError) as error:
        replay(records, graph=f"{name}:build", score=f"{name}:fails")
    said = str(error.value)
    assert "(LookupError: bad key [secret] xxx" in said
    assert "\n" not in said
    assert len(said) < 500


def test_only_models_that_are_asked_for_need_answers(module, write_records, answer):
    rows = [{"small": answer(str(number), 1.0)} for number in range(3)]
    rows[0]["rare"] = answer(None, 1.0, None)
    path = write_records(rows)
    assert replay(path, graph=module(CALLS_ONE, "user_lazy") + ":build").cascade.accuracy == 1.0
    rare = module(CALLS_ONE.replace('"small"', '"rare"'), "user_rare") + ":build"
    with pytest.raises(RecordError, match=r"line 1: responses\.rare\.text is null"):
        replay(path, graph=rare)
    unknown = module(CALLS_ONE.replace('"small"', '"tiny"'), "user_tiny") + ":build"
    with pytest.raises(
        ConfigurationError, match=r"^graph: 'tiny' has no recorded answers; there are rare, small"
    ):
        replay(path, graph=unknown)
    asks_get = module(CALLS_ONE.replace('models["small"]', 'models.get("tiny", None)'), "user_get") + ":build"
    with pytest.raises(ConfigurationError, match=r"^graph: 'tiny' has no recorded answers"):
        replay(path, graph=asks_get)


REPHRASES = """
def build(models):
    def rephrased(state):
        reply = models["small"].invoke(state["messages"])
        return {"messages": [%s]}
    return RunnableLambda(rephrased)

def right(prompt, gold, text):
    return 0.5 if gold in text else 0.0
"""


def test_an_answer_without_a_name_is_known_by_its_text(module, records):
    path = module(REPHRASES % "AIMessage(reply.text)", "user_anonymous") + ":build"
    result = replay(records, graph=path)
    assert result.cascade.answered_by == {"small": 6}
    assert result.cascade.accuracy == pytest.approx(3 / 6)


@pytest.mark.parametrize(
    "reworded",
    ["AIMessage('So: ' + reply.text)", "reply.model_copy(update={'content': 'So: ' + reply.text})"],
)
def test_a_reworded_answer_is_scored_anew_or_refused(module, records, reworded):
    path = module(REPHRASES % reworded, "user_reworded") + ":build"
    with pytest.raises(ConfigurationError, match=r"^graph: gave line 1 an answer .* --score"):
        replay(records, graph=path)
    assert replay(records, graph=path, score="user_reworded:right").cascade.accuracy == pytest.approx(3 / 12)
    assert replay(records, graph=path, score="numeric").cascade.accuracy == pytest.approx(3 / 6)


def test_an_answer_that_cannot_be_scored_is_named(module, write_records, answer):
    path = module(REPHRASES % "AIMessage('So: ' + reply.text)", "user_goldless") + ":build"
    with pytest.raises(ConfigurationError, match=r"^score: numeric cannot score .* line 1 .*no gold"):
        replay(write_records([{"small": answer("1", 1.0)}]), graph=path, score="numeric")


@pytest.mark.parametrize("output", ["reply", "reply.text", "{'messages': [reply]}", "[reply]"])
def test_what_a_runnable_returns_may_be_a_state_messages_a_message_or_a_text(module, records, output):
    source = f"""
    def build(models):
        def answer(state):
            reply = models["large"].invoke(state["messages"])
            return {output}
        return RunnableLambda(answer)
    """
    assert replay(records, graph=module(source, "user_output") + ":build").cascade.accuracy == 1.0


REFUSED = {
    "no function named": ("", "user_bad", "must be module:function"),
    "no such module": ("", "user_missing:build", "user_missing cannot be imported"),
    "a module that fails": ("raise LookupError('broken')", "user_bad:build", "LookupError: broken"),
    "no such function": ("", "user_bad:build", "has no 'build'"),
    "a compiled graph": (
        "build = create_agent('x', []) if False else RunnableLambda(str)",
        "user_bad:build",
        r"has its models inside, name a function .* def build\(models\): .* create_agent\(",
    ),
    "a number": ("build = 3", "user_bad:build", "is no function but int"),
    "a function that fails": (
        "def build(models): 1 / 0",
        "user_bad:build",
        "failed when called .ZeroDivision",
    ),
    "a function of nothing": ("def build(): ...", "user_bad:build", "failed when called .TypeError"),
    "a function that returns nothing": ("def build(models): ...", "user_bad:build", "returned NoneType"),
    "a graph not compiled": (
        "def build(models): return StateGraph(MessagesState)",
        "user_bad:build",
        "call its compile",
    ),
    "a graph that fails": (
        "def build(models): return RunnableLambda(lambda state: 1 / 0)",
        "user_bad:build",
        r"failed at 'What is 1\?' .ZeroDivisionError",
    ),
    "a graph that says nothing": (
        "def build(models): return RunnableLambda(lambda state: {'messages': []})",
        "user_bad:build",
        "gave no AI message to line 1",
    ),
}


@pytest.mark.parametrize(("source", "path", "said"), REFUSED.values(), ids=REFUSED)
def test_what_makes_no_graph_is_refused_in_one_sentence(module, records, source, path, said):
    module(source, "user_bad")
    with pytest.raises(LlmopsError, match=f"^graph: .*{said}"):
        replay(records, graph=path)


def test_similarity_is_no_scorer_of_a_replay(module, records):
    path = module(CALLS_ONE, "user_score") + ":build"
    with pytest.raises(ConfigurationError, match=r"^score: .*similarity"):
        replay(records, graph=path, score="similarity")
