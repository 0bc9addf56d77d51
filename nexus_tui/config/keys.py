"""Names of keys: what a person writes in the file, and what Textual calls it."""

from __future__ import annotations

import re

from textual.keys import Keys, _character_to_key

from nexus_tui.commands import display_key

_ALIASES = {
    "esc": "escape", "return": "enter", "del": "delete", "ins": "insert", "pgup": "pageup", "pgdn": "pagedown",
    "pgdown": "pagedown", "↑": "up", "↓": "down", "←": "left", "→": "right", "⏎": "enter", "hash": "#",
}  # fmt: skip
_SAME = {"ctrl+i": "tab", "ctrl+m": "enter", "ctrl+h": "backspace", "ctrl+j": "enter",
         "ctrl+left_square_bracket": "escape",
         "ctrl+[": "escape"}  # fmt: skip
_LEAVING = frozenset({"ctrl+c", "ctrl+q"})
_KNOWN = frozenset(key.value for key in Keys if not key.value.startswith("<")) | {"tab", "space", "enter", "backspace"}
_MODIFIED = re.compile(r"(ctrl\+|alt\+|shift\+)+")
_NAMED = re.compile(r"[a-z]+(_[a-z]+)+")


class NotAKey(ValueError):
    """What was written names no key; the message says what would."""


def read_keys(value: object) -> tuple[str, ...]:
    """Keys as Textual names them.

    Args:
        value: A list of keys, or one text with keys apart by commas; an empty one is no key at all.

    Raises:
        NotAKey: A part of it is none.
    """
    if isinstance(value, str):
        parts = [value] if value.strip() in ("", ",") else value.split(",")
        return tuple(dict.fromkeys(read_key(part) for part in parts if part.strip() or part == " "))
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return tuple(dict.fromkeys(read_key(part) for part in value))
    raise NotAKey('keys are a text as in "e" or "e, f5", a list as in ["e", "f5"], or "" for none')


def read_key(text: str) -> str:
    """One key as Textual names it: ``question_mark`` for ``?``.

    Args:
        text: As it was written.

    Raises:
        NotAKey: There is no such key, or a terminal can't tell it from another one.
    """
    written = text if text == " " else text.strip()
    if len(written) == 1:
        key = "space" if written == " " else _ALIASES.get(written) or _character_to_key(written)
        if not written.isprintable():
            raise NotAKey("a key is a character or a name such as f5, enter or ctrl+r")
        return key
    lowered = written.lower()
    found = _MODIFIED.match(lowered)
    modifiers, base = (found[0], written[found.end() :]) if found else ("", lowered)
    if modifiers and len(base) == 1:
        return _modified(modifiers, base)
    key = modifiers + _ALIASES.get(base.lower(), base.lower())
    if key in _LEAVING or key in _SAME:
        return _modified(modifiers, base)
    if key not in _KNOWN and not (modifiers == "alt+" and base.lower() in _KNOWN) and display_key(key) == key:
        raise NotAKey("there is no such key: write a character, or f1 to f24, space, enter, left, pageup, ctrl+r, …")
    return key


def _modified(modifiers: str, base: str) -> str:
    key = f"{modifiers}{base.lower()}"
    if key in _LEAVING:
        raise NotAKey(f"{key} always leaves the console")
    if key in _SAME:
        raise NotAKey(f"a terminal can't tell {key} from {_SAME[key]}")
    if modifiers == "shift+":
        raise NotAKey(f"write shift with a letter as {base.upper()!r}")
    if "shift+" in modifiers:
        raise NotAKey("a terminal can't tell ctrl+shift with a letter from ctrl with it")
    return f"{modifiers}{_character_to_key(base) if not base.isalnum() else base.lower()}"
