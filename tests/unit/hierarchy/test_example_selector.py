"""Demonstrations as the examples of LangChain's few-shot prompts."""

import asyncio

import pytest
from langchain_core.prompts import ChatPromptTemplate, FewShotChatMessagePromptTemplate

from llmops_plugins.errors import ConfigurationError
from llmops_plugins.hierarchy.demonstrations.example_selector import DemonstrationExampleSelector
from tests.unit.hierarchy.solved import LIKE_IT, QUESTION, memory, new_store, solve

CODE = 'print(f"{tide(1)} {{metres}}")'


@pytest.fixture
def store():
    made = new_store()
    solve(made, solution=CODE)
    return made


def test_examples_are_question_and_solution(store):
    selector = DemonstrationExampleSelector(store, user="ann")
    examples = [{"input": QUESTION, "output": CODE}]
    assert selector.select_examples({"input": LIKE_IT}) == examples
    assert asyncio.run(selector.aselect_examples({"input": LIKE_IT})) == examples
    assert DemonstrationExampleSelector(store, user="ben").select_examples({"input": LIKE_IT}) == []


def test_a_prompt_shows_code_with_braces_as_it_is(store):
    example = ChatPromptTemplate.from_messages([("user", "{input}"), ("assistant", "{output}")])
    prompt = FewShotChatMessagePromptTemplate(
        example_selector=DemonstrationExampleSelector(store, user="ann"),
        example_prompt=example,
        input_variables=["input"],
    )
    assert [message.content for message in prompt.invoke({"input": LIKE_IT}).messages] == [QUESTION, CODE]


def test_who_asks_may_depend_on_what_the_prompt_is_given(store):
    selector = DemonstrationExampleSelector(store, user=lambda given: given["who"], input_key="question")
    assert selector.select_examples({"question": LIKE_IT, "who": "ann"})
    assert not selector.select_examples({"question": LIKE_IT, "who": "ben"})


def test_an_example_without_evidence_is_refused(store):
    selector = DemonstrationExampleSelector(store, user="ann")
    for add in (selector.add_example, lambda one: asyncio.run(selector.aadd_example(one))):
        with pytest.raises(ConfigurationError, match="evidence"):
            add({"input": QUESTION, "output": "print(1)"})
    assert len(store.list()) == 1


@pytest.mark.parametrize(
    ("settings", "field"), [({"user": ""}, "user"), ({"limit": 0}, "limit"), ({"store": memory()}, "store")]
)
def test_a_wrong_setting_is_refused_when_built(settings, field):
    with pytest.raises(ConfigurationError) as caught:
        DemonstrationExampleSelector(**{"store": new_store(), "user": "ann", **settings})
    assert caught.value.field == field


def test_a_prompt_without_the_question_is_refused(store):
    with pytest.raises(ConfigurationError, match="input_key"):
        DemonstrationExampleSelector(store, user="ann").select_examples({"question": LIKE_IT})
