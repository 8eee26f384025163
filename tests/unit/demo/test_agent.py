from langchain.agents.middleware import wrap_model_call

from llmops_plugins.demo.agent import SYSTEM_PROMPT, build_support_agent
from llmops_plugins.demo.shop import open_shop
from llmops_plugins.demo.simulated import SimulatedSupportModel

LARGE = SimulatedSupportModel(model_name="simulated-large", skill="large")


def test_the_prompt_is_as_long_as_real_ones_and_says_what_day_it_is():
    assert 150 <= len(SYSTEM_PROMPT.split()) <= 250
    assert "Today is 2026-03-20." in SYSTEM_PROMPT


def test_the_agent_is_compiled_bare():
    assert build_support_agent(LARGE, open_shop()).checkpointer is None


def test_middleware_sits_around_every_model_call():
    seen = []

    @wrap_model_call
    def watch(request, handler):
        seen.append(len(request.messages))
        return handler(request)

    agent = build_support_agent(LARGE, open_shop(), [watch])
    reply = agent.invoke({"messages": [("user", "Where is my order A1049?")]})["messages"][-1]
    assert "shipped" in reply.text
    assert seen == [1, 3]
