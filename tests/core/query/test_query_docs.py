"""The guide says what is so: every filter in it reads, and every mistake is told as it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nexus.query import MAX_LENGTH, MAX_TERMS, describe, parse, point_at, to_text
from nexus.query.fields import ALIASES, FIELDS, OPERATORS, Field
from nexus.query.paths import MAX_DEPTH
from tests.core.query.strategies import mistake_in

GUIDE = (Path(__file__).parents[3] / "docs" / "filter-language.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    """The texts of the fenced blocks of a kind."""
    return re.findall(rf"^```{kind}\n(.*?)\n```$", GUIDE, re.DOTALL | re.MULTILINE)


FILTERS = [line for block in blocks("text") for line in block.splitlines()]


@pytest.mark.parametrize("text", FILTERS)
def test_every_filter_of_the_guide_reads_and_is_written_back_the_same(text: str) -> None:
    query = parse(text)
    assert parse(to_text(query)) == query
    assert describe(query).startswith("sessions ")


@pytest.mark.parametrize("block", blocks("mistake"))
def test_every_mistake_of_the_guide_is_told_as_it_says(block: str) -> None:
    text = block.splitlines()[0]
    error = mistake_in(text)
    assert error is not None
    assert f"{point_at(text, error)}\n{error.message}" == block


def test_the_guide_has_no_block_that_goes_unchecked() -> None:
    assert set(re.findall(r"^```(\w+)$", GUIDE, re.MULTILINE)) == {"text", "mistake"}


def test_the_guide_lists_every_field_with_its_operators() -> None:
    rows = [line for line in GUIDE.splitlines() if line.startswith("| `")]
    for field in FIELDS.values():
        name = f"`{field.name}.…`" if field.kind == "path" else f"`{field.name}`"
        (row,) = [row for row in rows if name in row.split("|")[1]]
        assert tuple(re.findall(r"`([^`]+)`", row.split("|")[-2])) == OPERATORS[field.kind]
    assert all(f"`{alias}`" in GUIDE for alias in ALIASES)


def test_the_guide_names_the_limits() -> None:
    assert f"at most {MAX_LENGTH:,} characters and {MAX_TERMS} terms; a path has at most {MAX_DEPTH} keys" in GUIDE


@pytest.mark.parametrize("field", FIELDS.values(), ids=list(FIELDS))
def test_the_example_of_every_field_reads(field: Field) -> None:
    assert to_text(parse(field.example)).startswith(field.name)
