"""How assistants fare over time, counted from a hierarchy's decisions."""

import pytest

from llmops_plugins.accounting.assistants import assistant_rows


def decided(*outcomes, shown=0):
    names = ("small", "medium", "large")
    attempts = [{"assistant": name, "outcome": one} for name, one in zip(names, outcomes, strict=False)]
    return {"attempts": attempts, "demonstrations": shown}


def test_each_assistants_share_success_and_cost_are_counted_by_day():
    decisions = [
        ("2026-01-01", decided("not_accepted", "accepted")),
        ("2026-01-01", decided("failed", "not_accepted")),
        ("2026-01-02", decided("accepted", shown=2)),
        ("2026-01-02", decided("accepted")),
        ("2026-01-02", decided("not_accepted", "accepted", shown=1)),
    ]
    costs = [{"key_day": "2026-01-02", "key_assistant": "small", "cost_usd": 0.5}]
    rows = assistant_rows(decisions, costs)
    assert [(row.day, row.assistant, row.asked, row.solved) for row in rows] == [
        ("2026-01-01", "small", 2, 0),
        ("2026-01-01", "medium", 2, 1),
        ("2026-01-02", "small", 3, 2),
        ("2026-01-02", "medium", 1, 1),
    ]
    assert [row.share_of_solved for row in rows] == [0, 1, pytest.approx(2 / 3), pytest.approx(1 / 3)]
    assert [(row.solved_with_demonstrations, row.asked_with_demonstrations) for row in rows] == [
        (0, 0),
        (0, 0),
        (1, 2),
        (1, 1),
    ]
    assert [row.cost_usd for row in rows] == [None, None, 0.5, None]


def test_a_day_without_a_solved_request_has_no_shares():
    (row,) = assistant_rows([("2026-01-01", decided("not_accepted"))], [])
    assert row.share_of_solved is None


@pytest.mark.parametrize("details", [{}, {"attempts": None}, {"attempts": ["small", 3]}])
def test_what_another_version_wrote_is_passed_over(details):
    assert assistant_rows([("2026-01-01", details)], []) == []
