"""The user's file changes keys and columns everywhere, and a mistake in it is told before anything starts."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from nexus.errors import InvalidInput
from nexus_tui.commands import PLACES
from nexus_tui.config.columns import Chosen, changed_columns
from nexus_tui.config.keymap import names_on
from nexus_tui.config.printing import printed
from nexus_tui.config.reading import VARIABLE, ConsoleConfig, config_file, read_config, read_text
from nexus_tui.kept import Kept, Look
from tests.console.driving import Driven, RememberingConsole, driving
from tests.console.world import World
from tests.running import environment

FILE = Path("console.toml")


def reading(text: str) -> ConsoleConfig:
    return read_text(text, FILE)


MOVES = frozenset({"down", "up", "page-down", "page-up", "first", "last", "next-pane", "left", "right"})


def shows(driven: Driven, text: str) -> bool:
    return text in driven.text


async def start(driven: Driven) -> None:
    await driven.until(lambda: driven.table.total)


WRONG = {
    '[keys]\nsort = "e"': "line 2: .keys. sort = .*e is extend there: give extend another key",
    '[keys]\nextnd = "e"': "line 2: .*no such command, did you mean extend",
    "[keys]\nextend = 3": "line 2: .*extend = 3: keys are a text",
    '[keys]\nextend = "ctrl+m"': "can't tell ctrl.m from enter",
    '[keys]\nextend = "foo"': "there is no such key",
    '[keys]\nextend = "shift+e"': "write shift with a letter as 'E'",
    '[keys]\nextend = "ctrl+q"': "always leaves",
    '[keys]\nextend = "j"': "j is down there",
    '[keys]\nextend = "enter"\nopen = "o"\nworkflows = ""': "always does what open does",
    '[keys]\nextend = "shift+up"': "marks and moves there",
    '[keys]\ndown = "d"': "something else in dialogs",
    '[keys.session-screen]\nsort = "f5"': "no such command on this screen",
    '[keys.session-screen]\ndown = "f5"': "write it under .keys.",
    '[keys.sesion-screen]\nraw = "f5"': "no such screen, did you mean session-screen",
    '[columns]\nsessions = ["stats"]': "no column 'stats', did you mean status",
    '[columns]\nsessions = ["id:900"]': "can't be 900 cells wide",
    '[columns]\nsessions = ["id", "id"]': "stands twice",
    "[columns]\nsessions = 3": "columns are a list",
    "[columns]\nevents = []": "no such list",
    "columns = 3": "it is a section",
    "[console]\nrefresh = 0": "seconds from 0.5 to 60",
    '[console]\nsort = "owner"': "sort by one of",
    "[console]\nred_only = true": "did you mean read_only",
    '[console]\nread_only = "yes"': "write true or false",
    "[consol]\n": "no such section, did you mean console",
    "[keys": "is no TOML",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_mistake_is_told_with_its_place_and_what_would_be_right(text: str) -> None:
    with pytest.raises(InvalidInput, match=rf"^console\.toml.*{WRONG[text]}"):
        reading(text)


def test_without_a_file_everything_is_as_declared(tmp_path: Path) -> None:
    assert read_config(environ={"HOME": str(tmp_path), VARIABLE: ""}).path is None or config_file({}).exists()
    with pytest.raises(InvalidInput, match="no such file"):
        read_config(environ={VARIABLE: str(tmp_path / "none.toml")})


def test_what_is_printed_reads_as_the_same_again() -> None:
    text = (
        '[keys]\nextend = "f5"\ndown = "j, f6"\n[keys.session-screen]\nraw = ["*", "#"]\nundo = ""\n'
        '[columns]\nsessions = ["id", "meta.customer:20"]\n[columns.contexts."a b"]\nsessions = ["status"]\n'
        '[console]\nsort = "-age"\nrefresh = 2\ntheme = "nexus-light"\n'
    )
    config = reading(text)
    assert reading(printed(config)) == config


def test_every_command_of_every_screen_can_be_given_another_key() -> None:
    for place in PLACES:
        for name in names_on(place):
            where = "keys" if name in MOVES else f"keys.{place}-screen"
            changed = reading(f'[{where}]\n{name} = "f12"').keymap
            assert any("f12" in each.keys.split(",") for each in changed.commands(place))


async def test_a_changed_key_does_it_and_is_shown_everywhere(full_world: World) -> None:
    config = reading('[keys]\nextend = "j"\ndown = "down, J"\npause = "p, f7"\nhelp = "f1"\n')
    async with driving(full_world, full_world.clock, config=config) as driven:
        await start(driven)
        assert "j extend" in driven.text
        assert "f1 help" in driven.text
        before = driven.table.cursor_index
        await driven.press("J")
        assert driven.table.cursor_index == before + 1
        await driven.press("f7")
        assert driven.main.sessions.is_paused
        await driven.press("e")
        assert driven.on_main
        await driven.press("f1")
        assert "J ↓ ↑" in driven.text or "↓ k J ↑" in driven.text
        await driven.press("f1")
        assert driven.on_main
        await driven.press("j")
        assert not driven.on_main


async def test_keys_are_swapped_and_taken_away(full_world: World) -> None:
    config = reading('[keys]\nsort = "g"\ngroups = "s"\nzoom = ""\n')
    async with driving(full_world, full_world.clock, config=config) as driven:
        await start(driven)
        before = driven.main.sessions.source.sort
        await driven.press("z")
        assert driven.main.maximized is None
        await driven.press("g")
        assert driven.main.sessions.source.sort != before
        await driven.press("s")
        assert driven.main.focused is not driven.table
        await driven.press("colon", *"zoom", "enter")
        assert driven.main.maximized is not None


async def test_columns_and_order_of_the_file_are_shown_and_those_of_the_context_go_first(full_world: World) -> None:
    config = reading('[console]\nsort = "age"\n[columns]\nsessions = ["status"]\n'
                     '[columns.contexts.prod]\nsessions = ["meta.organization", "id:12"]')  # fmt: skip
    async with driving(full_world, full_world.clock, config=config) as driven:
        await driven.until(lambda: "globex" in driven.text)
        assert driven.main.sessions.source.keys == ("meta.organization", "id")
        assert driven.main.sessions.source.sort.text == "created_at"
        header = next(line for line in driven.text.splitlines() if "ORGANIZATION" in line)
        assert header.index("ORGANIZATION") < header.index("ID ")


async def test_columns_are_moved_hidden_and_sized_and_marks_stay(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await start(driven)
        await driven.press("space", "j", "space")
        marks = driven.table.marks
        assert len(marks) == 2
        await driven.press("w", "j", "j", "shift+up", "right", "right", "j", "j", "space", "enter")
        pane = driven.main.sessions
        assert pane.source.keys[:4] == ("id", "workflow", "status", "step")
        assert pane.widths == {"workflow": 14}
        await driven.until(lambda: driven.table.row_at(0) is not None)
        await driven.press("s", "S", "end", "home", "colon", *"filter status", "colon", *"failed", "enter")
        await driven.press("escape", "colon", *"columns default", "enter")
        assert driven.table.marks == marks
        assert pane.source.keys == tuple(key for key, _ in pane.default.columns)


async def test_each_context_remembers_how_it_looked(full_world: World, tmp_path: Path) -> None:
    for expected in ("-last", "age"):
        console = RememberingConsole(full_world, clock=full_world.clock, beat=0, folder=tmp_path)
        async with console.run_test(size=(140, 40)) as pilot:
            driven = Driven(console, pilot)
            await start(driven)
            assert driven.main.sessions.look.sort == expected
            await driven.press("colon", *"sort age", "enter")
            if expected == "-last":
                await driven.press("S")
                await driven.press("colon", *"columns id:9,state.cursor", "enter")
                await driven.until(partial(shows, driven, "page-"))
    assert Kept(tmp_path).looks.get("prod").columns == (("id", 9), ("state.cursor", 0))
    assert Kept(tmp_path).looks.get("elsewhere") == Look()


async def test_what_the_store_cannot_sort_by_is_said(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await start(driven)
        for name in ("owner", "meta.organization", "nothing"):
            await driven.press("colon")
            await driven.write(f"sort {name}")
            await driven.press("enter")
            assert "Can't sort by" in driven.told.splitlines()[-1]


@pytest.mark.parametrize(("size", "seen", "not_seen"), [
    ((80, 24), ("ID", "STATUS", "EXPIRES"), ("OWNER", "CREATED")),
    ((300, 80), ("ID", "LAST EVENT", "GROUP", "OWNER", "ERROR", "CREATED"), ()),
])  # fmt: skip
async def test_columns_come_as_there_is_room(
    full_world: World, size: tuple[int, int], seen: tuple[str, ...], not_seen: tuple[str, ...]
) -> None:
    async with driving(full_world, full_world.clock, size=size) as driven:
        await start(driven)
        header = next(line for line in driven.text.splitlines() if "STATUS" in line)
        assert all(each in header for each in seen)
        assert not any(each in header for each in not_seen)


def test_columns_are_named_with_more_and_less() -> None:
    assert changed_columns("+owner:9 -step", ("id", "step"), {}) == (("id", "owner"), {"owner": 9})
    assert Chosen("owner", 9).text == "owner:9"
    for wrong in ("+owner step", "-id", "+nothing"):
        with pytest.raises(InvalidInput):
            changed_columns(wrong, ("id",), {})


def test_a_mistake_ends_with_exit_code_2_and_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[keys]\nsort = "e"\n')
    env = {**environment(f"sqlite:///{tmp_path}/a.sqlite3"), VARIABLE: str(path)}
    done = subprocess.run([sys.executable, "-m", "nexus_tui", "config", "console"], env=env, capture_output=True,
                          text=True, timeout=60, check=False)  # fmt: skip
    assert done.returncode == 2
    assert "mine.toml, line 2" in done.stderr
