"""The two models the demo compares: simulated ones, so that it runs anywhere, or real ones."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http.client import HTTPException
from urllib.request import urlopen

from langchain_core.language_models import BaseChatModel
from pydantic import SecretStr

from llmops_plugins.demo.simulated import SimulatedSupportModel
from llmops_plugins.errors import ConfigurationError, MissingExtraError
from llmops_plugins.models.build import build_chat_model
from llmops_plugins.models.registry import ModelRegistry, ModelSpec, Price

__all__ = ["DemoModels", "real_models", "simulated_models"]

_SERVER_TIMEOUT_SECONDS = 10


@dataclass(frozen=True, kw_only=True)
class DemoModels:
    """A strong model, a cheap one, and what they cost.

    Args:
        strong: Answers everything in the agent as it is, and what the cheap one cannot in the other.
        cheap: The cascade's first tier.
        registry: Prices beyond the public lists.
        simulated: Whether neither is a model at all.
    """

    strong: BaseChatModel
    cheap: BaseChatModel
    registry: ModelRegistry
    simulated: bool


def simulated_models() -> DemoModels:
    """Return the simulated pair, at the prices of a small and of a large hosted model."""
    registry = ModelRegistry(
        [
            ModelSpec(name="simulated-small", prices=(Price(input=0.15, output=0.6),)),
            ModelSpec(name="simulated-large", prices=(Price(input=2.5, output=10.0),)),
        ]
    )
    return DemoModels(
        strong=SimulatedSupportModel(model_name="simulated-large", skill="large"),
        cheap=SimulatedSupportModel(model_name="simulated-small", skill="small"),
        registry=registry,
        simulated=True,
    )


def real_models(
    model: str | None, cheap_model: str | None, base_url: str | None, registry: ModelRegistry | None
) -> DemoModels:
    """Return real models.

    Args:
        model: The strong model: an ``init_chat_model`` string, or with ``base_url`` a name on that server;
            None takes the first the server has.
        cheap_model: The cheap one, likewise; None takes the strong one again, so nothing is saved.
        base_url: An OpenAI-compatible server, for example vLLM's.
        registry: Prices beyond the public lists.

    Raises:
        ConfigurationError: If a model cannot be built or the server does not answer.
    """
    if base_url is None:
        strong = build_chat_model("model", model or "")
        cheap = build_chat_model("cheap-model", cheap_model) if cheap_model else strong
    else:
        if not base_url.startswith(("http://", "https://")):
            raise ConfigurationError("base-url", f"must begin with http:// or https://, got {base_url!r}")
        strong = _served(model or _first_served(base_url), base_url)
        cheap = _served(cheap_model, base_url) if cheap_model else strong
    return DemoModels(strong=strong, cheap=cheap, registry=registry or ModelRegistry(), simulated=False)


def _served(name: str, base_url: str) -> BaseChatModel:
    try:
        from langchain_openai import ChatOpenAI
    except ImportError as error:
        raise MissingExtraError(
            "base-url", "needs langchain-openai: pip install 'llmops-plugins[openai]'"
        ) from error
    # Without stream_usage such a server reports no usage for anything streamed; it asks for no key.
    return ChatOpenAI(
        model=name, base_url=base_url, api_key=SecretStr("none"), stream_usage=True, temperature=0
    )


def _first_served(base_url: str) -> str:
    url = base_url.rstrip("/") + "/models"
    try:
        with urlopen(url, timeout=_SERVER_TIMEOUT_SECONDS) as response:  # noqa: S310 - the scheme is checked
            return str(json.load(response)["data"][0]["id"])
    except (OSError, HTTPException, ValueError, LookupError, TypeError) as error:
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        raise ConfigurationError(
            "base-url", f"{url} does not list a model ({reason}), is the server up?"
        ) from error
