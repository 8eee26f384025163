"""The second time a question is asked its answer comes from a cache, also in other words; a trap does not.

Runs offline: the model only says what it is told, and the embeddings only count words. Put your own in their
place. `SemanticTier()` alone takes a local model (extra `minilm`) and its calibrated rule.
"""

import re

from langchain.agents import create_agent
from langchain_core.embeddings import Embeddings
from langchain_core.messages import AIMessage, HumanMessage

from llmops_plugins import CacheMiddleware, CostLedger, ModelRegistry, ModelSpec, Price, SemanticTier
from llmops_plugins.testing import ScriptedChatModel


class WordCounts(Embeddings):
    """Texts that share words are near each other, and one number is as good as another."""

    words = ("hello", "my", "where", "order", "parcel", "is", "when", "arrive", "#")
    model = "word-counts"
    free_of_charge = True

    def embed_documents(self, texts):
        found = [re.findall(r"[a-z]+|#", re.sub(r"a\d+", "#", text.lower())) for text in texts]
        return [[float(one.count(word)) for word in self.words] for one in found]

    def embed_query(self, text):
        return self.embed_documents([text])[0]


def look_up_order(order_id: str) -> str:
    """Look up an order."""
    return f"{order_id} is {'in the mail' if order_id == 'A1001' else 'on our shelf'}."


def reply(messages):
    if not isinstance(messages[-1], HumanMessage):
        return f"Your order {messages[-1].text}"
    order_id = re.search(r"A\d+", messages[-1].text)[0]
    return AIMessage("", tool_calls=[{"name": "look_up_order", "args": {"order_id": order_id}, "id": "1"}])


model = ScriptedChatModel(model_name="large", replies=[reply])
registry = ModelRegistry([ModelSpec(name="large", prices=(Price(input=2.5, output=10.0),))])
cache = CacheMiddleware(
    ":memory:",  # or a file, or any LangGraph store
    semantic=SemanticTier(embeddings=WordCounts(), threshold=0.9, recheck_share=0.0),
    cacheable_tools=["look_up_order"],  # it only reads, and its result is good for as long as the answer is
    tenant=lambda request: request.runtime.context["customer"],
)
ledger = CostLedger("sqlite://", registry=registry)
agent = create_agent(model, [look_up_order], middleware=[cache]).with_config(callbacks=[ledger])


def ask(question, customer="ann"):
    state = agent.invoke({"messages": [HumanMessage(question)]}, context={"customer": customer})
    answer = state["messages"][-1]
    by = answer.response_metadata.get("llmops_cache", "the model")
    print(f"{customer}: {question:<33} -> {answer.text:<36} by {by}")


ask("Where is my order A1001?")
ask("Where is my order A1001?")  # the same request
ask("Hello, where is my order A1001?")  # the same question in other words
ask("Where is my order A1002?")  # the same words, another order: a guard sees the number
ask("Where is my order A1001?", customer="bob")  # nobody is served another customer's answer

for row in ledger.report(by=["trace"]).rows:
    for decision in ledger.trace(row.key["trace"]).decisions:
        if "refused" in decision.reason:
            print("once", decision.reason)
for row in ledger.report(by=["kind"]).rows:
    print(row.key["kind"], f"{row.calls} calls", f"${row.cost_usd:.6f}")
for decision in ledger.report().decisions:
    saved = f"saved ${decision.saved_usd:.6f} ({decision.saved_basis})"
    print(decision.capability, decision.outcome, f"{decision.count} times", saved)
