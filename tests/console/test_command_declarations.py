"""Every command is declared once, and nothing that is declared is missing."""

from __future__ import annotations

from collections import Counter

import pytest

from nexus_tui.commands import (
    COMMANDS,
    PLACES,
    Command,
    Place,
    bindings_of,
    commands_of,
    find_command,
    footer_of,
    near_commands,
)
from nexus_tui.screens.audit import AuditScreen
from nexus_tui.screens.events import EventsScreen
from nexus_tui.screens.groups import GroupsScreen
from nexus_tui.screens.main import MainScreen
from nexus_tui.screens.session import SessionScreen
from nexus_tui.screens.workflows import WorkflowsScreen

SCREENS = {"main": MainScreen, "session": SessionScreen, "events": EventsScreen, "workflows": WorkflowsScreen,
           "groups": GroupsScreen, "audit": AuditScreen}  # fmt: skip
DOABLE = [(place, command) for place in PLACES for command in commands_of(place) if not command.native]


@pytest.mark.parametrize(("place", "command"), DOABLE, ids=lambda value: getattr(value, "name", value))
def test_every_command_is_done_by_a_method_of_its_screen(place: Place, command: Command) -> None:
    assert callable(getattr(SCREENS[place], f"do_{command.method}", None))


@pytest.mark.parametrize("place", PLACES)
def test_every_method_that_does_something_is_declared(place: Place) -> None:
    declared = {command.method for command in commands_of(place)}
    done = {name.removeprefix("do_") for name in dir(SCREENS[place]) if name.startswith("do_")}
    assert done <= declared


@pytest.mark.parametrize("place", PLACES)
def test_no_key_and_no_name_means_two_things_on_one_screen(place: Place) -> None:
    commands = [command for command in commands_of(place) if not command.native]
    keys = Counter(key for command in commands for key in command.keys.split(","))
    assert [key for key, times in keys.items() if times > 1] == []
    assert max(Counter(command.name for command in commands).values()) == 1


@pytest.mark.parametrize("place", PLACES)
def test_every_key_of_a_command_is_bound_to_it(place: Place) -> None:
    bound = {binding.action: binding.key for binding in bindings_of(place)}
    for command in commands_of(place):
        if not command.native:
            assert bound[f"command('{command.name}')"] == command.keys


def test_the_keys_that_operators_know_do_what_they_expect() -> None:
    expected = {
        "e": "extend", "x": "end", "r": "resume", "f": "fork", "space": "mark", "slash": "filter", "colon": "command",
        "g": "groups", "s": "sort", "S": "reverse", "p": "pause", "question_mark": "help", "q": "quit", "u": "clear",
        "asterisk": "mark-all", "l": "events", "w": "columns", "y": "copy", "z": "zoom", "t": "theme",
        "ctrl+p": "palette", "enter": "open", "escape": "back", "W": "why", "tilde": "log",
        "exclamation_mark": "faults",
        "v": "view", "P": "parent", "G": "group", "E": "last-error", "L": "all-events", "o": "workflows",
        "A": "audit", "O": "all-groups",
    }  # fmt: skip
    by_key = {key: command.name for command in commands_of("main") for key in command.keys.split(",")}
    assert {key: by_key.get(key) for key in expected} == expected


@pytest.mark.parametrize("place", PLACES)
def test_the_footer_ends_with_help_and_leaving(place: Place) -> None:
    assert [command.name for command in footer_of(commands_of(place))][-2:] == ["help", "quit"]


def test_a_command_is_found_by_its_name_or_by_a_beginning_that_only_it_has() -> None:
    assert find_command("extend", "main") is find_command("ext", "main")
    assert find_command("re", "main") is None
    assert find_command("", "main") is None
    assert find_command("earlier", "main") is None


def test_a_wrong_name_is_answered_with_near_ones() -> None:
    assert list(near_commands("extand", "main")) == ["extend"]
    assert list(near_commands("re", "main")) == ["reverse", "resume", "rewind"]


def test_changes_are_those_that_a_read_only_console_refuses() -> None:
    assert {command.name for command in COMMANDS if command.changes} == {
        "extend", "end", "resume", "fork", "signal", "approve", "patch", "undo",
    }  # fmt: skip
