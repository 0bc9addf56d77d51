"""Every command of the console, declared once.

A declaration is the only source of a command's key, its label in the footer, its line in the help, its entry in the
palette and its ``:`` name. A screen binds the commands of its place and runs each by the method ``do_<name>``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from textual.binding import Binding

Place = Literal["main", "session", "events", "workflows", "groups", "audit"]
Section = Literal["Move", "Look", "Find", "Choose", "Steer", "Time", "Console"]

LASTING = 90
"""From this place in the footer on a command is always shown."""
PLACES: tuple[Place, ...] = ("main", "session", "events", "workflows", "groups", "audit")
SECTIONS: tuple[Section, ...] = ("Move", "Look", "Find", "Choose", "Steer", "Time", "Console")
_ALL: frozenset[Place] = frozenset(PLACES)
_BOTH: frozenset[Place] = frozenset({"main", "session"})
_SESSIONS: frozenset[Place] = frozenset({"main", "session", "events"})
_WATCHED: frozenset[Place] = frozenset({"main", "events", "audit"})
_MAIN: frozenset[Place] = frozenset({"main"})
_SESSION: frozenset[Place] = frozenset({"session"})
_EVENTS: frozenset[Place] = frozenset({"events"})
_WORKFLOWS: frozenset[Place] = frozenset({"workflows"})
_GROUPS: frozenset[Place] = frozenset({"groups"})
_AUDIT: frozenset[Place] = frozenset({"audit"})
_ACTS: frozenset[Place] = frozenset({"main", "session", "groups"})
_SORTED: frozenset[Place] = frozenset({"main", "groups"})
_STEPPED: frozenset[Place] = frozenset({"main", "events", "workflows", "groups"})
_TIMED: frozenset[Place] = _STEPPED | _SESSION

_KEY_NAMES = {
    "question_mark": "?",
    "backslash": "\\",
    "underscore": "_",
    "semicolon": ";",
    "apostrophe": "'",
    "quotation_mark": '"',
    "equals_sign": "=",
    "number_sign": "#",
    "dollar_sign": "$",
    "percent_sign": "%",
    "ampersand": "&",
    "circumflex_accent": "^",
    "grave_accent": "`",
    "vertical_line": "|",
    "left_parenthesis": "(",
    "right_parenthesis": ")",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "slash": "/",
    "colon": ":",
    "asterisk": "*",
    "exclamation_mark": "!",
    "tilde": "~",
    "plus": "+",
    "minus": "-",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "comma": ",",
    "full_stop": ".",
    "escape": "esc",
    "enter": "⏎",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "home": "Home",
    "end": "End",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "tab": "Tab",
    "at": "@",
    "shift+left": "⇧←",
    "shift+right": "⇧→",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One of the keys that a native command is made of, with a name of its own for the config file."""

    name: str
    keys: str


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    ``native`` ones are keys that the focused widget handles by itself: they are in the help, and no screen binds them.
    Each of their ``parts`` is the id of the widgets' bindings after ``line.``.
    """

    name: str
    """Its ``:`` name; with ``_`` for ``-`` the method that does it is ``do_<name>``."""
    keys: str
    """Textual's names of its keys, apart by commas."""
    label: str
    """A word for the footer."""
    help: str
    """What it does, for the help and the palette."""
    section: Section
    places: frozenset[Place]
    changes: bool = False
    """Whether it changes sessions: refused in a read-only console."""
    footer: int = 0
    """Its place in the footer; 0 keeps it out of it."""
    argument: str = ""
    """What may follow its name on the command line."""
    native: bool = False
    parts: tuple[Part, ...] = ()

    @property
    def key(self) -> str:
        """Its keys as a person names them: ``?``, ``j k ↑ ↓``, ``ctrl+p``; nothing where it has none."""
        return " ".join(display_key(key) for key in self.keys.split(",") if key)

    @property
    def method(self) -> str:
        """The part of its method's name after ``do_``."""
        return self.name.replace("-", "_")


def keys_of_parts(parts: Iterable[Part]) -> str:
    """Keys of all parts, the first of each before the second of any: ``j,k,down,up``."""
    rows = zip_longest(*(part.keys.split(",") for part in parts), fillvalue="")
    return ",".join(key for row in rows for key in row if key)


def _native(name: str, text: str, places: frozenset[Place] = _ALL, **parts: str) -> Command:
    made = tuple(Part(each.replace("_", "-"), keys) for each, keys in parts.items())
    return Command(name, keys_of_parts(made), name, text, "Move", places, native=True, parts=made)


COMMANDS: tuple[Command, ...] = (
    _native("move", "one line down or up", down="j,down", up="k,up"),
    _native("page", "one screen down or up", page_down="pagedown", page_up="pageup"),
    _native("ends", "to the first or the last line", first="home", last="end"),
    _native("next pane", "to the next pane; shift+tab to the one before", next_pane="tab"),
    _native("scrub", "timeline: earlier and later; tree: fold and unfold", _SESSION, left="left", right="right"),
    Command("open", "enter", "open", "open the session under the cursor, or ID", "Move", _MAIN, footer=1,
            argument="[ID]"),
    Command("open", "enter", "open", "open the session of the event under the cursor", "Move", _EVENTS, footer=1),
    Command("open", "enter", "its sessions", "show the sessions of the workflow under the cursor", "Move", _WORKFLOWS,
            footer=1),
    Command("open", "enter", "its sessions", "show the sessions of the group under the cursor", "Move", _GROUPS,
            footer=1),
    Command("open", "enter", "open", "the record under the cursor in full", "Move", _AUDIT, footer=1),
    Command("session", "s", "session", "open its session, or show the sessions of its group", "Move", _AUDIT,
            footer=2),
    Command("back", "escape", "back", "leave what is open; on the sessions: clear the filter", "Move", _ALL),
    Command("previous", "left_square_bracket", "previous", "the session before this one in the table", "Move", _SESSION,
            footer=25),
    Command("next", "right_square_bracket", "next", "the session after this one in the table", "Move", _SESSION,
            footer=26),
    Command("parent", "P", "parent", "open the session that started this one", "Move", _BOTH),
    Command("group", "G", "group", "show the sessions of its group, or of NAME", "Move", _BOTH, argument="[NAME]"),
    Command("last-error", "E", "last error", "open the session that failed last", "Move", _MAIN),
    Command("last-error", "E", "last error", "go to when it last failed", "Move", _SESSION),
    Command("earlier", "less_than_sign,comma", "earlier", "state as it was one checkpoint earlier", "Look", _SESSION,
            footer=21),
    Command("later", "greater_than_sign,full_stop", "later", "state as it was one checkpoint later, up to now", "Look",
            _SESSION, footer=22),
    Command("state", "1", "state", "the state as a tree", "Look", _SESSION),
    Command("metadata", "2", "metadata", "the metadata as a tree", "Look", _SESSION),
    Command("diff", "3", "diff", "what changed between two checkpoints", "Look", _SESSION, footer=23,
            argument="[FROM [TO]]"),
    Command("raw", "4", "raw", "the whole record as JSON", "Look", _SESSION),
    Command("checkpoints", "5", "checkpoints", "the checkpoints", "Look", _SESSION),
    Command("events", "6,l", "events", "the session's own events", "Look", _SESSION),
    Command("children", "7", "children", "the sessions that it started, and those that they started", "Look",
            _SESSION),
    Command("about", "8", "about", "times, lineage and the last run in figures", "Look", _SESSION),
    Command("why", "W", "why", "why it stands where it stands, and what would help", "Look", _SESSIONS, footer=13),
    Command("groups", "g", "groups", "show and hide groups; Enter shows one group's sessions", "Look", _MAIN,
            footer=16),
    Command("events", "l", "events", "show and hide the log of events", "Look", _MAIN, footer=19),
    Command("all-events", "L", "all events", "all events on a screen of their own, with a filter", "Look", _MAIN,
            argument="[FILTER]"),
    Command("workflows", "o", "workflows", "what can be run, and how it goes", "Look", _MAIN),
    Command("all-groups", "O", "all groups", "all groups on a screen of their own, with a filter", "Look", _MAIN,
            argument="[FILTER]"),
    Command("wait", "w", "wait", "say when none of its sessions has work left, or not", "Look", _GROUPS,
            footer=13),
    Command("audit", "A", "audit", "who changed what, and who was refused to", "Look", _MAIN, argument="[FILTER]"),
    Command("verify", "v", "verify", "verify every hash: is the audit whole?", "Look", _AUDIT, footer=16),
    Command("sort", "s", "sort", "sort by the next column, or by COLUMN", "Look", _SORTED, footer=17,
            argument="[COLUMN]"),
    Command("reverse", "S", "reverse", "turn the order round", "Look", _SORTED),
    Command("pause", "p", "pause", "hold all rows where they are, and count what waits", "Look", _WATCHED, footer=18),
    Command("columns", "w", "columns", "choose columns; or show NAMES, +NAME, -NAME, default",
            "Look", _MAIN, argument="[NAMES]"),
    Command("zoom", "z", "zoom", "let the focused pane fill the screen, and back", "Look", _BOTH),
    Command("filter", "slash", "filter", "show only the sessions that match; Tab completes", "Find", _MAIN, footer=14,
            argument="[FILTER]"),
    Command("filter", "slash", "filter", "show only the events of sessions that match; type: is one more field",
            "Find", _EVENTS, footer=14, argument="[FILTER]"),
    Command("filter", "slash", "filter", "show only the groups that match, as in status:open", "Find", _GROUPS,
            footer=14, argument="[FILTER]"),
    Command("filter", "slash", "filter", "show the records that match, as in actor:ci age<1h", "Find", _AUDIT,
            footer=14, argument="[FILTER]"),
    Command("refused", "exclamation_mark", "refused", "show only what was refused, and everything again", "Find",
            _AUDIT, footer=15),
    Command("find", "slash", "find", "find a text in the tree; n and N go through it", "Find", _SESSION,
            footer=24, argument="[TEXT]"),
    Command("faults", "exclamation_mark", "faults", "show only what failed or expired, and everything again", "Find",
            _MAIN),
    Command("view", "v", "views", "a filter, order and columns kept by name: NAME, save NAME, remove NAME", "Find",
            _MAIN, argument="[NAME]"),
    Command("mark", "space", "mark", "mark a session to act on, a checkpoint to compare", "Choose", _BOTH,
            footer=15),
    Command("mark-all", "asterisk", "mark all", "mark all sessions that match, however many", "Choose", _MAIN),
    Command("clear", "u", "clear", "clear all marks", "Choose", _BOTH),
    Command("copy", "y", "copy", "copy the id (or the marked ids) to the clipboard", "Choose", _SESSIONS),
    Command("copy", "y", "copy", "copy the group's id to the clipboard", "Choose", _GROUPS),
    Command("copy", "y", "copy", "copy the record as JSON to the clipboard", "Choose", _AUDIT, footer=19),
    Command("copy-path", "Y", "copy path", "copy the JSON path under the cursor to the clipboard", "Choose", _SESSION),
    Command("extend", "e", "extend", "let sessions live longer", "Steer", _ACTS, changes=True, footer=9,
            argument="[DURATION]"),
    Command("end", "x", "end", "end sessions, or the group that is gone to", "Steer", _ACTS, changes=True, footer=10),
    Command("resume", "r", "resume", "go on with the last run, or from the checkpoint shown",
            "Steer", _ACTS, changes=True, footer=11),
    Command("fork", "f", "fork", "copy into a new session, or the checkpoint shown", "Steer", _ACTS,
            changes=True, footer=12, argument="[NEW-ID]"),
    Command("signal", "i", "signal", "give a waiting run its signal", "Steer", _ACTS, changes=True, footer=20,
            argument="[NAME]"),
    Command("approve", "a", "approve", "give a waiting run what it waits for, with true", "Steer", _ACTS, changes=True,
            footer=28),
    Command("patch", "m", "patch", "change the state in your editor; of many by a merge patch", "Steer", _ACTS,
            changes=True, footer=29, argument="[PATCH]"),
    Command("undo", "ctrl+z", "undo", "take the last end or extension back", "Steer", _ACTS, changes=True, footer=30),
    Command("live", "0", "live", "back to now, at once", "Time", _TIMED, footer=2),
    Command("rewind", "left", "back", "back in time by a step, by 10m, or to a time (UTC)", "Time", _STEPPED, footer=3,
            argument="[WHEN]"),
    Command("forward", "right", "on", "on in time by a step, or by DURATION, up to now", "Time", _STEPPED, footer=4,
            argument="[DURATION]"),
    Command("rewind", "left_curly_bracket", "back", "back in time by a step, by 10m, or to a time (UTC)", "Time",
            _SESSION, footer=3, argument="[WHEN]"),
    Command("forward", "right_curly_bracket", "on", "on in time by a step, or by DURATION, up to now", "Time", _SESSION,
            footer=4, argument="[DURATION]"),
    Command("step-back", "shift+left", "far back", "back by a bigger step; a replay: to the event before", "Time",
            _STEPPED, footer=5),
    Command("step-on", "shift+right", "far on", "on by a bigger step; a replay: to the next event", "Time", _STEPPED,
            footer=6),
    Command("seek", "at", "time", "go to TIME (UTC), as in 03:04:05; 10m is 10m ago; a replay: 0% to 100% too", "Time",
            _TIMED, footer=7, argument="[TIME]"),
    Command("slower", "minus", "slower", "a replay: half the speed", "Time", _MAIN),
    Command("faster", "plus", "faster", "a replay: twice the speed", "Time", _MAIN),
    Command("log", "tilde", "log", "what was done here, as command lines and as HTTP requests", "Console", _ALL),
    Command("context", "c", "context", "go to the context NAME, or several; * is all, - the one before", "Console",
            _ALL, argument="[NAME,…]"),
    Command("theme", "t", "theme", "the next theme, or NAME", "Console", _ALL, argument="[NAME]"),
    Command("command", "colon", "command", "run a command by name", "Console", _ALL, footer=27),
    Command("palette", "ctrl+p", "palette", "search all commands", "Console", _ALL),
    Command("help", "question_mark", "help", "show this, with what works here and now", "Console", _ALL, footer=90),
    Command("quit", "q", "quit", "leave the console; sessions go on", "Console", _ALL, footer=91),
)  # fmt: skip


def commands_of(place: Place) -> Iterator[Command]:
    """The commands of a screen, as declared.

    Args:
        place: The screen.
    """
    return (command for command in COMMANDS if place in command.places)


def bindings_of(place: Place) -> list[Binding]:
    """Bindings for a screen, each to the action ``command('<name>')``.

    Args:
        place: The screen.
    """
    return [
        Binding(command.keys, f"command('{command.name}')", command.label, show=False, id=f"{place}.{command.name}")
        for command in commands_of(place)
        if not command.native
    ]


def footer_of(commands: Iterable[Command], first: str = "") -> list[Command]:
    """The commands that a footer offers, first things first; help and leaving stay, the others need a key.

    Args:
        commands: Those of a screen.
        first: The name of one that goes before all others.
    """
    offered = [command for command in commands if command.footer and (command.keys or command.footer >= LASTING)]
    return sorted(offered, key=lambda command: 0 if command.name == first else command.footer)


def find_command(name: str, place: Place) -> Command | None:
    """The command of this name, or the only one whose name starts so.

    Args:
        name: What was typed, without arguments.
        place: The screen it was typed on.
    """
    known = {command.name: command for command in commands_of(place) if not command.native}
    if name in known:
        return known[name]
    starts = [command for key, command in known.items() if name and key.startswith(name)]
    return starts[0] if len(starts) == 1 else None


def near_commands(name: str, place: Place) -> Iterable[str]:
    """Names to offer instead of one that there isn't.

    Args:
        name: What was typed.
        place: The screen it was typed on.
    """
    from difflib import get_close_matches

    names = [command.name for command in commands_of(place) if not command.native]
    return [each for each in names if name and each.startswith(name)] or get_close_matches(name, names, 3, 0.7)


def display_key(key: str) -> str:
    """A key as a person names it.

    Args:
        key: Textual's name of it.
    """
    return _KEY_NAMES.get(key, re.sub(r"^shift\+", "⇧", key))
