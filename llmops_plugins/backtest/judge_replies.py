"""What judges have said, so that no grade is paid for twice."""

from __future__ import annotations

from collections.abc import Sequence

from llmops_plugins.backtest.asked_model import AskedModel
from llmops_plugins.backtest.asking import Asker
from llmops_plugins.backtest.dataset import fingerprint
from llmops_plugins.backtest.journal import Journal
from llmops_plugins.verification.judge import read_grade

__all__ = ["JudgeReplies"]


class JudgeReplies:
    """Asks a judge, but for what the journal says it has already graded.

    The same conversation, answer and reference make the same messages, so those tell what was graded.

    Args:
        judge: The judge.
        asker: Asks it.
        journal: Holds its earlier replies.
    """

    def __init__(self, judge: AskedModel, asker: Asker, journal: Journal) -> None:
        self._judge = judge
        self._asker = asker
        self._journal = journal

    async def __call__(self, messages: Sequence[tuple[str, str]]) -> str:
        """Return the judge's reply; a grade that cannot be read is asked for again."""
        earlier = self._journal.answers.get((fingerprint(messages), self._judge.name))
        if earlier is not None and earlier.text is not None and read_grade(earlier.text) is not None:
            return earlier.text
        answer = await self._asker.ask(self._judge, messages, "judge")
        return answer.text or ""
