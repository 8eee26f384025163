"""The models a deployment uses: how to build each one, what it costs, and what it can do.

A registry is built in code, or read from YAML with :meth:`ModelRegistry.from_yaml`::

    models:
      cheap: {model: "openai:gpt-4o-mini", input: 0.15, output: 0.6}   # one undated price
      strong:
        model: "openai:gpt-4o"
        capabilities: [tools, vision]
        prices:
          - {input: 2.5, output: 10}
          - {effective_from: 2026-01-01, input: 2.0, output: 8}        # negotiated, from that day on (UTC)
      local:
        model: "openai:Qwen/Qwen3-8B"
        settings: {base_url: "http://localhost:8000/v1"}
        self_hosted: {gpu_usd_per_hour: 2.2, input_tokens_per_second: 9000, output_tokens_per_second: 1400}
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmops_plugins.errors import ConfigurationError, UnknownModelError
from llmops_plugins.models.build import build_chat_model

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

__all__ = ["ModelRegistry", "ModelSpec", "Price", "SelfHosted", "canonical_provider"]

# LangChain has up to three names for one seller: init_chat_model's, ls_provider's and the model class's.
_ALIASES = {
    "aws": "amazon_bedrock bedrock bedrock_converse anthropic_bedrock anthropic_mantle openai_mantle"
    " bedrock_mantle_anthropic bedrock_mantle_openai",
    "azure": "azure_ai azure_openai",
    "google": "google_anthropic_vertex google_genai google_vertexai",
    "ibm": "watsonx",
    "mistral": "mistralai",
    "moonshotai": "moonshot",
    "x-ai": "xai",
}
_SELLERS = {alias: seller for seller, aliases in _ALIASES.items() for alias in aliases.split()}
_PROVIDER_PREFIX = re.compile(r"([a-z_]+):(.+)")
_SECRET = re.compile(
    r"api_?key|secret|password|authorization|access_key|private_key|credentials?$|(^|_)token$"
)


def canonical_provider(provider: str) -> str:
    """Return one name per seller, genai-prices' id where it knows the seller.

    Args:
        provider: A provider as ``init_chat_model`` or ``ls_provider`` names it, such as ``"azure_openai"``.
    """
    name = provider.strip().lower()
    return _SELLERS.get(name.replace("-", "_"), name)


@dataclass(frozen=True, kw_only=True)
class Price:
    """What a provider charges, in USD per million tokens.

    Args:
        input: Tokens sent that no other field covers.
        output: Tokens written, reasoning included.
        cache_read: Input tokens read from the provider's prompt cache; ``None`` charges them as ``input``.
        cache_write: Input tokens written to that cache; ``None`` charges them as ``input``.
        input_audio: Audio tokens sent; ``None`` charges them as ``input``.
        output_audio: Audio tokens written; ``None`` charges them as ``output``.
        effective_from: First day (UTC) the price holds; ``None`` is older than any date.

    Raises:
        ConfigurationError: A price is negative or not a finite number, or the date is not a date.
    """

    input: float
    output: float
    cache_read: float | None = None
    cache_write: float | None = None
    input_audio: float | None = None
    output_audio: float | None = None
    effective_from: date | None = None

    def __post_init__(self) -> None:
        for name in RATES:
            value = getattr(self, name)
            if value is None and name not in ("input", "output"):
                continue
            if not _is_zero_or_more(value):
                raise ConfigurationError(name, f"must be zero or more USD per million tokens, got {value!r}")
        # A datetime is a date to isinstance, but comparing the two raises when a call is priced.
        if self.effective_from is not None and type(self.effective_from) is not date:
            raise ConfigurationError(
                "effective_from", f"must be a date such as 2026-01-01 (unquoted), got {self.effective_from!r}"
            )


RATES = tuple(entry.name for entry in fields(Price) if entry.name != "effective_from")
"""The fields of a price that are amounts."""


@dataclass(frozen=True, kw_only=True)
class SelfHosted:
    """What a model on one's own GPUs costs: the seconds a call occupies them.

    A call takes ``input_tokens / input_tokens_per_second + output_tokens / output_tokens_per_second``
    seconds.

    Args:
        gpu_usd_per_hour: USD per hour for all GPUs that serve the model together.
        input_tokens_per_second: Measured throughput of reading a prompt, over all concurrent calls.
        output_tokens_per_second: Measured throughput of writing an answer, over all concurrent calls.

    Raises:
        ConfigurationError: The price is negative, a throughput is not above zero, or either is not finite.
    """

    gpu_usd_per_hour: float
    input_tokens_per_second: float
    output_tokens_per_second: float

    def __post_init__(self) -> None:
        if not _is_zero_or_more(self.gpu_usd_per_hour):
            raise ConfigurationError(
                "gpu_usd_per_hour", f"must be zero or more USD per hour, got {self.gpu_usd_per_hour!r}"
            )
        for name in ("input_tokens_per_second", "output_tokens_per_second"):
            value = getattr(self, name)
            if not _is_zero_or_more(value) or value == 0:
                raise ConfigurationError(
                    name, f"must be measured tokens per second above zero, got {value!r}"
                )


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """One model under the name a deployment gives it.

    Args:
        name: The deployment's name for it; matches a call whose model has that name.
        model: An ``init_chat_model`` string such as ``"openai:gpt-4o-mini"``, or a factory without arguments;
            ``None`` for a spec that only prices.
        settings: Passed to ``init_chat_model`` (``base_url``, ``temperature``, ...); never secrets.
        prices: One's own prices, which go before any price list; at most one per ``effective_from``.
        self_hosted: Measured cost of serving the model oneself; used when no price of ``prices`` is in force.
        context_window: Input tokens the model accepts.
        capabilities: Words of one's own, such as ``"tools"`` or ``"vision"``.

    Raises:
        ConfigurationError: A field is wrong; the message names it as ``models.<name>.<field>``.
    """

    name: str
    model: str | Callable[[], BaseChatModel] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    prices: tuple[Price, ...] = ()
    self_hosted: SelfHosted | None = None
    context_window: int | None = None
    capabilities: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise ConfigurationError("models", f"a name must be non-empty text (quoted), got {self.name!r}")
        path = f"models.{self.name}"
        object.__setattr__(self, "settings", dict(self.settings))
        named = isinstance(self.model, str) and bool(self.model.strip())
        if self.model is not None and not named and not callable(self.model):
            problem = "must be a string such as 'openai:gpt-4o-mini' or a function that returns a model"
            raise ConfigurationError(f"{path}.model", problem)
        if self.settings and not isinstance(self.model, str):
            raise ConfigurationError(f"{path}.settings", "needs `model` to be an init_chat_model string")
        _refuse_secrets(self.settings, f"{path}.settings")
        _refuse_same_date(self.prices, f"{path}.prices")
        window = self.context_window
        if window is not None and (type(window) is not int or window <= 0):
            raise ConfigurationError(
                f"{path}.context_window", f"must be a whole number above 0, got {window!r}"
            )
        refuse_other_than_words(self.capabilities, f"{path}.capabilities")

    def build(self) -> BaseChatModel:
        """Return a new chat model.

        Raises:
            ConfigurationError: There is no ``model``, it is not one, or ``init_chat_model`` refuses it.
            MissingExtraError: The provider's LangChain package is not installed.
        """
        from langchain_core.language_models import BaseChatModel

        path = f"models.{self.name}.model"
        if self.model is None:
            raise ConfigurationError(
                path, "is missing, so it can only price; add one such as 'openai:gpt-4o-mini'"
            )
        if isinstance(self.model, str):
            return build_chat_model(path, self.model, **self.settings)
        built = self.model()
        if not isinstance(built, BaseChatModel):
            raise ConfigurationError(path, f"must give a BaseChatModel, got {type(built).__name__}")
        return built


class ModelRegistry:
    """An immutable set of :class:`ModelSpec`, by name.

    Args:
        specs: The models; iteration keeps their order.

    Raises:
        ConfigurationError: Two of them have the same name.
    """

    def __init__(self, specs: Iterable[ModelSpec] = ()) -> None:
        self._specs: dict[str, ModelSpec] = {}
        self._by_model: dict[str, list[ModelSpec]] = {}
        for spec in specs:
            if spec.name in self._specs:
                raise ConfigurationError(f"models.{spec.name}", "is defined twice; rename or remove one")
            self._specs[spec.name] = spec
            for name in {spec.name, spec.model, _provider_and_model(spec)[1]}:
                if isinstance(name, str):
                    self._by_model.setdefault(name, []).append(spec)

    @classmethod
    def from_yaml(cls, path: str | Path) -> ModelRegistry:
        """Return the registry that a YAML file describes, in the form this module's docstring shows.

        Raises:
            ConfigurationError: The file is missing or not YAML, a key appears twice, or a field is wrong.
        """
        from llmops_plugins.models.registry_yaml import read_specs

        return cls(read_specs(Path(path)))

    def get(self, name: str) -> ModelSpec:
        """Return the model of that name.

        Raises:
            UnknownModelError: There is none; the message names close matches.
        """
        if name not in self._specs:
            raise UnknownModelError("model", f"{name!r} is not in the registry{hint(name, self._specs)}")
        return self._specs[name]

    def find(self, provider: str | None, model: str) -> ModelSpec | None:
        """Return the spec that describes an observed call, or ``None``.

        The call's model name is compared with each spec's name and with the model part of its ``model``. A
        spec known to buy from one provider does not describe a call to another, whose prices differ.

        Args:
            provider: LangChain's ``ls_provider``, or ``None`` where it is unknown.
            model: The model name, exactly as the call reports it.
        """
        seller = None if provider is None else canonical_provider(provider)
        candidates: list[tuple[bool, bool, ModelSpec]] = []
        for spec in self._by_model.get(model, ()):
            sold_by = _provider_and_model(spec)[0]
            if seller is None or sold_by in (None, seller):
                candidates.append((seller is None or sold_by != seller, spec.name != model, spec))
        return min(candidates, key=lambda ranked: ranked[:2])[2] if candidates else None

    def __contains__(self, name: object) -> bool:
        return name in self._specs

    def __iter__(self) -> Iterator[ModelSpec]:
        return iter(self._specs.values())

    def __len__(self) -> int:
        return len(self._specs)


def _is_zero_or_more(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def _provider_and_model(spec: ModelSpec) -> tuple[str | None, str | None]:
    """Return who sells a spec's calls, as far as it says, and the model's name there."""
    if not isinstance(spec.model, str):
        return None, None
    prefixed = _PROVIDER_PREFIX.fullmatch(spec.model)
    provider = spec.settings.get("model_provider") or (prefixed and prefixed[1])
    # On one's own server the provider only says which client speaks to it.
    own_server = "base_url" in spec.settings or spec.self_hosted is not None
    return (canonical_provider(provider) if provider and not own_server else None), (
        prefixed[2] if prefixed else spec.model
    )


def _refuse_secrets(settings: Mapping[str, Any], path: str) -> None:
    for key, value in settings.items():
        if _SECRET.search(str(key).lower().replace("-", "_")):
            problem = (
                "secrets do not belong here; set the provider's environment variable (such as OPENAI_API_KEY)"
            )
            raise ConfigurationError(f"{path}.{key}", problem)
        if isinstance(value, Mapping):
            _refuse_secrets(value, f"{path}.{key}")


def refuse_other_than_words(words: Collection[object], path: str) -> None:
    # Text is a collection of letters, so a forgotten pair of brackets would pass as words.
    if isinstance(words, str) or not all(isinstance(word, str) and word.strip() for word in words):
        raise ConfigurationError(path, f"must be a collection of words such as 'tools', got {words!r}")


def _refuse_same_date(prices: Iterable[Price], path: str) -> None:
    starts: set[date | None] = set()
    for price in prices:
        if price.effective_from in starts:
            start = price.effective_from or "no effective_from"
            raise ConfigurationError(path, f"two prices have {start}; keep one or date them apart")
        starts.add(price.effective_from)


def hint(name: object, known: Iterable[str]) -> str:
    names = list(known)
    matches = get_close_matches(str(name), names, n=3)
    if matches:
        return f"; did you mean {' or '.join(repr(match) for match in matches)}?"
    return f"; it has {', '.join(names[:20])}" if names else "; it is empty"
