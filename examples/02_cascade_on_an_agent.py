"""Two cheap models answer at once; the strong one is asked only where they differ.

Runs offline: the models only say what they are told. Put your own in their place, as chat models or as
init_chat_model strings such as "openai:gpt-4o-mini".
"""

from langchain.agents import create_agent

from llmops_plugins import Agreement, CascadeMiddleware, CostLedger, ModelRegistry, ModelSpec, Price
from llmops_plugins.testing import ScriptedChatModel

one = ScriptedChatModel(model_name="small-a", replies=["7 * 6 = 42. The answer is 42.", "The answer is 54."])
other = ScriptedChatModel(model_name="small-b", replies=["The answer is **42**.", "The answer is 56."])
strong = ScriptedChatModel(model_name="large", replies=["7 * 8 = 56. The answer is 56."])

registry = ModelRegistry(
    [
        ModelSpec(name="small-a", prices=(Price(input=0.15, output=0.60),)),
        ModelSpec(name="small-b", prices=(Price(input=0.10, output=0.40),)),
        ModelSpec(name="large", prices=(Price(input=2.50, output=10.0),)),
    ]
)
ledger = CostLedger("sqlite://", registry=registry)
agent = create_agent(
    strong, tools=[], middleware=[CascadeMiddleware(tiers=[[one, other], strong], verify=Agreement())]
).with_config(callbacks=[ledger])

for question in ("What is 7 * 6?", "What is 7 * 8?"):
    print(question, "->", agent.invoke({"messages": [("user", question)]})["messages"][-1].text)

report = ledger.report(by=["model", "kind"])
for row in report.rows:
    print(*row.key.values(), f"{row.calls} calls", f"${row.cost_usd:.6f}")
for decision in report.decisions:
    print(decision.capability, decision.outcome, f"saved ${decision.saved_usd:.6f} ({decision.saved_basis})")
