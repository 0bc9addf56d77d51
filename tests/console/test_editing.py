"""Editing a state in the user's editor: a merge patch between what was read and what was written."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus.errors import InvalidInput
from nexus.model.jsonvalue import merge_patch
from nexus_tui.editing.editor import EditorFailed, edit_text, find_editor
from nexus_tui.editing.merging import merging, same
from nexus_tui.editing.text import read, written
from nexus_tui.screens.changes import ChangesDialog
from tests.console.driving import Driven, RememberingConsole, driving
from tests.console.test_hostile_texts import PAYLOADS, assert_harmless
from tests.console.world import World

KEYS = st.text("abc", max_size=2)
SCALARS = st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3)
VALUES = st.recursive(
    SCALARS | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
STATES = st.dictionaries(KEYS, VALUES, max_size=4)


# The patch


@given(STATES, STATES)
def test_the_patch_leads_from_the_old_state_to_the_new_one_or_names_its_nulls(old: Any, new: Any) -> None:
    found = merging(old, new)
    if not found.nulls:
        assert same(merge_patch(old, found.patch), new)
    assert (not found.patch) == same(old, new)


def test_nulls_that_a_patch_can_not_set_are_named_and_those_in_lists_are_kept() -> None:
    found = merging({"a": 1, "kept": None}, {"a": None, "kept": None, "b": {"c": None}, "list": [None, {"x": None}]})
    assert found.nulls == ("$.a", "$.b.c")
    assert merging({"a": None}, {"a": None}).patch == {}


def test_numbers_are_the_same_only_when_they_are_written_alike() -> None:
    assert merging({"a": 1}, {"a": True}).patch == {"a": True}
    assert merging({"a": 1}, {"a": 1.0}).patch == {"a": 1.0}
    assert merging({"a": {"b": 1, "c": 2}}, {"a": {"c": 2, "b": 1}}).patch == {}


# The text


@given(STATES)
def test_a_state_comes_back_from_its_text_as_it_was(state: Any) -> None:
    assert same(read(written(state)), state)


@pytest.mark.parametrize("text", PAYLOADS)
def test_a_text_for_the_editor_holds_nothing_that_a_terminal_could_act_on(text: str) -> None:
    shown = written({text: [text]})
    assert all(char.isprintable() or char == "\n" for char in shown)
    assert read(shown) == {text: [text]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1,\n "b": }', "line 2, column 7"),
        ("[1]", "A state is a JSON object"),
        ('{"a": NaN}', "NaN is no JSON"),
        ('{"a": 1e999}', "1e999 is out of range"),
        ('{"a": 1, "a": 2}', "'a' stands twice"),
        ("[" * 100_000, "nested too deep"),
    ],
)
def test_what_is_no_state_is_refused_with_where_and_why(text: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(text)
    assert said in caught.value.message


# The editor


def script(folder: Path, body: str) -> str:
    """An editor that runs ``body``, in which ``path`` is the file."""
    made = folder / "editor.py"
    made.write_text(f"import os, pathlib, sys\npath = pathlib.Path(sys.argv[-1])\n{body}\n", encoding="utf-8")
    return f"{sys.executable} {made}"


def test_visual_comes_before_editor_and_both_may_have_arguments() -> None:
    assert find_editor({"VISUAL": "code --wait", "EDITOR": "vi"}) == ("code", "--wait")
    assert find_editor({"VISUAL": " ", "EDITOR": "vi -n"}) == ("vi", "-n")
    with pytest.raises(InvalidInput, match="EDITOR is no command"):
        find_editor({"EDITOR": "'vi"})


def test_without_any_editor_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InvalidInput, match="set VISUAL or EDITOR"):
        find_editor({})


def test_the_file_is_its_users_alone_and_gone_afterwards(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    body = f"""
there = path.stat().st_mode, path.parent.stat().st_mode
pathlib.Path({str(seen)!r}).write_text(f"{{path}} {{there[0]:o}} {{there[1]:o}}")
(path.parent / "state.json~").write_text("left beside")
path.write_text("edited")
"""
    assert edit_text("text", find_editor({"EDITOR": script(tmp_path, body)})) == "edited"
    name, file_mode, folder_mode = seen.read_text().split()
    assert stat.S_IMODE(int(file_mode, 8)) == 0o600
    assert stat.S_IMODE(int(folder_mode, 8)) == 0o700
    assert not Path(name).parent.exists()


@pytest.mark.parametrize(
    ("body", "said", "kept"),
    [
        ("path.write_text('half'); sys.exit(3)", "ended with exit code 3", "half"),
        ("os.kill(os.getpid(), 9)", "was ended by signal 9", "text"),
        ("path.unlink()", "can't be read: No such file", "text"),
        (r"path.write_bytes(b'a\xff')", "is no UTF-8", "a\ufffd"),
    ],
)
def test_an_editor_that_fails_is_told_and_what_was_written_is_kept(
    tmp_path: Path, body: str, said: str, kept: str
) -> None:
    with pytest.raises(EditorFailed) as caught:
        edit_text("text", find_editor({"EDITOR": script(tmp_path, body)}))
    assert said in caught.value.message
    assert caught.value.text == kept


def test_an_editor_that_is_not_there_is_told() -> None:
    with pytest.raises(EditorFailed, match="nosuch can't be started"):
        edit_text("text", ("/nosuch",))


# In the console


@pytest.fixture
def terminal_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A console without a terminal has none to leave: the editor runs all the same."""

    @contextmanager
    def suspend(_: RememberingConsole) -> Iterator[None]:
        yield

    monkeypatch.setattr(RememberingConsole, "suspend", suspend)


async def edited(driven: Driven, text: str) -> None:
    await driven.press("m")
    await driven.until(lambda: isinstance(driven.console.screen, ChangesDialog) and text in driven.text)


@pytest.mark.usefixtures("terminal_is_left")
async def test_what_was_edited_is_shown_and_applied_as_a_merge_patch(
    full_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISUAL", script(tmp_path, "path.write_text(path.read_text().replace('19004', '5'))"))
    async with driving(full_world, full_world.clock) as driven:
        await edited(driven, 'Merge patch: {"bytes": 5}')
        assert "~ $.bytes: 19004 → 5" in driven.text
        await driven.press("enter")
        await driven.until(lambda: "State patched: session-123" in driven.told)
        [command] = driven.console.log_of_actions.actions[-1].like.commands
        assert command == """nexus sessions update --if-version 41 session-123 '{"bytes": 5}'"""
        assert "-X PATCH" in driven.console.log_of_actions.actions[-1].like.requests[0]
    assert (await full_world.service.get_session("session-123")).state["bytes"] == 5


@pytest.mark.usefixtures("terminal_is_left")
async def test_nothing_is_applied_when_nothing_was_changed_or_it_is_left(
    full_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await full_world.service.get_session("session-123")
    monkeypatch.setenv("VISUAL", "true")
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("m")
        await driven.until(lambda: "nothing was changed" in driven.told)
        monkeypatch.setenv("VISUAL", script(tmp_path, "path.write_text('{}')"))
        await edited(driven, "- $.bytes: 19004")
        await driven.press("escape")
        assert driven.on_main
    assert await full_world.service.get_session("session-123") == before


@pytest.mark.usefixtures("terminal_is_left")
async def test_a_mistake_leads_back_to_what_was_written(
    full_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = tmp_path / "turns"
    body = f"""
turns = pathlib.Path({str(counting)!r})
turn = int(turns.read_text()) + 1 if turns.exists() else 1
turns.write_text(str(turn))
text = path.read_text()
if turn == 1: path.write_text('{{"bytes": oops}}')
if turn == 2: assert "oops" in text; path.write_text('{{"bytes": null}}')
if turn == 3: assert "null" in text; path.write_text('{{"bytes": 6}}'); sys.exit(1)
if turn == 4: assert "6" in text
"""
    monkeypatch.setenv("VISUAL", script(tmp_path, body))
    async with driving(full_world, full_world.clock) as driven:
        await edited(driven, "Not JSON at line 1, column 11")
        await driven.press("enter")
        await driven.until(lambda: "null can't be set by a merge patch" in driven.text)
        assert "at $.bytes" in driven.text
        await driven.press("enter")
        await driven.until(lambda: "ended with exit code 1" in driven.text)
        await driven.press("b")
        await driven.until(lambda: "~ $.bytes: 19004 → 6" in driven.text)
        await driven.press("escape")


@pytest.mark.usefixtures("terminal_is_left")
async def test_a_conflict_shows_what_changed_meanwhile_and_can_be_redone(
    full_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISUAL", script(tmp_path, "path.write_text(path.read_text().replace('19004', '5'))"))
    async with driving(full_world, full_world.clock) as driven:
        await edited(driven, "~ $.bytes: 19004 → 5")
        await full_world.service.patch_session("session-123", {"bytes": 77, "new": True})
        await driven.press("a")
        await driven.until(lambda: "It has changed" in driven.text)
        assert "version 42, not 41" in driven.text
        assert "~ $.bytes: 19004 → 77" in driven.text
        assert "+ $.new: true" in driven.text
        await driven.press("r")
        await driven.until(lambda: "~ $.bytes: 77 → 5" in driven.text)
        await driven.press("enter")
        await driven.until(lambda: "State patched: session-123" in driven.told)
    state = (await full_world.service.get_session("session-123")).state
    assert (state["bytes"], state["new"]) == (5, True)


@pytest.mark.usefixtures("terminal_is_left")
async def test_another_version_with_the_same_state_is_no_conflict(
    full_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISUAL", script(tmp_path, "path.write_text(path.read_text().replace('19004', '5'))"))
    async with driving(full_world, full_world.clock) as driven:
        await edited(driven, "~ $.bytes: 19004 → 5")
        await full_world.service.extend_session("session-123", 60)
        await driven.press("enter")
        await driven.until(lambda: "State patched: session-123" in driven.told)


@pytest.mark.usefixtures("terminal_is_left")
async def test_what_the_service_refuses_leads_back_to_what_was_written(
    full_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = "path.write_text('{\"owner\": \"me\"}') if 'owner' not in path.read_text() else None"
    monkeypatch.setenv("VISUAL", script(tmp_path, body))
    async with driving(full_world, full_world.clock) as driven:
        await edited(driven, "+ $.owner")
        await driven.press("enter")
        await driven.until(lambda: "which is a field of the session" in driven.text)
        await driven.press("enter")
        await driven.until(lambda: "+ $.owner" in driven.text)
        await driven.press("escape")


@pytest.mark.usefixtures("terminal_is_left")
async def test_hostile_states_are_inert_in_the_differences(
    full_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISUAL", script(tmp_path, "path.write_text('{}')"))
    await full_world.service.patch_session("session-123", {text: text for text in PAYLOADS if text})
    async with driving(full_world, full_world.clock) as driven:
        await edited(driven, "Merge patch")
        for key in ("end", "pageup", "home"):
            await driven.press(key)
            assert_harmless(driven)


async def test_where_the_terminal_can_not_be_left_it_says_so(
    full_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISUAL", "true")
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("m")
        await driven.until(lambda: "write :patch JSON" in driven.told)
        await driven.press("colon")
        await driven.write('patch {"a":1}')
        await driven.press("enter")
        await driven.until(lambda: "Merge patch (JSON)" in driven.text)
        await driven.press("enter")
        await driven.until(lambda: "State patched: session-123" in driven.told)
    assert os.environ["VISUAL"] == "true"
