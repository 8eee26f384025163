from __future__ import annotations

import json
import math

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage

from llmops_plugins import LogprobConfidence
from llmops_plugins.errors import ConfigurationError
from llmops_plugins.verification.verdict import PriceRank, price_rank

openai = pytest.importorskip("langchain_openai")


def sure(*probabilities, **metadata):
    tokens = [{"token": "x", "logprob": math.log(one), "bytes": None} for one in probabilities]
    return AIMessage("x" * len(tokens), response_metadata={"logprobs": {"content": tokens}, **metadata})


@pytest.mark.parametrize(("statistic", "score", "outcome"), [("mean", 0.6, "accept"), ("min", 0.4, "reject")])
def test_the_score_is_a_statistic_of_the_token_probabilities(judge, statistic, score, outcome):
    verdict = judge(LogprobConfidence(minimum=0.5, statistic=statistic), sure(0.9, 0.4, 0.6))
    assert (verdict.outcome, verdict.score) == (outcome, pytest.approx(score))
    assert verdict.reason == f"the {statistic} token probability is {score:.3f}, 0.5 is needed"


@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=20))
def test_the_mean_lies_between_the_least_and_the_most_likely_token(probabilities):
    def score(statistic):
        flow = LogprobConfidence(minimum=0.5, statistic=statistic)(None, [Reply(sure(*probabilities))])
        with pytest.raises(StopIteration) as stop:
            next(flow)
        return stop.value.value.score

    assert score("min") <= score("mean") + 1e-9
    assert score("mean") <= max(probabilities) + 1e-9


class Reply:
    """As much of a response as a verifier reads."""

    def __init__(self, message):
        self.result = [message]


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"logprobs": None},
        {"logprobs": {"content": None}},
        {"logprobs": {"content": []}},
        {"logprobs": {"content": [{"token": "x"}]}},
        {"logprobs": {"content": [{"logprob": math.nan}]}},
        {"logprobs": {"content": [{"logprob": 3.0}]}},
        {"logprobs": {"content": ["x"]}},
        {"logprobs": [-0.1]},
    ],
)
def test_without_log_probabilities_it_abstains_and_says_how_to_turn_them_on(judge, metadata):
    verdict = judge(LogprobConfidence(minimum=0.5), AIMessage("x", response_metadata=metadata))
    assert (verdict.outcome, verdict.score) == ("abstain", None)
    assert "logprobs=True" in verdict.reason


@pytest.mark.parametrize("logprob", [-math.inf, -9999.0])
def test_an_impossible_token_is_no_error(judge, logprob):
    message = AIMessage("x", response_metadata={"logprobs": {"content": [{"logprob": logprob}]}})
    assert judge(LogprobConfidence(minimum=0.5), message).score == 0.0


CHOICE = {"index": 0, "finish_reason": "stop"}
LOGPROBS = [{"content": [{"token": "4", "logprob": math.log(0.9), "bytes": None, "top_logprobs": []}]}]
LOGPROBS += [{"content": [{"token": "2", "logprob": math.log(0.4), "bytes": None, "top_logprobs": []}]}]


def completion(request):
    """Answer as OpenAI's chat completions do, and vLLM's with them."""
    body = {"id": "1", "created": 1, "model": "small"}
    if not json.loads(request.content).get("stream"):
        content = [part["content"][0] for part in LOGPROBS]
        message = {"role": "assistant", "content": "42"}
        choice = {**CHOICE, "message": message, "logprobs": {"content": content}}
        return httpx.Response(200, json={**body, "object": "chat.completion", "choices": [choice]})
    events = [
        {"index": 0, "delta": {"role": "assistant", "content": text}, "logprobs": logprobs}
        for text, logprobs in zip("42", LOGPROBS, strict=True)
    ]
    events.append({**CHOICE, "delta": {}})
    lines = [
        f"data: {json.dumps({**body, 'object': 'chat.completion.chunk', 'choices': [event]})}\n\n"
        for event in events
    ]
    return httpx.Response(
        200, text="".join([*lines, "data: [DONE]\n\n"]), headers={"content-type": "text/event-stream"}
    )


@pytest.mark.parametrize("streaming", [False, True])
def test_what_chat_openai_returns_is_read_whole_and_streamed(judge, streaming):
    model = openai.ChatOpenAI(
        model="small",
        api_key="x",
        logprobs=True,
        streaming=streaming,
        http_client=httpx.Client(transport=httpx.MockTransport(completion)),
    )
    verdict = judge(LogprobConfidence(minimum=0.5), model.invoke([HumanMessage("6 * 7?")]))
    assert (verdict.outcome, verdict.score) == ("accept", pytest.approx(0.6))


def test_it_is_free():
    assert price_rank(LogprobConfidence(minimum=0.5)) == PriceRank.FREE


def test_wrong_settings_are_refused():
    with pytest.raises(ConfigurationError, match="minimum: must be a number above 0"):
        LogprobConfidence(minimum=-0.1)
    with pytest.raises(ConfigurationError, match="statistic: must be 'mean' or 'min'"):
        LogprobConfidence(minimum=0.5, statistic="median")
