"""A model that is asked: how it is built, what its calls cost, and what the next one may."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.models.build import build_chat_model
from llmops_plugins.models.prices import Cost, PriceBook, TokenUsage
from llmops_plugins.models.registry import ModelRegistry

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

__all__ = ["AskedModel"]

_FIRST_GUESS = 1000
"""Output tokens to reckon with while a model has answered nothing yet."""

_BYTES_PER_TOKEN = 4
_PREFIXED = re.compile(r"([a-z_]+):(.+)")
_DATE = re.compile(r"-(?:\d{4}-\d\d-\d\d|\d{8})")


class AskedModel:
    """One model under the name its answers are recorded by.

    Args:
        field: The setting that names it, for errors.
        name: A name of the registry, or an ``init_chat_model`` string.
        registry: Where names are looked up first.
        prices: Prices its calls.
        chat_model: The model itself, where the caller has it.
    """

    def __init__(
        self,
        field: str,
        name: str,
        registry: ModelRegistry,
        prices: PriceBook,
        chat_model: BaseChatModel | None = None,
    ) -> None:
        if not name.strip():
            raise ConfigurationError(field, "holds an empty name, write for example openai:gpt-4o-mini")
        self.name = name
        self._field = field
        self._prices = prices
        self._spec = registry.get(name) if name in registry else None
        self._given = chat_model
        self.provider, self.model_name = self._identity()
        self._largest_output: int | None = None
        self._outputs: list[int] = []
        self._input_beyond_estimate = 0

    @cached_property
    def chat_model(self) -> BaseChatModel:
        """The model, built when it is first needed.

        Raises:
            ConfigurationError: If it cannot be built.
        """
        if self._given is not None:
            return self._given
        if self._spec is not None and self._spec.model is not None:
            return self._spec.build()
        return build_chat_model(self._field, self.name)

    def answers_for(self, recorded: str) -> bool:
        """Return whether a name that a provider reported is this model's, or a dated version's of it."""
        if recorded == self.name:
            return True
        rest = recorded.removeprefix(self.model_name)
        return recorded.startswith(self.model_name) and (not rest or _DATE.fullmatch(rest) is not None)

    def cost_usd(self, usage: TokenUsage, answered: str | None = None) -> float | None:
        """Return what a call cost, or None where nobody knows.

        Args:
            usage: Its tokens.
            answered: The model that says it has answered, which may be more exact than the one asked for.
        """
        cost = None
        declared = self.name if self._spec is not None else None
        for name in filter(None, (declared, self.model_name, answered)):
            found = self._prices.price(self.provider, name, usage, datetime.now(UTC))
            if isinstance(found, Cost):
                cost = found
                if found.source != "genai-prices":
                    break
        return cost.total_usd if cost is not None else None

    def estimate_usd(self, messages: Sequence[tuple[str, str]], *, mean: bool = False) -> float | None:
        """Return what a call may cost, or None where the model has no price.

        Args:
            messages: What would be sent.
            mean: Reckon with an answer as long as the mean so far instead of the longest.
        """
        written = self.mean_output if mean else self._likely_output()
        usage = TokenUsage(input_tokens=self.estimate_input(messages), output_tokens=written)
        return self.cost_usd(usage)

    def estimate_input(self, messages: Sequence[tuple[str, str]]) -> int:
        """Return about how many tokens messages are; the template around them shows with the first answer."""
        return _tokens(messages) + self._input_beyond_estimate

    @property
    def mean_output(self) -> int:
        """Output tokens of an answer: the mean so far, or a guess."""
        return round(sum(self._outputs) / len(self._outputs)) if self._outputs else _FIRST_GUESS

    @property
    def has_answered(self) -> bool:
        """Whether any answer's length is known."""
        return bool(self._outputs)

    def learn(
        self, messages: Sequence[tuple[str, str]], input_tokens: int | None, output_tokens: int | None
    ) -> None:
        """Take an answer's tokens into account in later estimates."""
        if output_tokens is not None:
            self._outputs.append(output_tokens)
            self._largest_output = max(self._largest_output or 0, output_tokens)
        if input_tokens is not None:
            beyond = input_tokens - _tokens(messages)
            self._input_beyond_estimate = max(self._input_beyond_estimate, beyond)

    def _likely_output(self) -> int:
        likely = self._largest_output if self._largest_output is not None else _FIRST_GUESS
        limit = getattr(self.chat_model, "max_tokens", None)
        return min(likely, limit) if type(limit) is int and limit > 0 else likely

    def _identity(self) -> tuple[str | None, str]:
        if self._given is not None:
            # LangChain keeps a model's provider and name nowhere else.
            named = self._given._get_ls_params()
            return named.get("ls_provider"), named.get("ls_model_name") or self.name
        text, settings = self.name, {}
        if self._spec is not None and isinstance(self._spec.model, str):
            text, settings = self._spec.model, dict(self._spec.settings)
        return _provider_and_name(text, settings)


def _provider_and_name(text: str, settings: Mapping[str, object]) -> tuple[str | None, str]:
    prefixed = _PREFIXED.fullmatch(text)
    provider = settings.get("model_provider") or (prefixed and prefixed[1])
    return (provider if isinstance(provider, str) else None), prefixed[2] if prefixed else text


def _tokens(messages: Sequence[tuple[str, str]]) -> int:
    size = sum(len(text.encode("utf-8", "surrogatepass")) for _, text in messages)
    return 4 * len(messages) + -(-size // _BYTES_PER_TOKEN)
