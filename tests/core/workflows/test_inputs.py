"""Inputs: read strictly, refused with the field named, and handed to the callable as its types."""

from __future__ import annotations

import dataclasses
import enum
import json
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import jsonschema  # type: ignore[import-untyped]
import pytest
from pydantic import BaseModel, Field

from nexus.errors import InvalidInput
from nexus.workflows.registry import Registry, Workflow


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int
    y: float = 0.0


class Address(BaseModel):
    street: str
    lines: list[int] = []


def made(function: Callable[..., Any], name: str = "made") -> Workflow:
    return Registry().add(function, name)


def called(workflow: Workflow, inputs: dict[str, Any]) -> Any:
    """What the callable gets, after the inputs went through JSON as they do in a store."""
    recorded = json.loads(json.dumps(workflow.check_inputs(inputs)))
    return workflow.shape.call(workflow.schema.arguments(recorded), None)


def everything(**values: Any) -> dict[str, Any]:
    return values


def typed(
    when: datetime,
    day: date,
    path: Path,
    key: uuid.UUID,
    colour: Colour,
    point: Point,
    address: Address,
    kind: Literal["a", "b"],
    pairs: dict[str, list[Point]],
    unique: set[int],
    maybe: int | None = None,
) -> dict[str, Any]:
    return dict(locals())


TYPED: dict[str, Any] = {
    "when": datetime(2026, 1, 2, 3, 4, tzinfo=UTC),
    "day": date(2026, 1, 2),
    "path": Path("/some/where"),
    "key": uuid.UUID(int=5),
    "colour": Colour.RED,
    "point": Point(1, 2.5),
    "address": Address(street="Main", lines=[1]),
    "kind": "b",
    "pairs": {"a": [Point(1)]},
    "unique": {1, 2},
}


def test_python_types_are_read_from_the_json_that_stands_for_them() -> None:
    workflow = made(typed)
    assert called(workflow, TYPED) == {**TYPED, "maybe": None}
    recorded = workflow.check_inputs(TYPED)
    assert recorded["when"] == "2026-01-02T03:04:00Z"
    jsonschema.Draft202012Validator(workflow.info.input_schema).validate(json.loads(json.dumps(recorded)))


def test_every_schema_is_a_valid_one() -> None:
    for function in (typed, everything):
        jsonschema.Draft202012Validator.check_schema(made(function).info.input_schema)


@pytest.mark.parametrize(
    ("inputs", "field"),
    [
        ({}, "step"),
        ({"step": "1"}, "step"),
        ({"step": True}, "step"),
        ({"step": 1.5}, "step"),
        ({"step": None}, "step"),
        ({"step": 1, "data": 5}, "data"),
        ({"step": 1, "stp": 1}, "stp"),
        ({"step": 1, "point": {"x": "a"}}, "point.x"),
        ({"step": 1, "points": [{"x": 1}, {"x": "a"}]}, "points[1].x"),
        ({"step": 1, "data": float("nan")}, "data"),
        ({"step": 1, "any": {"deep": [float("inf")]}}, "any.deep[0]"),
        ({"step": 1, "any": object()}, "any"),
        ({"step": 1, "small": 11}, "small"),
    ],
)
def test_inputs_that_do_not_fit_are_refused_with_the_field_named(inputs: dict[str, Any], field: str) -> None:
    def strict(
        step: int,
        data: str = "",
        point: Point | None = None,
        points: list[Point] = [],  # noqa: B006 - never changed
        any: Any = None,  # noqa: A002 - a name like any other
        small: Annotated[int, Field(le=10)] = 1,
    ) -> None: ...

    with pytest.raises(InvalidInput) as refused:
        made(strict).check_inputs(inputs)
    assert refused.value.details["field"] == field
    assert field in refused.value.message


def test_all_problems_are_listed_and_a_misspelt_name_comes_first() -> None:
    def strict(step: int, data: str) -> None: ...

    with pytest.raises(InvalidInput) as refused:
        made(strict).check_inputs({"stp": 1, "data": 5})
    problems = refused.value.details["errors"]
    assert [problem["field"] for problem in problems] == ["stp", "step", "data"]
    assert "did you mean 'step'" in problems[0]["message"]
    json.dumps(refused.value.details)


@pytest.mark.parametrize("inputs", [[1], "text", 5])
def test_inputs_are_an_object(inputs: Any) -> None:
    with pytest.raises(InvalidInput, match="object"):
        made(everything).check_inputs(inputs)


def test_no_inputs_are_no_object_needed() -> None:
    assert made(everything).check_inputs(None) == {}


def test_a_whole_number_may_be_written_with_a_point_as_json_schema_has_it() -> None:
    def whole(n: int, points: list[Point], exact: Any = None) -> Any:
        return n, points, exact

    n, points, exact = called(made(whole), {"n": 3.0, "points": [{"x": 2.0}], "exact": 1.0})
    assert (n, type(n), points, exact, type(exact)) == (3, int, [Point(2)], 1.0, float)


def test_unannotated_parameters_take_any_json() -> None:
    def free(a, b=1):  # type: ignore[no-untyped-def]
        return a, b

    value = {"x": [1, None, {"y": 2**80}]}
    assert called(made(free), {"a": value}) == (value, 1)


def test_keyword_arguments_welcome_other_inputs_of_their_type() -> None:
    def opened(a: int, **more: int) -> Any:
        return a, more

    workflow = made(opened)
    assert called(workflow, {"a": 1, "b": 2}) == (1, {"b": 2})
    assert workflow.info.input_schema["additionalProperties"] == {"type": "integer"}
    with pytest.raises(InvalidInput, match="'b'"):
        workflow.check_inputs({"a": 1, "b": "x"})
    assert called(made(everything), {"a": [1]}) == {"a": [1]}


def test_positional_only_parameters_get_their_inputs_too() -> None:
    def positional(a: int, b: int = 5, /, c: int = 6) -> Any:
        return a, b, c

    assert called(made(positional), {"a": 1, "c": 3}) == (1, 5, 3)


def test_names_that_a_model_would_not_allow_are_inputs_like_any_other() -> None:
    def odd(model_config: int, _hidden: int, schema: int, json: int, copy: int) -> Any:
        return model_config, _hidden, schema, json, copy

    inputs = {"model_config": 1, "_hidden": 2, "schema": 3, "json": 4, "copy": 5}
    assert called(made(odd), inputs) == (1, 2, 3, 4, 5)


def test_a_default_of_none_means_that_null_may_be_given() -> None:
    def lenient(name: str = None) -> Any:  # type: ignore[assignment]  # noqa: RUF013 - the point of it
        return name

    assert called(made(lenient), {"name": None}) is None


def test_defaults_are_the_functions_own() -> None:
    marker = object()

    def defaulted(a: Any = marker) -> Any:
        return a

    assert called(made(defaulted), {}) is marker


def test_types_that_are_local_to_a_function_are_found() -> None:
    @dataclasses.dataclass
    class Local:
        x: int

    def uses(item: Local) -> Any:
        return item

    assert called(made(uses), {"item": {"x": 1}}) == Local(1)


def test_a_type_that_json_can_not_give_is_refused_with_the_parameter_named() -> None:
    def wants(a: int, registry: Registry) -> None: ...

    with pytest.raises(InvalidInput, match="'registry'"):
        _ = made(wants).info


def test_a_type_that_is_not_there_is_refused_with_the_parameter_named() -> None:
    def wants(a: Missing) -> None: ...  # type: ignore[name-defined]  # noqa: F821 - the point of it

    with pytest.raises(InvalidInput, match="'a'"):
        _ = made(wants).info
