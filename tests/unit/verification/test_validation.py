from __future__ import annotations

import pytest
from langgraph.errors import GraphInterrupt
from pydantic import BaseModel, Field, field_validator
from pydantic_core import PydanticCustomError

from llmops_plugins.errors import BudgetExceeded
from llmops_plugins.verification.validation import field_names, validation_problem


class Guest(BaseModel):
    """Someone at a table."""

    name: str
    age: int = Field(gt=17, alias="years")
    seat: str = Field("1", validation_alias="place")

    @field_validator("name")
    @classmethod
    def known(cls, name):
        match name:
            case "custom":
                raise PydanticCustomError("unknown_guest", f"nobody knows {name}")
            case "value":
                raise ValueError(f"nobody knows {name}")
            case "crash":
                raise KeyError(name)
            case "interrupt":
                raise GraphInterrupt(())
            case "budget":
                raise BudgetExceeded("no more")
        return name


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"name": "Ada", "years": 36}, None),
        ({"name": "Ada"}, "years: Field required"),
        ({"name": "Ada", "years": 3}, "years: Input should be greater than 17"),
        ({"name": "custom", "years": 36}, "name: its validator refuses the value"),
        ({"name": "value", "years": 36}, "name: its validator refuses the value"),
        ({"name": "crash", "years": 36}, "*: its check raised KeyError"),
        ([], "*: Input should be a valid dictionary or instance of Guest"),
    ],
)
def test_a_problem_is_located_and_quotes_nothing(value, problem):
    assert validation_problem(Guest.model_validate, value, declared=field_names(Guest)) == problem


def test_names_that_are_not_declared_are_not_repeated_and_ignored_ones_are_no_problem():
    value = {"name": 3}
    assert validation_problem(Guest.model_validate, value, declared=()).startswith("*: ")
    assert validation_problem(Guest.model_validate, value, ignored={"name"}) == "years: Field required"
    assert validation_problem(Guest.model_validate, value, ignored={"name", "years"}) is None


@pytest.mark.parametrize(("name", "error"), [("interrupt", GraphInterrupt), ("budget", BudgetExceeded)])
def test_interrupts_and_refused_budgets_pass_through(name, error):
    with pytest.raises(error):
        validation_problem(Guest.model_validate, {"name": name, "years": 36})


def test_a_field_goes_by_its_name_and_its_aliases():
    assert field_names(Guest) == {"name", "age", "years", "seat", "place"}
    assert field_names(Guest, only={"seat"}) == {"seat", "place"}
