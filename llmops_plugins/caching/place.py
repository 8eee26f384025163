"""Where a request's answer is looked for and kept, or why it is neither."""

from __future__ import annotations

from dataclasses import dataclass

from llmops_plugins.caching.conversation import Conversation, read_conversation
from llmops_plugins.caching.identity import CannotNameError
from llmops_plugins.caching.partition import Partition, PartitionRule
from llmops_plugins.effects import NEVER_SWALLOWED, Request
from llmops_plugins.failures import warn_once

__all__ = ["CHECK_FUNCTIONS", "CHECK_STORE", "PassedBy", "Place", "find_place"]

CHECK_STORE = "check the store and the embeddings, and the rewrite model and guards if there are any"
"""What to do where a look-up or a write fails."""
CHECK_FUNCTIONS = "mend the function that you gave the cache"
"""What to do where a user's own function fails."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a request's answer is.

    Args:
        partition: What it shares answers with.
        conversation: What was said.
    """

    partition: Partition
    conversation: Conversation

    @property
    def flight_key(self) -> str:
        """Equal for requests that one call may answer."""
        return f"{self.partition.identity}/{self.conversation.key}"

    @property
    def run_key(self) -> str:
        """Equal for all calls of one agent run."""
        return f"{self.partition.identity}/{self.conversation.opening_key}"


@dataclass(frozen=True, kw_only=True)
class PassedBy:
    """A request that the cache has nothing to do with.

    Args:
        reason: Why, in a few words.
    """

    reason: str


def find_place(request: Request, rule: PartitionRule) -> Place | PassedBy:
    """Return where a request's answer is looked for.

    Args:
        request: The request.
        rule: Finds its partition; whatever a user's function in it raises makes the request pass by.
    """
    try:
        conversation = read_conversation(request)
        if conversation.refusal is not None:
            return PassedBy(reason=conversation.refusal)
        return Place(partition=rule(request), conversation=conversation)
    except NEVER_SWALLOWED:
        raise
    except CannotNameError as error:
        return PassedBy(reason=str(error))
    except Exception as error:  # noqa: BLE001 - a user's own function may raise anything
        warn_once("the cache's tenant, corpus_version or keys", error, CHECK_FUNCTIONS)
        return PassedBy(reason=f"{type(error).__name__} while it was told whose request this is")
