"""Experts in a file: read without building or running anything, and refused by file and field."""

import json

import pytest

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.planning.experts.file import read_experts

CARDS = """
- name: captioner
  kinds: [image-caption]
  description: Says what is in an image.
  model: "openai:gpt-4o-mini"
  arguments: {type: object, properties: {image: {type: string}}, required: [image]}
  output: {type: string}
- name: search
  kinds: [web-search, news]
  tool: "my_tools:search"
  arguments: {type: object, properties: {query: {type: string}}}
  cost_usd: 0.005
  latency_seconds: 2
  side_effects: true
"""


@pytest.fixture
def write(tmp_path):
    def written(text):
        path = tmp_path / "experts.yaml"
        path.write_text(text)
        return path

    return written


def test_cards_become_experts_that_nothing_was_built_for(write):
    captioner, search = read_experts(write(CARDS))
    assert captioner.runnable == "openai:gpt-4o-mini"
    assert captioner.cost_usd == pytest.approx(500 * 0.15e-6 + 300 * 0.6e-6)
    assert (search.runnable, search.cost_usd, search.side_effects) == (None, 0.005, True)
    assert search.kinds == ("web-search", "news")


def test_a_file_can_be_json(write):
    cards = [{"name": "it", "kinds": ["x"], "arguments": {"type": "object"}}]
    assert [one.name for one in read_experts(write(json.dumps(cards)))] == ["it"]


def test_a_tool_is_loaded_by_whoever_can_and_says_itself_what_it_takes(write):
    def search(query: str) -> list[str]:
        """Search."""
        return [query]

    asked = []

    def load(path, field):
        asked.append((path, field))
        return search

    (it,) = read_experts(write('[{name: it, kinds: [x], tool: "my:search"}]'), load)
    assert asked == [("my:search", "tool")]
    assert it.description == "Search."
    assert it.asked().invoke({"query": "oslo"}) == ["oslo"]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "experts.yaml: the file: input should be a valid list"),
        ("name: it", "experts.yaml: the file: input should be a valid list"),
        ("[]", "experts.yaml: experts: is empty"),
        ("[{name: it}]", "experts.yaml: [0].kinds: field required"),
        ("[{name: it, kinds: [a], colour: red}]", "experts.yaml: [0].colour: extra inputs are not permitted"),
        ("[{name: it, kinds: a}]", "experts.yaml: [0].kinds: input should be a valid list"),
        ("[{name: it, kinds: [a], cost_usd: -1}]", "experts.yaml: [0].cost_usd: input should be greater"),
        ("[{name: it, kinds: [a], cost_usd: .inf}]", "experts.yaml: [0].cost_usd: input should be a finite"),
        ("[{name: it, kinds: [a]}]", "experts.yaml: [0]: experts.it.arguments: is missing"),
        ('[{name: it, kinds: [a], model: "a:b", tool: "c:d"}]', "experts.yaml: [0]: has a model and a tool"),
        ("[{name: it, kinds: [a], arguments: {type: list}}]", "[0]: experts.it.arguments: is no JSON schema"),
        ("[", "experts.yaml: is neither YAML nor JSON"),
        ("- {name: it, kinds: [a], arguments: {type: object}}\n" * 2, "experts: two are called 'it'"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence_with_file_and_field(write, text, where):
    with pytest.raises(ConfigurationError) as refused:
        read_experts(write(text))
    assert where in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("found", [None, 3])
def test_a_tool_that_is_none_is_refused(write, found):
    with pytest.raises(ConfigurationError, match=r"my:search does not exist|must be a runnable"):
        read_experts(write('[{name: it, kinds: [x], tool: "my:search"}]'), lambda path, field: found)
    with pytest.raises(ConfigurationError, match="must be module:attribute"):
        read_experts(write("[{name: it, kinds: [x], tool: search}]"), lambda path, field: found)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"none\.yaml cannot be read"):
        read_experts(tmp_path / "none.yaml")
