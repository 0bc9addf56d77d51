"""What the console keeps for its user between two starts: views, how lists looked, and the command line's history.

One folder, small JSON files, each written whole and put in place at once, so that two consoles never leave half a
file. A file that can't be read costs what is in it and nothing else: it is told, and not overwritten until something
is saved. Without a folder everything works and nothing is kept.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nexus.errors import InvalidInput
from nexus_tui.private_files import write_private
from nexus_tui.shell import SECRET
from nexus_widgets import clean

MOST_LINES = 500
"""Lines of history that are kept."""
MOST_VIEWS = 200
MOST_LOOKS = 100
_LONGEST = 4000


@dataclass(frozen=True, slots=True)
class View:
    """A way to look at the sessions: a filter, an order, columns, and whether only faults are shown."""

    q: str = ""
    sort: str = ""
    columns: tuple[str, ...] = ()
    faults: bool = False

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {"q": self.q, "sort": self.sort, "columns": list(self.columns), "faults": self.faults}


@dataclass(frozen=True, slots=True)
class Look:
    """How the table of sessions looked: its order, and its columns with widths; empty where they are the defaults."""

    sort: str = ""
    columns: tuple[tuple[str, int], ...] = ()


def users_folder() -> Path:
    """The folder of this user's console, made when something is kept."""
    from platformdirs import user_config_path

    return user_config_path("nexus", appauthor=False) / "console"


class History:
    """Lines that were written, oldest first; the same line is kept once, at its latest place."""

    def __init__(self, path: Path | None = None) -> None:
        """Read what was kept.

        Args:
            path: The file; ``None`` keeps nothing.
        """
        self._path = path
        self.lines: list[str] = _lines(_read(path))

    def add(self, line: str) -> None:
        """Remember a line. A disk that is full or read-only costs the memory of it, not the work.

        Args:
            line: What was run.
        """
        line = line.strip()[:_LONGEST]
        # A secret in a patch or a payload is nothing to keep in a file.
        if not line or SECRET.search(line) or "password" in line.lower():
            return
        # Another console may have written meanwhile.
        known = _lines(_read(self._path)) if self._path is not None else self.lines
        self.lines = [*[each for each in known if each != line][1 - MOST_LINES :], line]
        if self._path is not None:
            with suppress(OSError):
                write_private(self._path, self.lines)


class Views:
    """Saved views by name."""

    def __init__(self, path: Path | None = None) -> None:
        """Read what was kept.

        Args:
            path: The file; ``None`` keeps views until the console ends.
        """
        self._path = path
        self._views = _views(_read(path))

    @property
    def names(self) -> list[str]:
        """Names of all views, in order."""
        self._look()
        return sorted(self._views, key=str.casefold)

    def get(self, name: str) -> View:
        """The view of a name.

        Raises:
            InvalidInput: There is none; names those that there are.
        """
        self._look()
        if name not in self._views:
            known = ", ".join(self.names[:20]) or "none yet: :view save NAME keeps what is shown"
            raise InvalidInput(f"There is no view {clean(name, limit=60)!r}. There are: {known}", field="view")
        return self._views[name]

    def save(self, name: str, view: View) -> None:
        """Keep a view; one of the same name is replaced.

        Raises:
            InvalidInput: The name can't be one, there are too many, or the file can't be written.
        """
        if not name or len(name) > 60 or not name.isprintable() or name.split(" ", maxsplit=1)[0] in ("save", "remove"):
            raise InvalidInput(
                f"{clean(name, limit=60)!r} can't name a view: 1 to 60 printable characters, and not beginning "
                "with save or remove", field="view",
            )  # fmt: skip
        self._look()
        if len(self._views) >= MOST_VIEWS and name not in self._views:
            raise InvalidInput(f"There are {MOST_VIEWS} views already: remove one first", field="view")
        self._views[name] = view
        self._keep()

    def remove(self, name: str) -> None:
        """Forget a view.

        Raises:
            InvalidInput: There is none, or the file can't be written.
        """
        self.get(name)
        del self._views[name]
        self._keep()

    def _look(self) -> None:
        if self._path is not None:
            self._views = _views(_read(self._path))

    def _keep(self) -> None:
        if self._path is None:
            return
        try:
            write_private(self._path, {name: view.to_dict() for name, view in sorted(self._views.items())})
        except OSError as error:
            raise InvalidInput(f"{self._path} can't be written: {error.strerror}", field="view") from None


class Looks:
    """How the table of sessions looked, by context; the contexts looked at longest ago are forgotten."""

    def __init__(self, path: Path | None = None) -> None:
        """Read what was kept.

        Args:
            path: The file; ``None`` keeps looks until the console ends.
        """
        self._path = path
        self._looks = _looks(_read(path))

    def get(self, context: str) -> Look:
        """How it looked in a context; an empty look where nothing was kept."""
        return self._looks.get(context, Look())

    def keep(self, context: str, look: Look) -> None:
        """Remember how it looks. A disk that is full or read-only costs the memory of it, not the work."""
        known = _looks(_read(self._path)) if self._path is not None else self._looks
        known.pop(context, None)
        if look != Look():
            known[context] = look
        self._looks = dict(list(known.items())[-MOST_LOOKS:])
        if self._path is not None:
            with suppress(OSError):
                written = {name: {"sort": each.sort, "columns": [list(pair) for pair in each.columns]}
                           for name, each in self._looks.items()}  # fmt: skip
                write_private(self._path, written)


class Kept:
    """All of it."""

    def __init__(self, folder: Path | None = None) -> None:
        """Read what was kept.

        Args:
            folder: Where; ``None`` keeps nothing.
        """
        self.history = History(folder / "history.json" if folder else None)
        self.views = Views(folder / "views.json" if folder else None)
        self.looks = Looks(folder / "looks.json" if folder else None)


def _read(path: Path | None) -> Any:
    if path is None:
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def _lines(value: Any) -> list[str]:
    return [each[:_LONGEST] for each in value if isinstance(each, str)][-MOST_LINES:] if isinstance(value, list) else []


def _views(value: Any) -> dict[str, View]:
    if not isinstance(value, dict):
        return {}
    read = ((name, _view(each)) for name, each in value.items())
    return {name: view for name, view in read if view is not None}


def _view(value: Any) -> View | None:
    if not isinstance(value, dict):
        return None
    q, sort, keys = value.get("q", ""), value.get("sort", ""), value.get("columns", [])
    if not isinstance(q, str) or not isinstance(sort, str) or not isinstance(keys, list):
        return None
    return View(q, sort, tuple(each for each in keys if isinstance(each, str)), value.get("faults") is True)


def _looks(value: Any) -> dict[str, Look]:
    if not isinstance(value, dict):
        return {}
    return {name: look for name, each in value.items() if (look := _look(each)) is not None}


def _look(value: Any) -> Look | None:
    if not isinstance(value, dict) or not isinstance(value.get("sort", ""), str):
        return None
    pairs = value.get("columns", [])
    if not isinstance(pairs, list) or not all(
        isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) and type(pair[1]) is int
        for pair in pairs
    ):
        return None
    return Look(value.get("sort", ""), tuple((pair[0], max(0, min(pair[1], 200))) for pair in pairs))
