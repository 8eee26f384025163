"""Demonstrations as the examples of a few-shot prompt."""

from __future__ import annotations

from typing import Any

from langchain_core.example_selectors import BaseExampleSelector

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.hierarchy.demonstrations.demonstration import Demonstration
from llmops_plugins.hierarchy.demonstrations.settings import DEFAULT_LIMIT, DEFAULT_TOKEN_BUDGET
from llmops_plugins.hierarchy.demonstrations.store import DemonstrationStore, RecallSettings
from llmops_plugins.hierarchy.demonstrations.tenancy import FromRequest, check_name_source
from llmops_plugins.setting_checks import check_count

__all__ = ["DemonstrationExampleSelector"]


class DemonstrationExampleSelector(BaseExampleSelector):
    """Selects demonstrations for LangChain's few-shot prompts, as ``input`` and ``output``.

    Use it with ``FewShotChatMessagePromptTemplate``: ``FewShotPromptTemplate`` reads braces in examples, of
    which code is full, as names of variables. Either puts examples into a prompt as they are; what is
    delimited and counted as demonstrations is what
    :class:`~llmops_plugins.hierarchy.middleware.DemonstrationsMiddleware` shows.

    Args:
        store: Where they are kept.
        user: Who asks, or a function of the variables that the prompt is given; the store's function for the
            tenant is given those too.
        limit: The most that are selected.
        token_budget: The most tokens that they take, at four characters each.
        input_key: The variable that holds the question.

    Raises:
        ConfigurationError: If a setting is wrong.
    """

    def __init__(
        self,
        store: DemonstrationStore,
        *,
        user: FromRequest,
        limit: int = DEFAULT_LIMIT,
        token_budget: int = DEFAULT_TOKEN_BUDGET,
        input_key: str = "input",
    ) -> None:
        if not isinstance(store, DemonstrationStore):
            problem = f"must be a DemonstrationStore, got {type(store).__name__}: wrap your store in one"
            raise ConfigurationError("store", problem)
        check_name_source("user", user)
        check_count("limit", limit)
        check_count("token_budget", token_budget)
        self._store = store
        self._user = user
        self._limit = limit
        self._token_budget = token_budget
        self._input_key = input_key

    def select_examples(self, input_variables: dict[str, Any]) -> list[dict[str, str]]:
        """Return the examples for a question, best first.

        Args:
            input_variables: What the prompt is given.

        Raises:
            ConfigurationError: If the question is not among them.
            Exception: Whatever the store raises.
        """
        question = self._question(input_variables)
        return _examples(self._store.recall(question, **self._settings(input_variables)))

    async def aselect_examples(self, input_variables: dict[str, Any]) -> list[dict[str, str]]:
        """Return the examples for a question; the twin of :meth:`select_examples`."""
        question = self._question(input_variables)
        return _examples(await self._store.arecall(question, **self._settings(input_variables)))

    def add_example(self, example: dict[str, str]) -> Any:
        """Refuse an example: nothing says that it is right.

        Raises:
            ConfigurationError: Always.
        """
        raise ConfigurationError(
            "example",
            "comes without evidence that it is right, call DemonstrationStore.add(..., evidence=...)",
        )

    async def aadd_example(self, example: dict[str, str]) -> Any:
        """Refuse an example; the twin of :meth:`add_example`."""
        return self.add_example(example)

    def _question(self, input_variables: dict[str, Any]) -> str:
        question = input_variables.get(self._input_key)
        if not isinstance(question, str):
            problem = f"must name the variable that holds the question, got {self._input_key!r}"
            raise ConfigurationError("input_key", f"{problem} of {sorted(input_variables)}")
        return question

    def _settings(self, input_variables: dict[str, Any]) -> RecallSettings:
        return {
            "user": self._user,
            "limit": self._limit,
            "token_budget": self._token_budget,
            "request": input_variables,
        }


def _examples(demonstrations: tuple[Demonstration, ...]) -> list[dict[str, str]]:
    return [{"input": one.question, "output": one.solution} for one in demonstrations]
