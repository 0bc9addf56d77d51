"""Keymap: the commands of each screen with the keys that are in force, and what Textual needs to know of them.

What is declared in ``nexus_tui.commands`` are the defaults. A keymap is the only thing that screens, the footer, the
help and the palette read keys from, so that a key that was changed is changed everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches

from nexus_tui.commands import PLACES, Command, Place, commands_of, display_key, keys_of_parts

Keys = tuple[str, ...]
"""Textual's names; none for a command without a key."""
FIXED: dict[Place, dict[str, str]] = {
    "main": {"shift+up": "marks and moves", "shift+down": "marks and moves"},
    "session": {
        "n": "goes to the next place found", "N": "goes to the place found before",
        "shift+left": "goes to the checkpoint before", "shift+right": "goes to the next checkpoint",
    },
}  # fmt: skip
"""Keys of widgets that can't be changed, by screen."""
_ENTER_AND_ESCAPE = {"enter": "open", "escape": "back"}
_DIALOGS = frozenset("adqyY") | {"enter", "escape", "space", "tab"}
"""Keys that dialogs use: what moves in lists moves in theirs too, and can't have them."""
_OPENERS = ("help", "log", "why", "view", "context")
"""Commands that open a dialog which their own key closes again."""


@dataclass(frozen=True, slots=True)
class Clash:
    """What can't be: a key of a command on a screen, and what has it or why not."""

    name: str
    place: Place
    key: str
    why: str


@dataclass(frozen=True, slots=True)
class Keymap:
    """Keys by screen and by name, where they differ from the declared ones."""

    changed: Mapping[tuple[Place, str], Keys]

    def commands(self, place: Place) -> tuple[Command, ...]:
        """The commands of a screen with their keys in force, as declared otherwise."""
        return tuple(self._command(command, place) for command in commands_of(place))

    def hint(self, name: str, place: Place = "main") -> str:
        """The first key of a command as a person names it, or its ``:`` name where it has no key."""
        keys = next((each.keys for each in self.commands(place) if each.name == name), "")
        return display_key(keys.split(",")[0]) if keys else f":{name}"

    def bindings(self) -> dict[str, str]:
        """Keys by the ids of bindings, of those that were changed, for ``App.set_keymap``."""
        made = {f"{place}.{name}": keys for (place, name), keys in self.changed.items() if name not in PART_NAMES}
        lines = {name: keys for (_, name), keys in self.changed.items() if name in PART_NAMES}
        made |= {f"line.{name}": keys for name, keys in lines.items()}
        if any(name == "mark" for _, name in self.changed):
            made["line.mark"] = self._everywhere("mark")
        for name in _OPENERS:
            if any(changed == name for _, changed in self.changed):
                made[f"dialog.{name}"] = tuple(key for key in self._everywhere(name) if key not in _DIALOGS)
        # Textual takes an empty text for "as it was": a name that no key has unbinds.
        return {each: ",".join(keys) or f"unbound-{number}" for number, (each, keys) in enumerate(made.items())}

    def clashes(self) -> Iterator[Clash]:
        """What can't be, in the order of the screens."""
        for place in PLACES:
            yield from self._clashes_on(place)

    def _everywhere(self, name: str) -> Keys:
        found = (each.keys.split(",") for place in PLACES for each in self.commands(place) if each.name == name)
        return tuple(dict.fromkeys(key for keys in found for key in keys if key))

    def _command(self, command: Command, place: Place) -> Command:
        if command.parts:
            parts = tuple(replace(part, keys=self._keys(place, part.name, part.keys)) for part in command.parts)
            return replace(command, parts=parts, keys=keys_of_parts(parts))
        return replace(command, keys=self._keys(place, command.name, command.keys))

    def _keys(self, place: Place, name: str, declared: str) -> str:
        keys = self.changed.get((place, name))
        return declared if keys is None else ",".join(keys)

    def _clashes_on(self, place: Place) -> Iterator[Clash]:
        taken: dict[str, str] = {}
        for name, keys in self._named(place):
            for key in keys:
                other = taken.setdefault(key, name)
                if other != name:
                    # What was changed is told first: it is what the file says.
                    mine, theirs = (name, other) if (place, name) in self.changed else (other, name)
                    yield Clash(mine, place, key, f'is {theirs} there: give {theirs} another key, or "" for none')
                elif (place, name) in self.changed and (why := self._forbidden(place, name, key)):
                    yield Clash(name, place, key, why)

    def _named(self, place: Place) -> Iterator[tuple[str, list[str]]]:
        for command in self.commands(place):
            if command.parts:
                yield from ((part.name, [key for key in part.keys.split(",") if key]) for part in command.parts)
            else:
                yield command.name, [key for key in command.keys.split(",") if key]

    @staticmethod
    def _forbidden(place: Place, name: str, key: str) -> str:
        if key in _ENTER_AND_ESCAPE and name != _ENTER_AND_ESCAPE[key]:
            return f"always does what {_ENTER_AND_ESCAPE[key]} does: choose another key"
        if key in FIXED.get(place, {}):
            return f"{FIXED[place][key]} there, and can't be changed: choose another key"
        if name in PART_NAMES and key in _DIALOGS:
            return "does something else in dialogs, whose lists move by the same keys: choose another key"
        return ""


def part_names() -> dict[str, str]:
    """Names of single keys of native commands, with the command they are part of."""
    return {part.name: command.help for place in PLACES for command in commands_of(place) for part in command.parts}


PART_NAMES = part_names()
DECLARED = Keymap({})
"""Every command as it is declared."""


def names_on(place: Place) -> tuple[str, ...]:
    """Names that can be given keys on a screen."""
    names = ((part.name for part in command.parts) if command.parts else (command.name,)
             for command in commands_of(place))  # fmt: skip
    return tuple(name for each in names for name in each)


def near(name: str, known: Callable[[], list[str]]) -> str:
    """``, did you mean X?`` where something is near."""
    found = get_close_matches(name, known(), 1, 0.6)
    return f", did you mean {found[0]}?" if found else ""
