"""What a call was for, in the order of the evidence, and what of its metadata is the user's own."""

import pytest

from llmops_plugins.accounting.attribution import (
    CallFacts,
    check_kind_rule,
    graph_path,
    kind_by_evidence,
    kind_by_loop,
    user_metadata,
)
from llmops_plugins.accounting.observed import ObservedCall, Run, RunTree
from llmops_plugins.errors import ConfigurationError


def call(tool=None, parameters=None, **metadata):
    return ObservedCall(
        run_id="c",
        parent_id=None,
        run=Run(RunTree("r"), tool),
        messages=(),
        metadata=metadata,
        parameters=parameters or {},
        started_at=0.0,
        started_clock=0.0,
    )


def evidence(observed, rule=None, node=None):
    return kind_by_evidence(observed, CallFacts(node=node, graph_path=None, model="m", tool=None), rule)


RULE = {"check": "guard"}


def test_the_order_of_the_evidence():
    everything = {"llmops_kind": "judge", "lc_source": "summarization"}
    assert evidence(call("a tool", **everything), RULE, "check") == "judge"
    assert evidence(call("a tool", lc_source="summarization"), RULE, "check") == "summarize"
    assert evidence(call("a tool"), RULE, "check") == "tool"
    assert evidence(call(), RULE, "check") == "guard"
    assert evidence(call(), RULE, "another") is None
    assert evidence(call(), None, "check") is None


@pytest.mark.parametrize("tag", ["nonsense", 3, ["judge"], None])
def test_a_tag_that_is_no_kind_is_no_evidence(tag):
    assert evidence(call(llmops_kind=tag)) is None


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("summarization", "summarize"),
        ("tool_selection", "select_tools"),
        ("tool_emulation", "tool"),
        ("x", None),
    ],
)
def test_langchains_own_hidden_calls(source, kind):
    assert evidence(call(lc_source=source)) == kind


def broken(facts):
    raise KeyError(facts.node)


@pytest.mark.parametrize("rule", [broken, lambda facts: "nonsense", lambda facts: [], lambda facts: None])
def test_a_function_that_says_nothing_of_use(rule):
    assert evidence(call(), rule) is None


def test_a_mapping_to_a_kind_that_does_not_exist_is_refused():
    with pytest.raises(ConfigurationError, match=r"kinds\['check'\]: must be one of answer, .*'gaurd'"):
        check_kind_rule({"check": "gaurd"})
    check_kind_rule(RULE)
    check_kind_rule(None)


def test_the_loop():
    assert kind_by_loop(call(langgraph_node="model"), None) == "step"
    assert kind_by_loop(call(parameters={"tools": [{}]}), None) == "step"
    assert kind_by_loop(call(langgraph_node="draft"), None) == "other"


@pytest.mark.parametrize(
    ("namespace", "path"),
    [
        ("model:1f0a", "model"),
        ("research:1f0a|model:77b2", "research/model"),
        ("research:1f0a|1|model:77b2", "research/model"),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_the_path_in_the_graph(namespace, path):
    assert graph_path({"langgraph_checkpoint_ns": namespace}) == path


def test_the_users_own_metadata():
    metadata = {
        "tenant": "acme",
        "beta": True,
        "share": 0.5,
        "langgraph_node": "model",
        "ls_provider": "openai",
        "lc_source": "x",
        "llmops_kind": "plan",
        "thread_id": "t",
        "api_key": "sk-123",
        "Authorization": "Bearer x",
        "nested": {"not": "kept"},
        "note": "the key is sk-abcdefghijklmnopqrstuvwx",
        "long": "x" * 1000,
    }
    kept = user_metadata(metadata)
    assert kept == {
        "tenant": "acme",
        "beta": True,
        "share": 0.5,
        "note": "the key is [secret]",
        "long": "x" * 200,
    }
    assert len(user_metadata({f"key{n}x": n for n in range(100)})) <= 32
