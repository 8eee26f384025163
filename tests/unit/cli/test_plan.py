"""What `llmops plan` prints: the plan, who would do it and what it is thought to cost, and does nothing."""

import json

import pytest

from llmops_plugins.planning import planner as planner_module
from tests.unit.planning.planner_world import controller

EXPERTS = """
- name: thermometer
  kinds: [weather]
  description: Says how warm it is in a city.
  arguments: {type: object, properties: {city: {type: string}}, required: [city], additionalProperties: false}
  cost_usd: 0.25
  latency_seconds: 2
- name: old thermometer
  kinds: [weather]
  description: Says how warm it is in a city.
  arguments: {type: object, properties: {city: {type: string}}, required: [city]}
  cost_usd: 0.5
- name: mailer
  kinds: [mail]
  tool: "my_tools:send"
  side_effects: true
"""
TOOLS = '''
def send(text: str) -> str:
    """Send a mail."""
    raise AssertionError("it was called")
'''
PLAN = """Here is the plan:
```json
{"tasks": [
  {"id": "t1", "kind": "weather", "arguments": {"city": "Oslo"}},
  {"id": "t2", "kind": "mail", "arguments": {"text": "It has ${t1} degrees."}},
]}
```"""


@pytest.fixture(autouse=True)
def files(tmp_path):
    for name, text in (("experts.yaml", EXPERTS), ("my_tools.py", TOOLS), ("plan.txt", PLAN)):
        (tmp_path / name).write_text(text)


def test_a_plan_is_printed_with_who_does_it_and_what_it_costs(llmops):
    done = llmops("plan", "--experts", "experts.yaml", "--plan", "plan.txt")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[1].split() == ["t1", "weather", "thermometer", "old", "thermometer", "-", "$0.2500", "2.0"]
    assert lines[2].split() == ["t2", "mail", "mailer", "(side", "effects)", "-", "t1", "unknown", "unknown"]
    assert "experts only $0.2500*" in done.out
    assert "planning, routing and answering come on top" in done.out
    assert "critical path t1 -> t2" in done.out
    assert "* without t2, whose cost nobody knows" in done.out


def test_it_is_printed_as_json(llmops):
    done = llmops("plan", "--experts", "experts.yaml", "--plan", "plan.txt", "--json").json
    assert done["outcome"] == "planned"
    assert [one["expert"] for one in done["tasks"]] == ["thermometer", "mailer"]
    assert done["tasks"][1]["needs"] == ["t1"]
    assert done["estimate"]["cost_usd"] is None
    assert done["estimate"]["known_cost_usd"] == 0.25


def test_it_is_drawn(llmops):
    done = llmops("plan", "--experts", "experts.yaml", "--plan", "plan.txt", "--mermaid")
    assert done.out.splitlines()[0] == "flowchart TD"
    assert "n0 --> n1" in done.out


def test_a_controller_plans_where_there_is_no_plan(llmops, monkeypatch):
    model = controller(
        json.dumps({"tasks": [{"id": "t1", "kind": "weather", "arguments": {"city": "Oslo"}}]})
    )
    monkeypatch.setattr(planner_module, "as_chat_model", lambda field, given: model)
    done = llmops("plan", "Weather?", "--experts", "experts.yaml", "--controller", "my:model", "--always")
    assert (done.code, done.err) == (0, "")
    assert "thermometer" in done.out


def test_a_request_that_needs_no_plan_says_so(llmops, monkeypatch):
    monkeypatch.setattr(planner_module, "as_chat_model", lambda field, given: controller("unused"))
    asked = "What is the capital of France?"
    done = llmops("plan", asked, "--experts", "experts.yaml", "--controller", "my:model")
    assert done.out.startswith("no plan: It needs no plan")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("Weather?",), "controller: is missing: name the chat model that plans, or give --plan"),
        ((), "request: is missing"),
        (("--plan", "missing.txt"), "missing.txt cannot be read"),
        (("--plan", "my_tools.py"), "my_tools.py holds no plan that can run: The answer holds no plan"),
        (("--plan", "wrong.json"), 'unknown kind "wether": did you mean "weather"'),
        (("--plan", "plan.txt", "--experts", "missing.yaml"), "missing.yaml cannot be read"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(llmops, tmp_path, arguments, problem):
    (tmp_path / "wrong.json").write_text('[{"id": "t1", "kind": "wether", "arguments": {"city": "Oslo"}}]')
    given = arguments if "--experts" in arguments else (*arguments, "--experts", "experts.yaml")
    done = llmops("plan", *given)
    assert done.code == 2
    assert problem in done.err
    assert len(done.err.splitlines()) == 1


def test_a_name_cannot_control_the_terminal(llmops, tmp_path):
    (tmp_path / "experts.yaml").write_text(
        EXPERTS.replace("name: thermometer", 'name: "th\\e[31mermo\\nmeter"')
    )
    done = llmops("plan", "--experts", "experts.yaml", "--plan", "plan.txt")
    assert done.code == 0
    assert "\x1b" not in done.out
