"""The demo's support agent with the cascade, compiled bare: a LangGraph server brings its own store."""

from llmops_plugins.demo.agent import build_support_agent
from llmops_plugins.demo.comparison import support_cascade
from llmops_plugins.demo.models import simulated_models
from llmops_plugins.demo.shop import open_shop

models = simulated_models()
graph = build_support_agent(models.strong, open_shop(), [support_cascade(models)])
