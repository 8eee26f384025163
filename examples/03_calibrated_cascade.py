"""A cascade whose risk is bounded: calibrated on recorded answers, then put in front of an agent.

Runs offline: the recorded answers are made up. Your own come from `llmops record`, or `read_records(FILE)`.
"""

import random

from langchain.agents import create_agent

from llmops_plugins import CascadeMiddleware, CostLedger, ModelRegistry, ModelSpec, Price, calibrate
from llmops_plugins.models.prices import PriceBook
from llmops_plugins.records.reading import Record, RecordedResponse
from llmops_plugins.testing import ScriptedChatModel

registry = ModelRegistry(
    [
        ModelSpec(name="small-a", prices=(Price(input=0.15, output=0.60),)),
        ModelSpec(name="small-b", prices=(Price(input=0.10, output=0.40),)),
        ModelSpec(name="large", prices=(Price(input=2.50, output=10.0),)),
    ]
)
chance = random.Random(1)  # noqa: S311 - made-up answers, not secrets


def recorded(right: int, accuracy: float) -> RecordedResponse:
    is_right = chance.random() < accuracy
    answer = right if is_right else right + chance.randrange(1, 20)
    return RecordedResponse(
        text=f"The answer is {answer}.", score=float(is_right), input_tokens=40, output_tokens=60
    )


records = [
    Record(
        line=number,
        record_id=str(number),
        prompt=f"What is {number} * 7?",
        responses={
            "small-a": recorded(number * 7, 0.88),
            "small-b": recorded(number * 7, 0.85),
            "large": recorded(number * 7, 0.96),
        },
    )
    for number in range(600)
]
policy = calibrate(records, prices=PriceBook(registry), max_risk=0.03)
print("asks", [list(stage.ask) for stage in policy.stages], "then", policy.last)
print(f"costs {policy.measured_on.expected_cost_ratio:.0%} of {policy.last} alone")
print(f"wrong where it is right: at most {policy.bound.risk_upper:.1%}, with {policy.bound.confidence:.0%}")

models = {
    "small-a": ScriptedChatModel(model_name="small-a", replies=["The answer is 42.", "The answer is 54."]),
    "small-b": ScriptedChatModel(model_name="small-b", replies=["Answer: 42", "The answer is 56."]),
    "large": ScriptedChatModel(model_name="large", replies=["The answer is 56."]),
}
cascade = CascadeMiddleware(policy=policy, models=models)
ledger = CostLedger("sqlite://", registry=registry)
agent = create_agent(models["large"], [], middleware=[cascade]).with_config(callbacks=[ledger])
for question in ("What is 6 * 7?", "What is 8 * 7?"):
    print(question, "->", agent.invoke({"messages": [("user", question)]})["messages"][-1].text)
for decision in ledger.report().decisions:
    print(decision.capability, decision.outcome, f"saved ${decision.saved_usd:.6f} ({decision.saved_basis})")
