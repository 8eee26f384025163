"""The hierarchy as a compiled LangGraph: recall demonstrations, solve, learn."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Annotated, Any

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langgraph.graph import END, START, StateGraph, add_messages
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import get_runtime
from langsmith.run_helpers import get_current_run_tree
from typing_extensions import TypedDict  # pydantic takes no other below Python 3.12

from llmops_plugins.effects import Flow
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.flow import arun, run
from llmops_plugins.hierarchy.assistant import Assistant, checked_assistants
from llmops_plugins.hierarchy.demonstrations.settings import DEFAULT_LIMIT, DEFAULT_TOKEN_BUDGET
from llmops_plugins.hierarchy.demonstrations.store import DemonstrationStore
from llmops_plugins.hierarchy.demonstrations.tenancy import FromRequest, check_name_source
from llmops_plugins.hierarchy.durable import ado_once, do_once
from llmops_plugins.hierarchy.executor import Executor, check_executor
from llmops_plugins.hierarchy.learning import RunIds, Teacher, only_question
from llmops_plugins.hierarchy.settings import check_prices, check_question
from llmops_plugins.hierarchy.solving import Solution, Team, solve
from llmops_plugins.models.prices import PriceBook
from llmops_plugins.models.registry import ModelRegistry
from llmops_plugins.setting_checks import check_checkpointer, check_count, check_flag
from llmops_plugins.verification.execution import ExecutionSucceeded
from llmops_plugins.verification.later_feedback import LaterFeedback
from llmops_plugins.verification.verdict import Verifier, check_verifier, minimum_replies

__all__ = ["RUN_ID_KEY", "HierarchyInput", "HierarchyOutput", "create_hierarchy"]

RUN_ID_KEY = "llmops_run_id"
"""Key in an answer's ``response_metadata`` for the id by which feedback finds its run."""


class HierarchyInput(TypedDict):
    """What a hierarchy is given.

    Args:
        messages: The request, as a chat.
    """

    messages: Annotated[list[AnyMessage], add_messages]


class HierarchyOutput(HierarchyInput):
    """What a hierarchy returns.

    Args:
        run_id: By which feedback finds the run.
        assistant: Name of the assistant that answered.
        resolved: Whether its answer was found to solve the request.
        attempts: One for each assistant asked: ``assistant``, ``outcome`` and ``reason``.
    """

    run_id: str
    assistant: str
    resolved: bool
    attempts: list[dict[str, Any]]


class _State(HierarchyOutput):
    trace_id: str | None
    shown: list[dict[str, Any]]
    lesson: dict[str, Any]


class _Solving(_State):
    solve_id: str


def create_hierarchy(
    assistants: Sequence[Assistant],
    *,
    success: Verifier,
    demonstrations: DemonstrationStore | None = None,
    user: FromRequest | None = None,
    executor: Executor | None = None,
    tell_reason: bool = False,
    limit: int = DEFAULT_LIMIT,
    token_budget: int = DEFAULT_TOKEN_BUDGET,
    question: Callable[[Sequence[AnyMessage]], str | None] = only_question,
    prices: ModelRegistry | None = None,
    checkpointer: Any = None,
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Return a graph that asks the cheapest assistant first, moves up where it fails, and learns from what
    worked.

    EcoAssistant's assistant hierarchy with solution demonstrations (Zhang et al. 2023,
    https://arxiv.org/abs/2310.03046), without taking the author's word for success. The graph takes and
    returns ``messages``, so it is a node for any graph that does. Every assistant starts from the request and
    the demonstrations, with nothing of its predecessors' attempts. Rejected attempts reach neither the state
    nor the user's stream. If the last assistant's answer is not accepted it is given all the same, with
    ``resolved`` false, and nothing is learned from it.

    Args:
        assistants: The assistants, the cheapest first unless they have ranks.
        success: What counts as solved: ``ExecutionSucceeded()``, ``Judge("openai:gpt-4o")``, ``Human()``
            with a checkpointer, ``LaterFeedback()``, or several of them combined.
        demonstrations: Where solved requests are kept and found again; None learns nothing.
        user: Whose requests they are, a name or a function of the run's config; needed with demonstrations,
            which are private to who had them solved until others confirm them.
        executor: Runs the Python that assistants write, such as a ``SandboxExecutor``; None for assistants
            that answer directly.
        tell_reason: Tells an assistant in one line why the one before failed.
        limit: Most demonstrations an assistant is shown.
        token_budget: Most tokens of them together.
        question: Returns what a request asks, standing alone, by which demonstrations are found and kept;
            None for a request that has no demonstrations. By default the only message of a person: in a
            conversation nothing is recalled or learned.
        prices: Your own prices, for what the solved requests of a demonstration cost.
        checkpointer: As for any graph; for ``Human()`` it must last as long as the person may take.

    Returns:
        The compiled graph; see :class:`HierarchyOutput`.

    Raises:
        ConfigurationError: If there is no assistant, two have one name, a verifier compares replies, the
            executor has no limits, demonstrations lack a user, or a setting is of another type.

    Example:
        >>> from llmops_plugins.testing import ScriptedChatModel
        >>> from llmops_plugins.verification.predicate import Predicate
        >>> small = Assistant(name="small", runnable=ScriptedChatModel(replies=["I cannot say."]))
        >>> large = Assistant(name="large", runnable=ScriptedChatModel(replies=["42"]))
        >>> knows = Predicate(lambda message: "cannot" not in message.text, name="knows")
        >>> graph = create_hierarchy([small, large], success=knows)
        >>> graph.invoke({"messages": [("user", "6 * 7?")]})["assistant"]
        'large'
    """
    check_flag("tell_reason", tell_reason)
    check_checkpointer("checkpointer", checkpointer)
    team = _team(assistants, success, executor, tell_reason)
    teacher = _teacher(success, demonstrations, user, question, limit, token_budget, prices)
    builder = StateGraph(_State, input_schema=HierarchyInput, output_schema=HierarchyOutput)
    builder.add_node("recall", _recalling(teacher))
    builder.add_node("solve", _solving(team, teacher))
    builder.add_node("learn", _learning(teacher))
    builder.add_edge(START, "recall")
    builder.add_edge("recall", "solve")
    builder.add_edge("solve", "learn")
    builder.add_edge("learn", END)
    return builder.compile(checkpointer=checkpointer, name="hierarchy")


def _team(
    assistants: Sequence[Assistant], success: Verifier, executor: Executor | None, tell_reason: bool
) -> Team:
    checked = checked_assistants(assistants)
    check_verifier("success", success)
    if minimum_replies(success) > 1:
        problem = (
            f"{type(success).__name__} compares replies, and an assistant gives one: give another verifier"
        )
        raise ConfigurationError("success", problem)
    if executor is not None:
        check_executor("executor", executor)
    elif isinstance(success, ExecutionSucceeded):
        problem = "is judged by runs of code, and there is no executor to run any: give one as executor"
        raise ConfigurationError("success", problem)
    return Team(assistants=checked, success=success, executor=executor, tell_reason=tell_reason)


def _teacher(
    success: Verifier,
    demonstrations: DemonstrationStore | None,
    user: FromRequest | None,
    question: Callable[[Sequence[AnyMessage]], str | None],
    limit: int,
    token_budget: int,
    prices: ModelRegistry | None,
) -> Teacher | None:
    if user is not None:
        check_name_source("user", user)
    check_count("limit", limit)
    check_count("token_budget", token_budget)
    check_question("question", question)
    check_prices("prices", prices)
    if demonstrations is None:
        if isinstance(success, LaterFeedback):
            problem = "waits for feedback, which demonstrations are to be made of: give demonstrations"
            raise ConfigurationError("success", problem)
        return None
    if not isinstance(demonstrations, DemonstrationStore):
        problem = f"must be a DemonstrationStore, got {type(demonstrations).__name__}: wrap your store in one"
        raise ConfigurationError("demonstrations", problem)
    if user is None:
        problem = "is missing: demonstrations are private to whose request it was, say who that is"
        raise ConfigurationError("user", problem)
    return Teacher(
        store=demonstrations,
        user=user,
        limit=limit,
        token_budget=token_budget,
        prices=PriceBook(prices),
        question=question,
    )


# What the turn before came to is not what this one did, while it waits for a person.
_UNDECIDED: dict[str, Any] = {"assistant": "", "resolved": False, "attempts": []}


def _recalling(teacher: Teacher | None) -> RunnableLambda[Any, Any]:
    """Note which run this is, before anything can interrupt it, and look for demonstrations."""

    def recall(state: _State, config: RunnableConfig) -> dict[str, Any]:
        _check_request(state)
        shown = run(teacher.recall(state["messages"], config)) if teacher else []
        return {**_ids(), **_UNDECIDED, "shown": shown}

    async def arecall(state: _State, config: RunnableConfig) -> dict[str, Any]:
        _check_request(state)
        shown = await arun(teacher.recall(state["messages"], config)) if teacher else []
        return {**_ids(), **_UNDECIDED, "shown": shown}

    return RunnableLambda(recall, arecall, name="recall")


def _solving(team: Team, teacher: Teacher | None) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Return a graph of its own, so that what assistants were rejected with is in no stream of updates."""

    def solving(state: _Solving) -> Flow[Solution]:
        messages, shown = state["messages"], state["shown"]
        sent = teacher.shown(messages, shown) if teacher else messages
        # One that asked a person before there was a node to begin goes on without it.
        solve_id = state.get("solve_id", state["run_id"])
        return solve(team, messages, sent, solve_id=solve_id, shown=len(shown))

    def solved(state: _Solving) -> dict[str, Any]:
        return _update(run(solving(state), do=do_once), teacher, state)

    async def asolved(state: _Solving) -> dict[str, Any]:
        return _update(await arun(solving(state), do=ado_once), teacher, state)

    builder = StateGraph(_Solving, input_schema=_State, output_schema=_State)
    # In a node of its own, so that it stays the same where the other runs again after an interrupt.
    builder.add_node("begin", _begin)
    builder.add_node("escalate", RunnableLambda(solved, asolved, name="escalate"))
    builder.add_edge(START, "begin")
    builder.add_edge("begin", "escalate")
    builder.add_edge("escalate", END)
    return builder.compile(name="solve")


def _begin(state: _State) -> dict[str, str]:
    return {"solve_id": str(uuid.uuid4())}


def _update(solution: Solution, teacher: Teacher | None, state: _State) -> dict[str, Any]:
    author = solution.assistant.name
    answer = [_marked(message, state["run_id"]) for message in solution.answer]
    return {
        "messages": answer,
        "assistant": author,
        "resolved": solution.resolved,
        "attempts": [dict(attempt) for attempt in solution.attempts],
        "lesson": asdict(teacher.lesson(state["messages"], state["shown"], solution)) if teacher else {},
    }


def _check_request(state: _State) -> None:
    if not state.get("messages"):
        raise ConfigurationError("messages", "are missing, invoke the hierarchy with {'messages': [...]}")


def _ids() -> dict[str, str | None]:
    """Return the id that the run was given, or a new one where it is part of another, and its trace's."""
    execution, traced = get_runtime().execution_info, get_current_run_tree()
    given = execution.run_id if execution is not None else None
    trace_id = str(traced.trace_id) if traced is not None else None
    return {"run_id": given or str(uuid.uuid4()), "trace_id": trace_id}


def _run_ids(state: _State) -> RunIds:
    return RunIds(run_id=state["run_id"], trace_id=state["trace_id"])


def _marked(message: BaseMessage, run_id: str) -> BaseMessage:
    """Return a message that says which run feedback on it is about."""
    if not isinstance(message, AIMessage):
        return message
    return message.model_copy(update={"response_metadata": {**message.response_metadata, RUN_ID_KEY: run_id}})


def _learning(teacher: Teacher | None) -> RunnableLambda[Any, Any]:
    def learn(state: _State, config: RunnableConfig) -> dict[str, Any]:
        if teacher:
            run(teacher.learn(state["lesson"], _run_ids(state), config))
        return {}

    async def alearn(state: _State, config: RunnableConfig) -> dict[str, Any]:
        if teacher:
            await arun(teacher.learn(state["lesson"], _run_ids(state), config))
        return {}

    return RunnableLambda(learn, alearn, name="learn")
