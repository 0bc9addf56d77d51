"""Text from outside is inert before it is shown, and numbers are short."""

from __future__ import annotations

import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus_widgets.text import MAX_MARKS, cell_fit, cell_width, clean, compact, count, duration, is_inert
from tests.widgets.support import HOSTILE

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=200)
FORBIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn"}


def assert_inert(text: str, allowed: str = "") -> None:
    marks = 0
    for number, char in enumerate(text):
        category = unicodedata.category(char)
        assert char in allowed or category not in FORBIDDEN, f"{char!r} ({category}) in {text!r}"
        marks = marks + 1 if category.startswith("M") else 0
        assert marks <= MAX_MARKS
        assert not (number == 0 and marks), "a mark would join what stands before the text"
        assert not 0x1F1E6 <= ord(char) <= 0x1F1FF


def test_there_are_at_least_31_hostile_texts() -> None:
    assert len(set(HOSTILE)) >= 31


@pytest.mark.parametrize("payload", HOSTILE)
def test_a_hostile_text_becomes_inert(payload: str) -> None:
    assert_inert(clean(payload))
    assert is_inert(clean(payload))


@given(ANY_TEXT)
def test_any_text_becomes_inert_and_stays_as_it_is_the_second_time(text: str) -> None:
    once = clean(text)
    assert_inert(once)
    assert clean(once) == once
    assert is_inert(once)


@given(ANY_TEXT)
def test_line_feeds_are_the_only_controls_that_can_be_kept(text: str) -> None:
    assert_inert(clean(text, newlines=True), allowed="\n")


@given(ANY_TEXT, st.integers(0, 50))
def test_no_text_is_longer_than_its_limit(text: str, limit: int) -> None:
    assert len(clean(text, limit=limit)) <= limit


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=100))
def test_printable_ascii_is_left_alone(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[31m", "␛[31m"),
        ("a\tb\nc", "a␉b␊c"),
        ("\x7f", "␡"),
        ("\x9b2J", "�2J"),
        ("\u202eexe", "�exe"),
        ("\U0001f1e9\U0001f1ea", "DE"),
        ("a\u00a0b", "a b"),
        ("e\u0301", "e\u0301"),
        ("\u0301x", "◌\u0301x"),
        ("\u2764\ufe0f", "\u2764"),
    ],
)
def test_each_kind_of_character_has_its_visible_form(raw: str, shown: str) -> None:
    assert clean(raw) == shown


def test_a_long_text_ends_in_an_ellipsis() -> None:
    assert clean("x" * 10, limit=5) == "xxxx…"
    assert clean("x" * 5, limit=5) == "xxxxx"


def test_newlines_are_kept_and_tabs_widened_when_asked() -> None:
    assert clean("a\r\nb\tc", newlines=True) == "a\nb    c"


def test_any_value_can_be_shown() -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no")

    assert clean(None) == "None"
    assert clean(10**5000).startswith("0x")
    assert clean(Broken()) == "<Broken>"


@given(ANY_TEXT, st.integers(0, 40))
def test_a_fitted_text_never_takes_more_cells_than_there_are(text: str, width: int) -> None:
    assert cell_width(cell_fit(clean(text), width)) <= width


def test_wide_characters_are_counted_twice_when_text_is_cut() -> None:
    assert cell_fit("漢字かな", 8) == "漢字かな"
    assert cell_fit("漢字かな", 6) == "漢字…"
    assert cell_fit("abcdef", 4) == "abc…"
    assert cell_fit("abc", 0) == ""


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0s"),
        (0.04, "40ms"),
        (0.0001, "1ms"),
        (12.9, "12s"),
        (60, "1m"),
        (268, "4m28"),
        (540, "9m"),
        (3300, "55m"),
        (3325, "55m"),
        (7800, "2h10"),
        (7200, "2h"),
        (273_600, "3d4h"),
        (259_200, "3d"),
        (10_000_000, "115d"),
        (-268, "-4m28"),
        (float("inf"), "∞"),
        (float("nan"), "?"),
    ],
)
def test_a_duration_takes_at_most_two_units(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_counts_have_their_thousands_apart() -> None:
    assert count(1_002_413) == "1,002,413"


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "0"),
        (999, "999"),
        (1.25, "1.2"),
        (4982, "5.0k"),
        (12_345, "12.3k"),
        (123_456, "123k"),
        (999_950, "1.0M"),
        (1_002_413, "1.0M"),
        (3_200_000_000, "3.2G"),
        (-4982, "-5.0k"),
        (float("nan"), "?"),
    ],
)
def test_a_compact_number_takes_few_cells(number: float, said: str) -> None:
    assert compact(number) == said


def test_the_text_module_costs_neither_textual_nor_rich() -> None:
    script = (
        "import sys, nexus_widgets; from nexus_widgets import clean, duration; clean('\\x1b'); "
        "print(sorted(set(m.split('.')[0] for m in sys.modules) & {'textual', 'rich', 'nexus'}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=_env())
    assert done.stdout.strip() == "[]"


def _env() -> dict[str, str]:
    import os
    from pathlib import Path

    import nexus_widgets

    source_root = Path(nexus_widgets.__file__).parent.parent
    return {**os.environ, "PYTHONPATH": str(source_root)}
