"""What a call that was not made would have taken, told from replies that were given instead."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

from llmops_plugins.events import AvoidedCall

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage

__all__ = ["avoided_call", "provider_and_name"]


def avoided_call(
    model: BaseChatModel,
    replies: Iterable[AIMessage | None],
    basis: Literal["measured", "estimated"],
    source: str,
) -> AvoidedCall:
    """Return the call, or the calls as one, that a model would have made with the tokens of these replies.

    Args:
        model: Who would have been asked.
        replies: Messages whose recorded usage stands in; where one has none the tokens are unknown.
        basis: Whether the usage is that of the avoided call itself.
        source: Where the tokens come from, for a reader who doubts them.
    """
    usages: list[Any] = [(reply.usage_metadata if reply is not None else None) or {} for reply in replies]
    provider, name = provider_and_name(model)
    return AvoidedCall(
        provider=provider,
        model=name,
        input_tokens=_sum(usage.get("input_tokens") for usage in usages),
        output_tokens=_sum(usage.get("output_tokens") for usage in usages),
        cache_read_tokens=sum(
            (usage.get("input_token_details") or {}).get("cache_read") or 0 for usage in usages
        ),
        basis=basis,
        source=source,
    )


def provider_and_name(model: BaseChatModel) -> tuple[str | None, str]:
    """Return the provider and the name that a chat model goes by; LangChain keeps them nowhere else."""
    named = model._get_ls_params()
    return named.get("ls_provider"), named.get("ls_model_name") or ""


def _sum(counts: Iterable[int | None]) -> int | None:
    known = list(counts)
    return None if not known or None in known else sum(count or 0 for count in known)
