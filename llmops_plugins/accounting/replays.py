"""Replies that LangGraph's node cache replayed: no call was made, though they carry a usage."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any

from llmops_plugins.accounting.answers import RootOutput, ai_messages
from llmops_plugins.accounting.decision_rows import replay_row
from llmops_plugins.accounting.observed import RootEnded
from llmops_plugins.accounting.paid_replies import PaidReplies
from llmops_plugins.accounting.rows import thread_id

__all__ = ["replay_rows"]


def replay_rows(
    end: RootEnded, output: RootOutput, known: Container[str], paid_replies: PaidReplies
) -> Iterator[dict[str, Any]]:
    """Yield a row for each reply that was replayed.

    Only what is certain: paid for earlier in this process, before this run began, by another conversation
    or none, not part of this run's input, and standing after the last human message.

    Args:
        end: The end of the run.
        output: What it gave.
        known: Ids of the replies that came in it.
        paid_replies: The replies that this process paid for.
    """
    thread, messages = thread_id(end.tree.metadata), output.messages[output.turn_start :]
    given = {message.id for message in ai_messages(end.tree.inputs)} if messages else set()
    for message in messages:
        paid = paid_replies.get(message.id)
        if paid is None or message.id in given or message.id in known or paid.paid_at >= end.tree.started_at:
            continue
        if thread is None or paid.thread != thread:
            yield replay_row(end, saved_usd=paid.cost_usd, model=paid.model)
