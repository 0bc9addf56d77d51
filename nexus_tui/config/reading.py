"""Reading the console's file: all of it is checked before the console starts, and every mistake names its place.

A file that isn't there is the defaults. A file with a mistake is an error, never half of a configuration.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from nexus.errors import InvalidInput
from nexus_tui.commands import PLACES, Place
from nexus_tui.config.columns import Chosen, NotAColumn, read_columns
from nexus_tui.config.keymap import DECLARED, PART_NAMES, Keymap, names_on, near
from nexus_tui.config.keys import NotAKey, read_keys
from nexus_tui.viewmodels.session_rows import FIELDS

VARIABLE = "NEXUS_CONSOLE_CONFIG"
"""Names another file."""
_MOST_BYTES = 1 << 20
_SCREEN = "-screen"
_REFRESH = (0.5, 60.0)


@dataclass(frozen=True, slots=True)
class ConsoleConfig:
    """How the console starts, and which keys and columns it has."""

    keymap: Keymap = DECLARED
    theme: str | None = None
    read_only: bool = False
    sort: str | None = None
    """A column, with a ``-`` before it for downwards."""
    refresh: float | None = None
    """Seconds between two looks at the figures."""
    columns: tuple[Chosen, ...] = ()
    """Of the sessions; none leaves them to the console."""
    columns_of: Mapping[str, tuple[Chosen, ...]] = field(default_factory=dict)
    """Of the sessions, by context."""
    path: Path | None = None
    """The file that it was read from."""

    def columns_in(self, context: str) -> tuple[Chosen, ...]:
        """The columns to start with in a context."""
        return self.columns_of.get(context, self.columns)


def config_file(environ: Mapping[str, str] | None = None) -> Path:
    """Where the file is, whether it is there or not.

    Args:
        environ: The environment; the process's own by default.
    """
    named = (os.environ if environ is None else environ).get(VARIABLE)
    if named:
        return Path(named).expanduser()
    from platformdirs import user_config_path

    return user_config_path("nexus", appauthor=False) / "console.toml"


def read_config(path: Path | None = None, environ: Mapping[str, str] | None = None) -> ConsoleConfig:
    """The configuration in force.

    Args:
        path: The file; by default the one that the environment names, or the user's.
        environ: The environment; the process's own by default.

    Raises:
        InvalidInput: The file has a mistake, can't be read, or is named and not there.
    """
    env = os.environ if environ is None else environ
    must_be_there = path is not None or bool(env.get(VARIABLE))
    path = path or config_file(env)
    try:
        data = path.read_bytes() if path.stat().st_size <= _MOST_BYTES else None
    except FileNotFoundError:
        if must_be_there:
            raise InvalidInput(f"{path}: there is no such file ({VARIABLE} names it): make it, or unset the variable",
                               field=VARIABLE, value=str(path)) from None  # fmt: skip
        return ConsoleConfig()
    except OSError as error:
        raise InvalidInput(f"{path} can't be read: {error.strerror}", field=VARIABLE) from None
    if data is None:
        raise InvalidInput(f"{path} is larger than {_MOST_BYTES:,} bytes: it can't be a configuration", field=VARIABLE)
    try:
        return read_text(data.decode("utf-8"), path)
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is no UTF-8 (byte {error.start}): save it as UTF-8", field=VARIABLE) from None


def read_text(text: str, path: Path) -> ConsoleConfig:
    """The configuration that a file's text stands for.

    Args:
        text: The text.
        path: Where it is from, for errors.

    Raises:
        InvalidInput: It has a mistake.
    """
    try:
        tables = tomllib.loads(text)
    except ValueError as error:
        raise InvalidInput(f"{path} is no TOML: {error}", field="toml") from None
    except RecursionError:
        raise InvalidInput(f"{path} is no TOML that can be read: it nests too deeply", field="toml") from None
    return _Reader(text, path).config(tables)


class _Reader:
    """Reads one file, and knows where in it a mistake is."""

    def __init__(self, text: str, path: Path) -> None:
        self._lines = text.splitlines()
        self._path = path

    def config(self, tables: dict[str, Any]) -> ConsoleConfig:
        known = {"console", "keys", "columns"}
        for name, table in tables.items():
            if name not in known:
                self._refuse((), name, table, f"there is no such section{near(name, lambda: sorted(known))}. "
                             "There are [console], [keys] and [columns]")  # fmt: skip
        console = self._console(self._table((), "console", tables))
        columns, columns_of = self._columns(self._table((), "columns", tables))
        keymap = self._keymap(self._table((), "keys", tables))
        return ConsoleConfig(keymap, columns=columns, columns_of=columns_of, path=self._path, **console)

    # The section console

    def _console(self, table: dict[str, Any]) -> dict[str, Any]:
        checks: dict[str, Callable[[Any], str]] = {
            "theme": lambda value: "" if value and isinstance(value, str) else 'write a name, as in "nexus-light"',
            "read_only": lambda value: "" if isinstance(value, bool) else "write true or false",
            "sort": _wrong_sort,
            "refresh": _wrong_refresh,
        }  # fmt: skip
        for name, value in table.items():
            if name not in checks:
                guess = near(name, lambda: sorted(checks))
                self._refuse(("console",), name, value, f"no such setting{guess}. There are {', '.join(checks)}")
            if why := checks[name](value):
                self._refuse(("console",), name, value, why)
        return {name: float(value) if name == "refresh" else value for name, value in table.items()}

    # The section columns

    def _columns(self, table: dict[str, Any]) -> tuple[tuple[Chosen, ...], dict[str, tuple[Chosen, ...]]]:
        for name, value in table.items():
            if name not in ("sessions", "contexts"):
                self._refuse(("columns",), name, value, "there is no such list: write sessions = [ … ]")
        chosen = self._chosen(("columns",), table)
        contexts = self._table(("columns",), "contexts", table)
        of: dict[str, tuple[Chosen, ...]] = {}
        for name in contexts:
            where = ("columns", "contexts", name)
            inner = self._table(("columns", "contexts"), name, contexts)
            for key, value in inner.items():
                if key != "sessions":
                    self._refuse(where, key, value, "there is no such list: write sessions = [ … ]")
            of[name] = self._chosen(where, inner)
        return chosen, of

    def _chosen(self, where: tuple[str, ...], table: dict[str, Any]) -> tuple[Chosen, ...]:
        if "sessions" not in table:
            return ()
        try:
            return read_columns(table["sessions"])
        except NotAColumn as error:
            self._refuse(where, "sessions", table["sessions"], str(error))

    # The section keys

    def _keymap(self, table: dict[str, Any]) -> Keymap:  # noqa: C901  one loop for all screens, one for each
        screens: dict[str, Place] = {f"{place}{_SCREEN}": place for place in PLACES}
        changed: dict[tuple[Place, str], tuple[str, ...]] = {}
        origins: dict[tuple[Place, str], tuple[tuple[str, ...], Any]] = {}
        where: tuple[str, ...]
        everywhere = {name: value for name, value in table.items() if not isinstance(value, dict)}
        known = [name for place in PLACES for name in names_on(place)]
        for name, value in everywhere.items():
            if name not in known:
                self._refuse(("keys",), name, value, f"there is no such command{near(name, lambda: known)}; "
                             "nexus config console lists them all")  # fmt: skip
            for place in PLACES:
                if name in names_on(place):
                    changed[place, name] = self._keys(("keys",), name, value)
                    origins[place, name] = (("keys",), value)
        for screen, inner in table.items():
            if not isinstance(inner, dict):
                continue
            if screen not in screens:
                self._refuse(("keys",), screen, "{…}", f"there is no such screen{near(screen, lambda: list(screens))}. "
                             f"There are {', '.join(f'[keys.{each}]' for each in screens)}")  # fmt: skip
            where, place = ("keys", screen), screens[screen]
            for name, value in inner.items():
                if name not in names_on(place):
                    self._refuse(where, name, value, f"there is no such command on this screen"
                                 f"{near(name, partial(list, names_on(place)))}")  # fmt: skip
                if name in PART_NAMES:
                    self._refuse(where, name, value, "lists move by the same keys everywhere: write it under [keys]")
                changed[place, name] = self._keys(where, name, value)
                origins[place, name] = (where, value)
        keymap = Keymap(changed)
        for clash in keymap.clashes():
            where, value = origins.get((clash.place, clash.name), (("keys",), clash.key))
            self._refuse(where, clash.name, value, f"on the {clash.place} screen {_shown(clash.key)} {clash.why}")
        return keymap

    def _keys(self, where: tuple[str, ...], name: str, value: Any) -> tuple[str, ...]:
        try:
            return read_keys(value)
        except NotAKey as error:
            self._refuse(where, name, value, str(error))

    # Mistakes

    def _table(self, where: tuple[str, ...], name: str, tables: dict[str, Any]) -> dict[str, Any]:
        table = tables.get(name, {})
        if not isinstance(table, dict):
            self._refuse(where, name, table, f"it is a section: write [{'.'.join((*where, name))}]")
        return table

    def _refuse(self, where: tuple[str, ...], name: str, value: Any, why: str) -> NoReturn:
        line = self._line_of(where, name)
        section = f"[{'.'.join(where)}] " if where else ""
        shown = "" if isinstance(value, dict) or value == "{…}" else f" = {_written(value)}"
        at = f", line {line}" if line else ""
        raise InvalidInput(f"{self._path}{at}: {section}{name}{shown}: {why}", field=".".join((*where, name)))

    def _line_of(self, where: tuple[str, ...], name: str) -> int:
        """The line that a name stands in, as far as it is written plainly; 0 where it isn't found."""
        here: tuple[str, ...] = ()
        for number, line in enumerate(self._lines, 1):
            if header := re.match(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(#.*)?$", line):
                here = tuple(part.strip().strip("\"'") for part in header[1].split("."))
                if here == (*where, name):
                    return number
            elif here == where and re.match(rf"\s*[\"']?{re.escape(name)}[\"']?\s*[=.]", line):
                return number
        return 0


def _wrong_sort(value: Any) -> str:
    key = value.removeprefix("-") if isinstance(value, str) else None
    able = [name for name, each in FIELDS.items() if each.sort is not None]
    return "" if key in able else f"sort by one of {', '.join(able)}, with a - before it for downwards"


def _wrong_refresh(value: Any) -> str:
    low, high = _REFRESH
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return "" if is_number and low <= value <= high else f"give seconds from {low:g} to {high:g}"


def _written(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, default=str)[:120]


def _shown(key: str) -> str:
    from nexus_tui.commands import display_key

    return display_key(key)
