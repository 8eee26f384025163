"""Of a kind that several experts can do, what at least one of them takes is taken."""

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from llmops_plugins.planning.experts.kinds import by_kind, kind_specs, misfit, unserved_complaints
from llmops_plugins.planning.experts.schema_union import any_of, union_of_objects
from llmops_plugins.planning.plan.limits import PlanLimits
from llmops_plugins.planning.plan.plan import Plan
from llmops_plugins.planning.validation.arguments import argument_complaints
from llmops_plugins.verification.json_schema import schema_problem
from tests.unit.planning.expert_stubs import TEXT, card, translate


class Point(BaseModel):
    x: int


class ByPoint(BaseModel):
    where: Point


class Name(BaseModel):
    text: str


class ByName(BaseModel):
    where: Name


def objects(**properties):
    return {"type": "object", "properties": properties, "required": sorted(properties)}


def test_each_kind_has_the_experts_that_can_do_it():
    first, second = card("first", kinds=["a", "b"]), card("second", kinds=["b"])
    assert by_kind([first, second]) == {"a": (first,), "b": (first, second)}


def test_one_experts_schema_is_its_kinds_schema():
    specs = kind_specs([card("it", description="Translates.", output={"type": "string"})])
    assert specs["translate"].argument_schema == TEXT
    assert specs["translate"].output_schema == {"type": "string"}
    assert specs["translate"].description == "Translates."


def test_experts_that_contradict_each_other_are_both_served():
    experts = [card("point", arguments=ByPoint), card("name", arguments=ByName)]
    specs = kind_specs(experts)

    def complaints(where):
        return argument_complaints([translate(arguments={"where": where})], specs, PlanLimits())

    assert complaints({"x": 1}) == []
    assert complaints({"text": "oslo"}) == []
    assert complaints(3)
    assert complaints({"x": "one"})


def test_a_task_that_fits_the_kind_but_nobody_is_complained_of():
    experts = [card("a", arguments=objects(a={"type": "integer"}, b={"type": "string"}))]
    experts += [card("b", arguments=objects(a={"type": "string"}, b={"type": "integer"}))]
    served, unserved = translate(arguments={"a": 1, "b": "x"}), translate(arguments={"a": 1, "b": 1})
    assert argument_complaints([unserved], kind_specs(experts), PlanLimits()) == []
    (complaint,) = unserved_complaints([served, unserved], experts)
    assert complaint.code == "wrong_type"
    assert complaint.sentence.endswith('and the other 1 who do "translate" take it no better.')
    assert unserved_complaints(Plan(tasks=[translate(kind="other")]).tasks, experts) == []


def test_what_refers_to_another_tasks_result_counts_as_unknown():
    number = card("it", arguments=objects(text={"type": "integer"}))
    assert misfit(number, translate(arguments={"text": {"ref": "t0.count"}})) is None
    assert misfit(number, translate(arguments={"text": "${t0.count}"})) is None
    assert misfit(number, translate(arguments={"text": "some ${t0.count}"})) is not None
    assert misfit(number, translate(arguments={"text": "3"})) is not None


def test_an_output_that_one_does_not_promise_is_not_promised():
    sure, unsure = card("sure", output={"type": "string"}), card("unsure")
    assert kind_specs([sure, unsure])["translate"].output_schema is None
    both = kind_specs([sure, card("other", output={"type": "integer"})])["translate"].output_schema
    assert both == {"anyOf": [{"type": "string"}, {"type": "integer"}]}


leaves = st.sampled_from(
    [{"type": "string"}, {"type": "integer"}, {"type": "array", "items": {"type": "integer"}}, {}]
)
names = st.sampled_from("abc")
schemas = st.builds(
    lambda properties, required, closed: {
        "type": "object",
        "properties": {name: {"$ref": f"#/$defs/{name}"} for name in properties},
        "required": [name for name in properties if name in required],
        "$defs": properties,
        **({"additionalProperties": False} if closed else {}),
    },
    st.dictionaries(names, leaves),
    st.sets(names),
    st.booleans(),
)
values = st.dictionaries(
    names, st.one_of(st.text(max_size=2), st.integers(), st.lists(st.integers(), max_size=2))
)


@given(st.lists(schemas, min_size=1, max_size=3), values)
def test_what_fits_one_schema_fits_the_union(several, value):
    if any(schema_problem(value, schema) is None for schema in several):
        assert schema_problem(value, union_of_objects(several)) is None
        assert schema_problem(value, any_of(several)) is None


@given(st.lists(schemas, min_size=1, max_size=3), values)
def test_what_fits_none_does_not_fit_any_of_them(several, value):
    if all(schema_problem(value, schema) is not None for schema in several):
        assert schema_problem(value, any_of(several)) is not None
