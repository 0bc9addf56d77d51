"""Contexts: places that a user gave a name, so that commands needn't be told each time where to act.

One JSON file in the user's configuration folder, readable by them alone, since it may hold tokens; written whole and
put in place at once. A file that can't be read is an error that names it, and never overwritten.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from nexus.errors import InvalidInput
from nexus_tui.private_files import write_private

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """A store or a server, and how it is used."""

    store: str | None = None
    server: str | None = None
    token: str | None = None
    read_only: bool = False
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class Contexts:
    """All contexts, and which one is in force."""

    places: Mapping[str, Place] = field(default_factory=dict)
    current: str | None = None

    def get(self, name: str) -> Place:
        """The place of a name.

        Raises:
            InvalidInput: There is none; names those that there are.
        """
        if name not in self.places:
            known = ", ".join(sorted(self.places)) or "none yet: nexus contexts add NAME --server URL makes one"
            raise InvalidInput(
                f"there is no context {name[:64]!r}. There are: {known}", field="context", value=name[:64]
            )
        return self.places[name]

    def added(self, name: str, place: Place, *, use: bool) -> Contexts:
        """With one more.

        Raises:
            InvalidInput: The name can't be one, or is taken.
        """
        if not _NAME.fullmatch(name):
            raise InvalidInput(
                f"{name[:80]!r} can't name a context: use 1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or digit",
                field="name", value=name[:80],
            )  # fmt: skip
        if name in self.places:
            raise InvalidInput(
                f"there is a context {name} already: remove it first, or choose another name", field="name"
            )
        return Contexts({**self.places, name: place}, name if use else self.current)

    def used(self, name: str | None) -> Contexts:
        """With another one in force, or none."""
        if name is not None:
            self.get(name)
        return replace(self, current=name)

    def removed(self, name: str) -> Contexts:
        """Without one."""
        self.get(name)
        places = {key: place for key, place in self.places.items() if key != name}
        return Contexts(places, None if self.current == name else self.current)


def contexts_file() -> Path:
    """Where they are kept."""
    from platformdirs import user_config_path

    return user_config_path("nexus", appauthor=False) / "contexts.json"


def read_contexts(path: Path | None = None) -> Contexts:
    """All contexts; none where there is no file.

    Raises:
        InvalidInput: The file can't be read as what it should be.
    """
    path = path or contexts_file()
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Contexts()
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, str(error)) from None
    try:
        value = json.loads(text)
        places = {str(name): _place(each) for name, each in value["contexts"].items()}
        current = value.get("current")
        known = isinstance(current, str) and current in places
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _unreadable(path, f"{type(error).__name__}: {error}") from None
    return Contexts(places, current if known else None)


def _place(value: dict[str, Any]) -> Place:
    place = Place(**value)
    if (place.store is None) == (place.server is None):
        raise ValueError("a context has a store or a server")
    return place


def _unreadable(path: Path, why: str) -> InvalidInput:
    return InvalidInput(f"the contexts in {path} can't be read ({why}): mend the file, or remove it", field="context")


def write_contexts(contexts: Contexts, path: Path | None = None) -> None:
    """Keep them.

    Raises:
        InvalidInput: The file can't be written.
    """
    path = path or contexts_file()
    places = {name: _given(place) for name, place in sorted(contexts.places.items())}
    try:
        write_private(path, {"current": contexts.current, "contexts": places})
    except OSError as error:
        raise InvalidInput(f"{path} can't be written: {error.strerror}", field="context") from None


def _given(place: Place) -> dict[str, Any]:
    return {name: value for name, value in asdict(place).items() if value}
