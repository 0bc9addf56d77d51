"""``nexus run NAME --key value``: every value gets the type that the workflow's schema says."""

from __future__ import annotations

from typing import Any

import pytest

from nexus.errors import InvalidInput
from nexus_tui.cli.inputs import parse_inputs

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["whole"],
    "$defs": {"Colour": {"enum": ["red", "green"], "type": "string"}, "Point": {"type": "object"}},
    "properties": {
        "whole": {"type": "integer"},
        "ratio": {"type": "number"},
        "flag": {"type": "boolean"},
        "text": {"type": "string"},
        "user_id": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "numbers": {"type": "array", "items": {"type": "integer"}},
        "points": {"type": "array", "items": {"$ref": "#/$defs/Point"}},
        "thing": {"type": "object"},
        "maybe": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "either": {"type": ["string", "integer"]},
        "colour": {"$ref": "#/$defs/Colour"},
        "level": {"enum": [1, 2, 3]},
        "fixed": {"const": True},
        "free": {},
    },
}


def typed(*arguments: str) -> dict[str, Any]:
    found = parse_inputs([*arguments, "--whole=1"], SCHEMA)
    del found["whole"]
    return found


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--ratio", "0.5"), {"ratio": 0.5}),
        (("--ratio", "3"), {"ratio": 3}),
        (("--ratio=-1e3",), {"ratio": -1000.0}),
        (("--flag",), {"flag": True}),
        (("--flag", "--text", "x"), {"flag": True, "text": "x"}),
        (("--flag", "false"), {"flag": False}),
        (("--flag=yes",), {"flag": True}),
        (("--flag=0",), {"flag": False}),
        (("--no-flag",), {"flag": False}),
        (("--text", "5"), {"text": "5"}),
        (("--text", "true"), {"text": "true"}),
        (("--text", '{"a": 1}'), {"text": '{"a": 1}'}),
        (("--text", ""), {"text": ""}),
        (("--text", "-5"), {"text": "-5"}),
        (("--text=--flag",), {"text": "--flag"}),
        (("--text", "a=b"), {"text": "a=b"}),
        (("--user-id", "42"), {"user_id": "42"}),
        (("--user_id", "42"), {"user_id": "42"}),
        (("--tags", "a"), {"tags": ["a"]}),
        (("--tags", "a", "--tags", "b"), {"tags": ["a", "b"]}),
        (("--tags", '["a"]'), {"tags": ['["a"]']}),
        (("--numbers", "1", "--numbers", "2"), {"numbers": [1, 2]}),
        (("--numbers", "[1, 2]", "--numbers", "3"), {"numbers": [1, 2, 3]}),
        (("--numbers", "[]"), {"numbers": []}),
        (("--points", '{"x": 1}'), {"points": [{"x": 1}]}),
        (("--thing", '{"a": [1, null]}'), {"thing": {"a": [1, None]}}),
        (("--maybe", "7"), {"maybe": 7}),
        (("--maybe", "null"), {"maybe": None}),
        (("--either", "7"), {"either": 7}),
        (("--either", "007"), {"either": "007"}),
        (("--either", "seven"), {"either": "seven"}),
        (("--colour", "red"), {"colour": "red"}),
        (("--level", "2"), {"level": 2}),
        (("--fixed",), {"fixed": True}),
        (("--free", "5"), {"free": 5}),
        (("--free", "five"), {"free": "five"}),
        (("--free", '{"a": 1}'), {"free": {"a": 1}}),
    ],
)
def test_a_value_gets_the_type_of_the_schema(arguments: tuple[str, ...], expected: dict[str, Any]) -> None:
    found = typed(*arguments)
    assert found == expected
    assert [type(value) for value in found.values()] == [type(value) for value in expected.values()]


@pytest.mark.parametrize(
    ("arguments", "field", "told"),
    [
        (("--whole", "three"), "whole", "a whole number"),
        (("--whole", "1.5"), "whole", "a whole number"),
        (("--whole", "1_000"), "whole", "a whole number"),
        (("--ratio", "nan"), "ratio", "a number"),
        (("--ratio", "inf"), "ratio", "a number"),
        (("--flag=maybe",), "flag", "true or false"),
        (("--no-flag=1",), "flag", "no value"),
        (("--thing", "[1]"), "thing", "a JSON object"),
        (("--thing", "{"), "thing", "a JSON object"),
        (("--numbers", "x"), "numbers", "list of a whole number"),
        (("--text",), "text", "needs a value"),
        (("--text", "--flag"), "text", "needs a value"),
        (("--text", "a", "--text", "b"), "text", "twice"),
        (("--txt", "a"), "txt", "did you mean --text?"),
        (("--zzz", "a"), "zzz", "it takes --whole"),
        (("stray",), "inputs", "unexpected argument 'stray'"),
        (("-x",), "inputs", "unexpected argument '-x'"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_field(arguments: tuple[str, ...], field: str, told: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_inputs(arguments, SCHEMA, {"whole": 1})
    assert caught.value.details["field"] == field
    assert told in caught.value.message


def test_missing_inputs_are_named_with_their_types() -> None:
    with pytest.raises(InvalidInput, match=r"missing input --whole \(a whole number\)"):
        parse_inputs([], SCHEMA)


def test_keys_on_the_line_win_over_the_document() -> None:
    assert parse_inputs(["--text", "line"], SCHEMA, {"whole": 1, "text": "document"}) == {"whole": 1, "text": "line"}


def test_an_open_schema_takes_any_key() -> None:
    assert parse_inputs(["--more", "5"], {"additionalProperties": True, "properties": {}}) == {"more": 5}


def test_whole_numbers_of_any_size_stay_exact() -> None:
    assert parse_inputs(["--whole", str(2**70)], SCHEMA) == {"whole": 2**70}


def test_a_schema_that_refers_to_itself_is_read() -> None:
    schema = {"$defs": {"A": {"$ref": "#/$defs/A"}}, "properties": {"a": {"$ref": "#/$defs/A"}}}
    assert parse_inputs(["--a", "5"], schema) == {"a": 5}
