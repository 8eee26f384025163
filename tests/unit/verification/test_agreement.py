from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage
from langgraph.errors import GraphInterrupt

from llmops_plugins.verification.agreement import Agreement


def calls(*named_arguments: tuple[str, dict]) -> AIMessage:
    return AIMessage(
        "let me look",
        tool_calls=[{"name": name, "args": args, "id": f"call-{name}"} for name, args in named_arguments],
    )


def test_equal_answers_in_different_words_are_accepted(judge):
    verdict = judge(Agreement(), "Half of 84.\n\nThe answer is **42**.", '{"answer": "42.0"}')
    assert (verdict.outcome, verdict.reason) == ("accept", "2 replies agree")


def test_different_answers_are_rejected(judge):
    verdict = judge(Agreement(), "Answer: 42", "Answer: 41")
    assert (verdict.outcome, verdict.reason) == ("reject", "reply 2 differs from the first")


def test_one_dissenter_among_three_rejects(judge):
    assert judge(Agreement(), "Answer: 42", "Answer: 42", "Answer: 41").outcome == "reject"


def test_replies_without_an_answer_do_not_agree(judge):
    verdict = judge(Agreement(), "", "")
    assert (verdict.outcome, verdict.reason) == ("reject", "reply 1 holds no answer to compare")


def test_one_reply_leaves_nothing_to_compare(judge):
    assert judge(Agreement(), "Answer: 42").outcome == "abstain"
    assert Agreement.minimum_replies == 2


@pytest.mark.parametrize("other", ["the code is 7315", "the code is 7316", ""])
def test_reasons_never_quote_an_answer(judge, other):
    assert "731" not in judge(Agreement(), "the code is 7315", other).reason


def test_the_same_tool_calls_agree_whatever_the_order_of_arguments(judge):
    first = calls(("search", {"query": "rain", "limit": 3}), ("add", {"a": 1}))
    second = calls(("search", {"limit": 3, "query": "rain"}), ("add", {"a": 1}))
    assert judge(Agreement(), first, second).accepted


@pytest.mark.parametrize(
    "other",
    [
        calls(("search", {"query": "snow"})),
        calls(("lookup", {"query": "rain"})),
        calls(("search", {"query": "rain"}), ("search", {"query": "rain"})),
        AIMessage("let me look"),
    ],
)
def test_other_tool_calls_or_none_differ(judge, other):
    assert judge(Agreement(), calls(("search", {"query": "rain"})), other).outcome == "reject"


def test_the_order_of_tool_calls_counts(judge):
    one, two = ("search", {"query": "rain"}), ("search", {"query": "snow"})
    assert judge(Agreement(), calls(one, two), calls(two, one)).outcome == "reject"


def test_calls_that_cannot_be_parsed_do_not_agree(judge):
    broken = AIMessage(
        "42",
        invalid_tool_calls=[
            {"name": "search", "args": "{", "id": "1", "error": None, "type": "invalid_tool_call"}
        ],
    )
    assert judge(Agreement(), broken, broken).outcome == "reject"


def test_another_way_to_find_the_answer_can_be_given(judge):
    first_word = Agreement(extract=lambda text: text.split()[0])
    assert judge(first_word, "yes indeed", "yes of course").accepted


def test_an_exception_in_extract_rejects_but_an_interrupt_passes(judge):
    def breaks(text):
        raise IndexError("no words")

    def interrupts(text):
        raise GraphInterrupt(())

    assert judge(Agreement(extract=breaks), "a", "a").reason == "extract raised IndexError"
    with pytest.raises(GraphInterrupt):
        judge(Agreement(extract=interrupts), "a", "a")
