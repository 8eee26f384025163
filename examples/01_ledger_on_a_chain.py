"""See what each answer of an existing chain or graph cost: one callback, nothing rewritten.

Runs offline: the models only say what they are told. Put your own in their place.
"""

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langgraph.graph import END, START, MessagesState, StateGraph

from llmops_plugins import CostLedger, ModelRegistry, ModelSpec, Price
from llmops_plugins.testing import ScriptedChatModel

planner = ScriptedChatModel(model_name="small", replies=["1. look it up  2. answer"])
writer = ScriptedChatModel(model_name="large", replies=["The sea is blue because water absorbs red light."])

# Your negotiated prices go before the public lists; here no list knows these models.
registry = ModelRegistry(
    [
        ModelSpec(name="small", prices=(Price(input=0.15, output=0.60),)),
        ModelSpec(name="large", prices=(Price(input=2.50, output=10.0),)),
    ]
)

# A chain: the planner's call is hidden from whoever reads the answer, so say what it is for.
plan = ChatPromptTemplate.from_template("Plan how to answer: {question}") | planner | StrOutputParser()


def plan_node(state: MessagesState) -> dict:
    plan.invoke({"question": state["messages"][-1].text}, {"metadata": {"llmops_kind": "plan"}})
    return {}


def write_node(state: MessagesState) -> dict:
    return {"messages": [writer.invoke(state["messages"])]}


graph = (
    StateGraph(MessagesState)
    .add_node("plan", plan_node)
    .add_node("write", write_node)
    .add_edge(START, "plan")
    .add_edge("plan", "write")
    .add_edge("write", END)
    .compile()
)

with CostLedger("sqlite://", registry=registry) as ledger:
    for tenant in ("acme", "acme", "globex"):
        config = {"metadata": {"tenant": tenant}}
        graph.invoke({"messages": [("user", "Why is the sea blue?")]}, config)

report = ledger.report(by=["tenant", "node", "kind"])
for row in report.rows:
    print(*row.key.values(), f"{row.calls} calls", f"${row.cost_usd:.6f}")
totals = report.totals
print(f"hidden: {totals.hidden_calls} of {totals.calls} calls, {totals.hidden_share:.0%} of the cost")
