"""Lengths of time are read and written in the units people use."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus.query.durations import read_duration, write_duration
from tests.core.query.strategies import STEADY


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("10m", 600),
        ("2h", 7200),
        ("3d", 259_200),
        ("1w", 604_800),
        ("250ms", 0.25),
        ("9ms", 0.009),
        ("1h30m", 5400),
        ("1d2h3m4s", 93_784),
        ("1.5h", 5400),
        ("90", 90),
        ("0", 0),
        ("0.5", 0.5),
    ],
)
def test_a_duration_reads_as_seconds(text: str, seconds: float) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "m", "10 m", "10M", "10min", "-5m", "1h30", "h1", "1.h", ".5h", "1e3", "٣m", "inf"]
)
def test_anything_else_is_no_duration(text: str) -> None:
    assert read_duration(text) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (30, "30s"), (5400, "1h30m"), (86_400, "1d"), (0.25, "250ms"), (1.5, "1.5s"), (1e-9, "0.000000001s")],
)
def test_a_duration_is_written_in_its_usual_form(seconds: float, text: str) -> None:
    assert write_duration(seconds) == text


@given(st.floats(0, 1e10) | st.integers(0, 10**10).map(float))
@STEADY
def test_what_is_written_reads_back_exactly(seconds: float) -> None:
    assert read_duration(write_duration(seconds)) == seconds


@given(st.text(max_size=20))
@STEADY
def test_reading_never_fails(text: str) -> None:
    assert read_duration(text) is None or isinstance(read_duration(text), float)
