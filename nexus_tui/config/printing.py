"""The configuration in force as the file that would say it: every command, with what it does beside it.

What differs from what is declared is written; the rest stands as comments, to be taken out where it is wanted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from nexus_tui.commands import PLACES, Place, display_key
from nexus_tui.config.columns import Chosen
from nexus_tui.config.keymap import DECLARED, Keymap
from nexus_tui.config.reading import ConsoleConfig, config_file
from nexus_tui.viewmodels.session_rows import FIELDS, STANDARD_FIELDS

_TEXT_AT = 34


def printed(config: ConsoleConfig) -> str:
    """The whole file, which reads as this configuration again.

    Args:
        config: What is in force.
    """
    return "\n".join([*_head(config), *_console(config), *_columns(config), *_keys(config.keymap)]) + "\n"


def _head(config: ConsoleConfig) -> Iterator[str]:
    yield f"# The console's configuration: {config.path or config_file()}"
    if config.path is None:
        yield "# There is no such file yet: these are the defaults. Lines that begin with # change nothing."
    yield ""


def _console(config: ConsoleConfig) -> Iterator[str]:
    yield "[console]"
    yield _line("theme", config.theme, "nexus-dark", "as --theme")
    yield _line("read_only", config.read_only or None, default=False, about="true refuses every change, as --read-only")
    yield _line("sort", config.sort, "-last", "a column; a - before it sorts downwards")
    yield _line("refresh", config.refresh, 1.0, "seconds between two looks at the figures")
    yield ""


def _columns(config: ConsoleConfig) -> Iterator[str]:
    yield "# From left to right; workflow:20 is 20 cells wide; meta.KEY and state.KEY show a value of a session's own."
    yield f"# There are {', '.join(FIELDS)}."
    yield "[columns]"
    standard = tuple(Chosen(key) for key in STANDARD_FIELDS)
    yield f"{'' if config.columns else '# '}sessions = {_list(config.columns or standard)}"
    if not config.columns_of:
        yield ""
        yield "# [columns.contexts.prod]"
        yield '# sessions = ["id", "status", "meta.customer:16", "last"]'
    for name, chosen in config.columns_of.items():
        yield ""
        yield f"[columns.contexts.{json.dumps(name)}]"
        yield f"sessions = {_list(chosen)}"
    yield ""


def _keys(keymap: Keymap) -> Iterator[str]:
    yield '# "e", "f5", "ctrl+r", "shift+left"; several as in "j, down" or ["j", "down"]; "" for none.'
    yield "# [keys] goes for every screen that has the command, [keys.session-screen] for one screen."
    yield "[keys]"
    for command in DECLARED.commands("session"):
        for part in command.parts:
            yield _key(keymap, "session", part.name, part.keys, f"{command.help}; on every screen")
    for place in PLACES:
        yield ""
        yield f"[keys.{place}-screen]"
        for command in DECLARED.commands(place):
            if not command.parts:
                yield _key(keymap, place, command.name, command.keys, command.help)


def _key(keymap: Keymap, place: Place, name: str, declared: str, about: str) -> str:
    keys = keymap.changed.get((place, name))
    shown = declared.split(",") if keys is None else list(keys)
    text = json.dumps([display_key(key) if len(display_key(key)) == 1 and key.isidentifier() and
                       display_key(key).isascii() else key for key in shown], ensure_ascii=False)  # fmt: skip
    line = f"{'# ' if keys is None else ''}{name} = {text[1:-1] if len(shown) == 1 else text}"
    return f"{line:<{_TEXT_AT}} # {about}"


def _line(name: str, value: object, default: object, about: str) -> str:
    written = json.dumps(default if value is None else value, ensure_ascii=False)
    line = f"{'# ' if value is None else ''}{name} = {written}"
    return f"{line:<{_TEXT_AT}} # {about}"


def _list(chosen: Sequence[Chosen]) -> str:
    return json.dumps([each.text for each in chosen], ensure_ascii=False)
