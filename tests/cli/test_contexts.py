"""Contexts: places by name, and which of them commands act on."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from nexus_tui.cli.contexts import contexts_file
from tests.cli.support import Line


@pytest.fixture
def placed(line: Line, monkeypatch: pytest.MonkeyPatch) -> Line:
    """Without a store in the environment, which would win over any context."""
    monkeypatch.delenv("NEXUS_STORE")
    return line


def url(line: Line, name: str) -> str:
    return f"sqlite:///{line.folder}/{name}.sqlite3"


def test_commands_act_on_the_context_in_force(placed: Line) -> None:
    placed.ok("contexts", "add", "one", "--store", url(placed, "one"), "--use")
    placed.ok("contexts", "add", "two", "--store", url(placed, "two"))
    placed.ok("sessions", "create", "in-one")
    placed.ok("--context", "two", "sessions", "create", "in-two")
    assert [each["id"] for each in placed.ok("sessions", "list")["items"]] == ["in-one"]
    placed.ok("contexts", "use", "two")
    assert [each["id"] for each in placed.ok("sessions", "list")["items"]] == ["in-two"]
    placed("contexts", "use", "--none")
    assert placed.ok("sessions", "list")["items"] == []


def test_options_and_the_environment_win(placed: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    placed.ok("contexts", "add", "one", "--store", url(placed, "one"), "--use")
    placed.ok("--store", url(placed, "other"), "sessions", "create", "elsewhere")
    assert placed.ok("sessions", "list")["items"] == []
    monkeypatch.setenv("NEXUS_STORE", url(placed, "other"))
    assert len(placed.ok("sessions", "list")["items"]) == 1
    assert placed.ok("--context", "one", "sessions", "list")["items"] == []


def test_the_environment_may_name_a_context(placed: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    placed.ok("contexts", "add", "one", "--store", url(placed, "one"))
    placed.ok("--context", "one", "sessions", "create", "s")
    monkeypatch.setenv("NEXUS_CONTEXT", "one")
    assert len(placed.ok("sessions", "list")["items"]) == 1


def test_a_read_only_context_refuses_every_change(placed: Line) -> None:
    placed.ok("contexts", "add", "eyes", "--store", url(placed, "one"), "--read-only", "--use")
    ran = placed("sessions", "create", "s")
    assert (ran.code, placed.ok("sessions", "list")["items"]) == (5, [])


def test_tokens_and_passwords_are_kept_for_the_user_alone_and_never_shown(placed: Line) -> None:
    made = placed.ok(
        "contexts", "add", "prod", "--server", "https://me:hidden@nexus.example", "--token", "nexus_secret"
    )
    shown = placed.ok("contexts", "list")["items"]
    assert shown == [made]
    assert (made["server"], made["token"]) == ("https://nexus.example", True)
    assert stat.S_IMODE(contexts_file().stat().st_mode) == 0o600
    assert "nexus_secret" in contexts_file().read_text()
    for words in (("contexts", "list"), ("contexts", "list", "-o", "json"), ("contexts", "remove", "prod")):
        ran = placed(*words)
        assert "secret" not in ran.out + ran.err
        assert "hidden" not in ran.out + ran.err


def test_a_context_that_is_removed_is_in_force_no_more(placed: Line) -> None:
    placed.ok("contexts", "add", "one", "--store", url(placed, "one"), "--use")
    placed.ok("contexts", "remove", "one")
    assert placed.ok("contexts", "list")["items"] == []
    assert placed("sessions", "list").code == 0


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (("contexts", "add", "x"), "which place"),
        (("contexts", "add", "-o", "json", "a b", "--store", "memory://"), "can't name a context"),
        (("contexts", "add", "x", "--server", "nexus.example"), "is no URL"),
        (("contexts", "use"), "give the NAME"),
        (("contexts", "use", "nobody"), "no context"),
        (("contexts", "remove", "nobody"), "no context"),
        (("--context", "nobody", "sessions", "list"), "no context"),
        (("--context", "x", "--store", "memory://", "sessions", "list"), "--context names a place"),
        (("contexts", "list", "--store", "memory://"), "--store"),
    ],
)
def test_mistakes_are_told(placed: Line, words: tuple[str, ...], field: str) -> None:
    ran = placed(*words)
    assert ran.code == 2
    assert field in ran.err


@pytest.mark.parametrize("text", ["", "{", "[]", '{"contexts": {"x": {"shop": 1}}}', '{"contexts": {"x": {}}}', "\0"])
def test_a_broken_file_is_named_and_stays(placed: Line, text: str) -> None:
    path = contexts_file()
    path.parent.mkdir(parents=True)
    path.write_text(text)
    for words in (("sessions", "list"), ("contexts", "add", "x", "--store", "memory://")):
        ran = placed(*words)
        assert ran.code == 2
        assert str(path) in ran.err
    assert path.read_text() == text
    assert placed("--store", url(placed, "one"), "sessions", "list").code == 0


def test_a_token_that_a_store_has_no_use_for_is_refused(placed: Line) -> None:
    placed.ok("contexts", "add", "one", "--store", url(placed, "one"))
    ran = placed("--context", "one", "--token", "nexus_typed", "sessions", "list")
    assert ran.code == 2
    assert "--token goes with --server" in ran.err


def test_a_name_is_given_once(placed: Line) -> None:
    placed.ok("contexts", "add", "one", "--store", "memory://")
    assert placed("contexts", "add", "one", "--store", "memory://").code == 2


def test_the_file_is_plain_json(placed: Line) -> None:
    placed.ok("contexts", "add", "one", "--store", url(placed, "one"), "--use")
    value = json.loads(Path(contexts_file()).read_text())
    assert value == {"current": "one", "contexts": {"one": {"store": url(placed, "one")}}}
