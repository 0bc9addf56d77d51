"""Command lines to copy into a shell: each argument quoted, so that it arrives as it is and does nothing on its way."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from typing import Any

SECRET = re.compile(
    r"pass(word|wd|phrase)?$|secret|token|api_?key|credential|authori[sz]ation|private_?key", re.IGNORECASE
)
"""Names of inputs whose values are not for other eyes."""
HIDDEN = "***"


def command_line(arguments: Iterable[str]) -> str:
    """One line for a shell, without a character that a terminal could act on.

    Args:
        arguments: As the program gets them.
    """
    return " ".join(map(quoted, arguments))


def quoted(argument: str) -> str:
    """One argument for a POSIX shell; with control or invisible characters in the ``$'...'`` form of bash and zsh.

    Args:
        argument: As the program gets it.
    """
    if argument.isprintable():
        return shlex.quote(argument)
    written = "".join(map(_escaped, argument))
    return f"$'{written}'"


def _escaped(char: str) -> str:
    if char in "\\'":
        return f"\\{char}"
    if char.isprintable():
        return char
    point = ord(char)
    return f"\\x{point:02x}" if point < 0x80 else f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def without_secrets(value: Any) -> Any:
    """A JSON value with what goes by the name of a secret hidden.

    Args:
        value: Any JSON value.
    """
    if isinstance(value, dict):
        return {
            key: HIDDEN if SECRET.search(str(key)) and each not in (None, True, False) else without_secrets(each)
            for key, each in value.items()
        }
    return [without_secrets(each) for each in value] if isinstance(value, list) else value
