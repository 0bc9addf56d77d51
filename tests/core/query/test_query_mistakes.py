"""A mistake is pointed at: the place, what is wrong there, and what to write instead."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given

from nexus.errors import InvalidInput, error_from_code
from nexus.query import MAX_LENGTH, MAX_TERMS, QueryError, parse, point_at
from tests.core.query.strategies import STEADY, any_text, mistake_in, scribbles


def mistake(text: str) -> QueryError:
    """What parsing the text raises."""
    with pytest.raises(QueryError) as caught:
        parse(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "carets", "message"),
    [
        ("status:faild", "       ^^^^^", 'there is no status "faild": did you mean failed?'),
        ("status:running", "       ^^^^^^^", "did you mean in_progress?"),
        ("status:xyzzy", "       ^^^^^", "use one of active, in_progress"),
        ("status:", "       ^", 'a value is missing after ":": write it right behind, as in status:failed,active'),
        ("status:failed,", "             ^", "a value is missing beside this comma"),
        ("user:a,,b", "      ^", "a value is missing beside this comma"),
        ("status>failed", "      ^", 'status takes : = !=, not ">": write status:failed'),
        ("statsu:failed", "^^^^^^", 'there is no field "statsu": did you mean status?'),
        ("a-b:c", "^^^", "To look for it as text, quote the whole term"),
        ("foo https://x", "    ^^^^^", "fields are status, channel, workflow"),
        ("channel:http", "        ^^^^", "did you mean api?"),
        ("age:10m", "   ^", 'age takes < <= > >=, not ":": write age>10m'),
        ("step=>10", "    ^^", "write step>=10"),
        ("meta.a<>3", "      ^^", "write meta.a!=3"),
        ("age>10min", "    ^^^^^", 'age is "10min", which is no duration: did you mean age>10m?'),
        ("age>soon", "    ^^^^", "write 30s, 10m, 2h, 3d, 1h30m or plain seconds"),
        ("age>-5m", "    ^^^", "no duration"),
        ("idle<9999999w", "     ^^^^^^^^", "at most 100000d"),
        ("age>1m,2m", "      ^", "for a range write two terms, as in age>10m age<2h"),
        ("age > 10m", "    ^", "no field stands before"),
        ("step>2.5", "     ^^^", 'step is "2.5", which is no whole number'),
        ("version:1,2", "         ^", "version>=3 version<=7"),
        ("meta=acme", "^^^^", "meta needs a path: write meta.organization=acme-corp"),
        ("state:failed", "^^^^^", "status:failed"),
        ("meta.=1", "    ^", "a key is missing beside this dot"),
        ("meta.a..b=1", "      ^", "a key is missing beside this dot"),
        ("meta.*.b=1", "     ^", "a path has no wildcards"),
        ("meta.a>true", "       ^^^^", "true has no order: write meta.a=true"),
        ("meta.a=x*", "        ^", "write meta.a:x*"),
        ("user=4*", "      ^", "write user:4*"),
        ("meta.a>1,2", "        ^", "takes one value"),
        ('user:"ada', "     ^^^^", 'never closed: add a "'),
        ("user:ada\\", "        ^", "nothing follows this backslash"),
        ("failed OR active", "       ^^", "join values with commas"),
        ("index AND mail", "      ^^^", "leave it out"),
        ("NOT index", "^^^", "as in -status:completed"),
        ("(index)", "^", "terms have no brackets"),
        ("!index", "^", "write -index"),
        ("--index", "^^", "one minus sign negates"),
        ("index -", "      ^", "nothing follows this minus sign"),
        ("index *", "      ^", "there is no text to look for here"),
        ('""', "^^", "there is no text to look for here"),
        ("ind*x", "   ^", "a star inside a word needs a field"),
        ("user:a\0b", "      ^", "character U+0000"),
        ("user:a\ud800", "      ^", "character U+D800"),
        ("user:e\u0301 stats:1", "       ^^^^^", "did you mean status?"),
        ("workflow:日本 stats:1", "              ^^^^^", "did you mean status?"),
    ],
)
def test_a_mistake_is_pointed_at(text: str, carets: str, message: str) -> None:
    error = mistake(text)
    assert message in error.message
    assert point_at(text, error).splitlines()[1] == carets


def test_the_error_carries_its_place_for_programs() -> None:
    error = mistake("age>10m statsu:failed")
    assert (error.column, error.length) == (9, 6)
    assert error.details == {"field": "q", "column": 9, "length": 6}
    assert (error.code, error.status) == ("invalid_input", 422)
    assert isinstance(error, InvalidInput)


def test_an_error_rebuilt_from_a_channel_is_invalid_input_with_its_place() -> None:
    error = mistake("statsu:failed")
    rebuilt = error_from_code(error.code, error.message, error.details)
    assert isinstance(rebuilt, InvalidInput)
    assert point_at("statsu:failed", rebuilt) == point_at("statsu:failed", error)


@pytest.mark.parametrize("details", [{}, {"column": None}, {"column": "9", "length": -4}, {"column": 10**30}])
def test_an_error_with_an_unlikely_place_is_pointed_at_all_the_same(details: dict[str, object]) -> None:
    line, carets = point_at("status:failed", InvalidInput("no", **details)).splitlines()
    assert line == "status:failed"
    assert carets.strip() == "^"


def test_a_copied_error_keeps_its_place() -> None:
    error = copy.copy(mistake("age>10m statsu:failed"))
    assert (error.column, error.length, error.message) == (9, 6, mistake("age>10m statsu:failed").message)


@pytest.mark.parametrize(
    "text", ["status:", "status:fa", "status:failed,", "channel:a", 'user:"ad', "user:\\", "age>", "age>1h30", "-"]
)
def test_what_typing_on_may_mend_is_called_incomplete(text: str) -> None:
    assert mistake(text).incomplete
    assert mistake(f"step>1 {text}").incomplete


@pytest.mark.parametrize("text", ["status:x", "status: failed", "statsu:", "age:1", "status:fa step>1", "(a"])
def test_what_typing_on_cannot_mend_is_not(text: str) -> None:
    assert not mistake(text).incomplete


def test_a_filter_that_is_too_long_is_refused_at_its_first_character_too_many() -> None:
    parse("x" * MAX_LENGTH)
    error = mistake("x" * (MAX_LENGTH + 1))
    assert error.column == MAX_LENGTH + 1
    assert "at most 4096 characters and this one has 4097" in error.message


def test_a_filter_of_too_many_terms_is_refused_at_the_first_too_many() -> None:
    parse("a " * MAX_TERMS)
    assert mistake("a " * (MAX_TERMS + 1)).column == 2 * MAX_TERMS + 1


def test_a_path_that_is_too_deep_is_refused() -> None:
    parse("meta" + ".a" * 32 + "=1")
    error = mistake("meta" + ".a" * 33 + "=1")
    assert "at most 32 keys" in error.message
    assert error.column == len("meta") + 2 * 32 + 2


def test_a_long_filter_is_shown_around_its_mistake() -> None:
    text = "status:active " * 60 + "statsu:failed" + " status:active" * 60
    line, carets = point_at(text, mistake(text), width=40).splitlines()
    assert line.startswith("…")
    assert line.endswith("…")
    assert len(line) == 42
    assert line[carets.index("^") : len(carets)] == "statsu"


def test_control_characters_are_shown_as_dots() -> None:
    text = "user:\x1b[31m\n\u202e stats:1"
    shown = point_at(text, mistake(text))
    assert shown.splitlines()[0] == "user:·[31m·· stats:1"
    assert "\x1b" not in mistake("\x1b[31m:x").message


@given(scribbles)
@STEADY
def test_reading_gives_a_query_or_a_mistake_that_lies_in_the_text(text: str) -> None:
    error = mistake_in(text)
    if error is not None:
        assert 1 <= error.column <= len(text) + 1
        assert error.length >= 1
        assert error.column - 1 + error.length <= max(len(text), error.column)
        assert error.message.isprintable()


@given(scribbles | any_text)
@STEADY
def test_pointing_always_gives_a_printable_line_and_carets_below_it(text: str) -> None:
    error = mistake_in(text)
    if error is not None:
        line, carets = point_at(text, error).split("\n")
        assert line.isprintable()
        assert carets.strip(" ").strip("^") == ""
        assert "^" in carets


@pytest.mark.parametrize("unit", ['"', "\\", "-", ",", "a,", "*", "meta.", ".", ":", "!=", "<", "1h", '"a"', "(", " "])
def test_a_text_of_one_sign_repeated_to_the_limit_is_read_or_refused(unit: str) -> None:
    for start in ("", "user:", "age>", "step:", "meta.a=", "meta."):
        text = (start + unit * MAX_LENGTH)[:MAX_LENGTH]
        error = mistake_in(text)
        assert error is None or point_at(text, error)
