"""Rules that hide values: which paths they name, and records without what they name.

A rule is a path: ``state.*.password``, ``metadata.card``, ``state.**.token``. Keys are parted by dots, and items of
lists go by their number; ``*`` and ``?`` are wildcards inside one key, ``*`` alone is any one key, and ``**`` any
number of them, none included. A key with a dot in it is quoted: ``state."due.date"``. What a path names is hidden with
all that is below it. The first word says where: ``state`` and ``metadata`` of sessions, checkpoints and groups,
``inputs`` and ``outputs`` of runs, ``data`` of events, and ``error`` (alone) for the texts of errors.

A hidden value reads ``***``, whatever it was: neither its kind nor its length is told. So it does in texts that quote
it: ``Rules.scrub`` covers up hidden values in the errors of runs and in their notes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from nexus.auth.scrubbing import scrub
from nexus.errors import InvalidInput, PermissionDenied
from nexus.model import Checkpoint, Event, Group, Run, RunResult, Session, jsonvalue
from nexus.query import GlobTerm, PathTerm, Query
from nexus.query.globs import Glob

MARKER: Final = "***"
"""What stands where a value is hidden."""

_ROOTS: Final = ("state", "metadata", "inputs", "outputs", "data")
_MOST_RULES: Final = 200
_MOST_KEYS: Final = 32
_KEY = re.compile(r'"((?:[^"\\]|\\.)*)"|([^."]+)')

_Matcher = Callable[[str], bool]


class Key(msgspec.Struct, frozen=True):
    """One step of a rule."""

    matches: _Matcher | None
    """``None`` for ``**``."""
    may_be_an_item: bool = True
    """Whether it may match the number of a list's item."""


Places = frozenset[tuple[int, int]]
"""How far into which rules a path has led."""


class Paths:
    """All rules of one root."""

    def __init__(self, rules: Iterable[tuple[Key, ...]]) -> None:
        self._rules = tuple(rules)
        self.start: Places = self._closed((number, 0) for number in range(len(self._rules)))

    def __bool__(self) -> bool:
        return bool(self._rules)

    def _closed(self, places: Iterable[tuple[int, int]]) -> Places:
        """With what ``**`` may skip."""
        found = set(places)
        pending = list(found)
        while pending:
            rule, at = pending.pop()
            keys = self._rules[rule]
            if at < len(keys) and keys[at].matches is None and (rule, at + 1) not in found:
                found.add((rule, at + 1))
                pending.append((rule, at + 1))
        return frozenset(found)

    def step(self, places: Places, key: str) -> Places:
        """Where one more key leads."""
        after: list[tuple[int, int]] = []
        for rule, at in places:
            keys = self._rules[rule]
            if at == len(keys):
                continue
            matches = keys[at].matches
            if matches is None:
                after.append((rule, at))
            elif matches(key):
                after.append((rule, at + 1))
        return self._closed(after)

    def hidden(self, places: Places) -> bool:
        """Whether some rule names what is there."""
        return any(at == len(self._rules[rule]) for rule, at in places)

    def cut(self, value: Any, places: Places | None = None) -> Any:
        """The value without what is hidden; the very same one where nothing is."""
        places = self.start if places is None else places
        if not places or not isinstance(value, dict | list):
            return value
        items = value.items() if isinstance(value, dict) else ((str(at), item) for at, item in enumerate(value))
        changed: dict[str, Any] = {}
        for key, item in items:
            below = self.step(places, key)
            shown = MARKER if self.hidden(below) else self.cut(item, below)
            if shown is not item:
                changed[key] = shown
        if not changed:
            return value
        if isinstance(value, dict):
            return {**value, **changed}
        return [changed.get(str(at), item) for at, item in enumerate(value)]

    def covered(self, value: Any) -> Iterator[Any]:
        """What is hidden of a value: the texts and numbers at the ends of it. A value may hold itself."""
        pending: list[tuple[Any, Places, bool]] = [(value, self.start, False)]
        seen: set[tuple[int, Places, bool]] = set()
        while pending:
            here, places, hidden = pending.pop()
            if not isinstance(here, dict | list | tuple):
                if hidden:
                    yield here
            elif (mark := (id(here), places, hidden)) not in seen:
                seen.add(mark)
                for key, item in here.items() if isinstance(here, dict) else enumerate(here):
                    below = places if hidden else self.step(places, str(key))
                    pending.append((item, below, hidden or self.hidden(below)))

    def touches(self, path: Iterable[str]) -> bool:
        """Whether to compare what is at a path would tell of something hidden: at it, above it, or as its item."""
        places = self.start
        for key in path:
            spelled = {key, str(int(key))} if key.isascii() and key.isdigit() and len(key) < 10 else {key}
            places = frozenset().union(*(self.step(places, each) for each in spelled))
            if self.hidden(places):
                return True
        return self.hidden(self._closed((rule, at + 1) for rule, at in places if self._is_item(rule, at)))

    def _is_item(self, rule: int, at: int) -> bool:
        keys = self._rules[rule]
        return at < len(keys) and keys[at].may_be_an_item

    def written(self, patch: Any, places: Places | None = None, path: str = "") -> str | None:
        """The first path at which the marker itself would be put in place of what is hidden."""
        places = self.start if places is None else places
        if not isinstance(patch, dict | list):
            return None
        items = patch.items() if isinstance(patch, dict) else ((str(at), item) for at, item in enumerate(patch))
        for key, item in items:
            below, here = self.step(places, key), f"{path}.{key}" if path else key
            if self.hidden(below) and item == MARKER:
                return here
            found = self.written(item, below, here)
            if found is not None:
                return found
        return None


class Rules:
    """The rules of one application.

    Args:
        rules: As they are written in the setting ``redact``.

    Raises:
        InvalidInput: One can't be read; says which and why.
    """

    def __init__(self, rules: Iterable[str] = ()) -> None:
        texts = tuple(rules)
        if len(texts) > _MOST_RULES:
            raise InvalidInput(f"redact has {len(texts)} rules: at most {_MOST_RULES} are taken", field="redact")
        by_root: dict[str, list[tuple[Key, ...]]] = {root: [] for root in _ROOTS}
        self.errors = False
        for text in texts:
            root, keys = _read(text)
            if root == "error":
                self.errors = True
            else:
                by_root[root].append(keys)
        self._paths: Mapping[str, Paths] = {root: Paths(found) for root, found in by_root.items()}
        self.any = bool(texts)

    # -- records

    def session(self, it: Session) -> Session:
        """A session as it may be shown."""
        return msgspec.structs.replace(
            it, metadata=self._cut("metadata", it.metadata), state_json=self._cut_json("state", it.state_json),
            error=self._error(it.error),
        )  # fmt: skip

    def checkpoint(self, it: Checkpoint) -> Checkpoint:
        """A checkpoint."""
        state = None if it.state_json is None else self._cut_json("state", it.state_json)
        return msgspec.structs.replace(it, state_json=state, inputs_json=self._cut_json("inputs", it.inputs_json))

    def event(self, it: Event) -> Event:
        """An event."""
        data = self._cut("data", it.data)
        if self.errors and "error" in data:
            data = {**data, "error": MARKER}
        return it if data is it.data else msgspec.structs.replace(it, data=data)

    def group(self, it: Group) -> Group:
        """A group."""
        return msgspec.structs.replace(it, metadata=self._cut("metadata", it.metadata))

    def run(self, it: Run) -> Run:
        """A run; the note of its progress is hidden with the one of its events."""
        progress = it.progress
        if progress is not None and progress.note is not None:
            shown = self._cut("data", {"note": progress.note})["note"]
            progress = msgspec.structs.replace(progress, note=shown)
        outputs = None if it.outputs_json is None else self._cut_json("outputs", it.outputs_json)
        return msgspec.structs.replace(
            it, inputs_json=self._cut_json("inputs", it.inputs_json), outputs_json=outputs, error=self._error(it.error),
            progress=progress,
        )  # fmt: skip

    def result(self, it: RunResult) -> RunResult:
        """What a run gave."""
        return msgspec.structs.replace(it, outputs=self._cut("outputs", it.outputs), error=self._error(it.error))

    def state(self, value: dict[str, Any]) -> dict[str, Any]:
        """A state."""
        shown: dict[str, Any] = self._cut("state", value)
        return shown

    def _cut(self, root: str, value: Any) -> Any:
        paths = self._paths[root]
        return paths.cut(value) if paths else value

    def _cut_json(self, root: str, body: bytes) -> bytes:
        if not self._paths[root]:
            return body
        value = jsonvalue.trusted(body)
        shown = self._cut(root, value)
        return body if shown is value else jsonvalue.encode(shown, root)

    def _error(self, text: str | None) -> str | None:
        return MARKER if self.errors and text is not None else text

    # -- what would tell of hidden values by other ways

    def scrub(self, text: str, *values: tuple[str, Any], most: int | None = None) -> str:
        """See ``nexus.sessions.hiding.Hides``."""
        hidden = (each for root, value in values if self._paths[root] for each in self._paths[root].covered(value))
        return scrub(text, hidden, MARKER, most) if self.any else text

    def check_query(self, query: Query) -> None:
        """Refuse a filter that compares what is hidden: by asking often enough, one would find it.

        Raises:
            PermissionDenied: Names the path.
        """
        for term in query.terms:
            if isinstance(term, PathTerm):
                root = "metadata" if term.root == "meta" else term.root
                if self._paths[root].touches(term.path):
                    raise _hidden(".".join((term.root, *term.path)), "filtered by")
            elif isinstance(term, GlobTerm) and term.field == "error" and self.errors:
                raise _hidden("error", "filtered by")

    def check_patch(self, patch: Mapping[str, Any]) -> None:
        """Refuse to put the marker in the place of the value that it hides.

        Raises:
            PermissionDenied: Names the path.
        """
        found = self._paths["state"].written(dict(patch))
        if found is not None:
            raise _hidden(f"state.{found}", f"written back as {MARKER}")


def _hidden(path: str, what: str) -> PermissionDenied:
    return PermissionDenied(
        f"{path[:200]} is hidden by a rule of the setting redact, and can't be {what}: leave it out, or let an admin"
        " ask with --reveal (over HTTP X-Nexus-Reveal: true)",
        field=path[:200],
    )


def _read(text: object) -> tuple[str, tuple[Key, ...]]:
    if not isinstance(text, str):
        raise _refused(text, "is no text")
    root, dot, rest = text.strip().partition(".")
    root = "metadata" if root == "meta" else root
    if root == "error" and not dot:
        return root, ()
    if root not in _ROOTS:
        raise _refused(text, f"begins with none of {', '.join(_ROOTS)}; or is error, alone")
    if not rest:
        raise _refused(text, f"names nothing below {root}: {root}.** hides all of it")
    keys = _keys(text, rest)
    if keys[-1].matches is None:
        # At the end it stands for one key at least: what hides all hides each.
        keys = (*keys, _any_key())
    return root, keys


def _keys(text: str, rest: str) -> tuple[Key, ...]:
    found: list[Key] = []
    at = 0
    while True:
        match = _KEY.match(rest, at)
        if match is None:
            raise _refused(text, "has an empty key, or a quote that isn't closed")
        found.append(_literal(re.sub(r"\\(.)", r"\1", match[1])) if match[1] is not None else _key(text, match[2]))
        at = match.end()
        if at == len(rest):
            break
        if rest[at] != ".":
            raise _refused(text, "has something behind a closing quote: a dot parts keys")
        at += 1
    if len(found) > _MOST_KEYS:
        raise _refused(text, f"has {len(found)} keys: at most {_MOST_KEYS} are taken")
    return tuple(found)


def _key(text: str, written: str) -> Key:
    if written == "**":
        return Key(None)
    if "**" in written:
        raise _refused(text, "has ** inside a key: it stands alone, for any number of keys")
    if written == "*":
        return _any_key()
    glob = Glob(written)
    return Key(glob.compile()) if glob.literal is None else _literal(glob.literal)


def _any_key() -> Key:
    return Key(lambda _: True)


def _literal(key: str) -> Key:
    return Key(lambda found: found == key, may_be_an_item=key.isdigit())


def _refused(text: object, why: str) -> InvalidInput:
    shown = str(text)[:100]
    return InvalidInput(
        f"redact rule {shown!r} {why}: write a path, as state.*.password or metadata.card", field="redact", value=shown
    )
