"""From a file to a tape: a recording, what ``nexus events -o jsonl`` wrote, or what ``nexus sessions export`` wrote.

A last line that is torn is left out: whoever wrote it was interrupted. Any other line that can't be read is a mistake
that names the line. What the file says is data and nothing else; it is cleaned where it is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from nexus.channels.client import decode
from nexus.channels.wire.answers import CheckpointAnswer, EventAnswer, GroupAnswer, RunAnswer, SessionAnswer
from nexus.errors import InvalidInput
from nexus.model import Checkpoint, Event, Session
from nexus_tui.cli.transfer import FORMAT as SESSION_FORMAT
from nexus_tui.replay.folding import checkpoint_in, fold_run, fold_session
from nexus_tui.replay.lines import FORMAT
from nexus_tui.replay.tape import Frame, Subject, Tape

LONGEST = 64 * 1024 * 1024
"""Bytes of a line; a longer one is none of ours."""
EVENTS_ONLY = "events only: states, metadata and deadlines are not in this file"
SESSIONS_ONLY = "exported sessions: states between checkpoints and deadlines are not in this file"
HAS_GAPS = "events were lost while it was recorded"

T = TypeVar("T")


def read_tape(path: Path) -> Tape:
    """Read a file.

    Args:
        path: Where it is.

    Raises:
        InvalidInput: It can't be read, is none of the three kinds, or a line of it is broken.
    """
    try:
        with path.open("rb") as file:
            tape = tape_of(_lines(file))
    except OSError as error:
        raise InvalidInput(f"{path} can't be read: {error.strerror}", field="replay") from None
    if not tape.frames:
        raise InvalidInput(f"{path} has no events to play", field="replay")
    return tape


def tape_of(lines: Iterable[tuple[int, bytes]]) -> Tape:
    """Make a tape of lines.

    Args:
        lines: With their numbers, from 1.

    Raises:
        InvalidInput: As ``read_tape``.
    """
    numbered = iter(lines)
    reader: _Reader | None = None
    for number, value in _values(numbered):
        if reader is None:
            reader = _reader_of(value, number)
        try:
            reader.take(number, value)
        except (ValueError, TypeError, KeyError, OverflowError) as error:
            raise _broken(number, f"it holds what no such line does ({error})") from None
    return reader.tape() if reader is not None else Tape(())


def _lines(file: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(file, 1):
        if len(line) > LONGEST:
            raise _broken(number, "it is too long")
        if line.strip():
            yield number, line


def _values(lines: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, dict[str, Any]]]:
    held: tuple[int, bytes] | None = next(lines, None)
    while held is not None:
        (number, line), held = held, next(lines, None)
        try:
            value = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            if held is None and number > 1:
                return  # Torn: the last one, and not the only one.
            raise _broken(number, f"it is not JSON ({error})") from None
        if not isinstance(value, dict):
            raise _broken(number, "it is no object")
        yield number, value


class _Reader:
    """Gathers frames; which lines it knows is its kind's to say."""

    notes: tuple[str, ...] = ()
    began: float | None = None
    """When recording began, where the file says so."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def take(self, number: int, value: dict[str, Any]) -> None:
        """Take in a line."""
        raise NotImplementedError

    def tape(self) -> Tape:
        """All frames in order of time; those of one moment as they stood in the file."""
        return Tape(_numbered(sorted(self.frames, key=lambda frame: frame.ts)), self.notes, self.began)


class _Recording(_Reader):
    def take(self, number: int, value: dict[str, Any]) -> None:
        match value.get("kind"):
            case None if value.get("format") == FORMAT:
                self.began = _time(value.get("recorded_at"), number)
            case "event":
                event = decode.event(_as(value.get("event"), EventAnswer, number))
                gone = event.type == "session.deleted"
                self.frames.append(Frame(event.ts, event, event.session_id if gone else None))
            case "session":
                session = decode.session(_as(value.get("session"), SessionAnswer, number))
                run = decode.run(_as(value["run"], RunAnswer, number)) if value.get("run") is not None else None
                at = _time(value.get("at"), number)
                self.frames.append(Frame(at, session_id=session.id, after=Subject(session, run)))
            case "checkpoint":
                checkpoint = decode.checkpoint(_as(value.get("checkpoint"), CheckpointAnswer, number))
                self.frames.append(Frame(checkpoint.created_at, checkpoint=checkpoint))
            case "group":
                group = decode.group(_as(value.get("group"), GroupAnswer, number))
                self.frames.append(Frame(_time(value.get("at"), number), group=group))
            case "gap":
                self.notes = (HAS_GAPS,)


class _Events(_Reader):
    notes = (EVENTS_ONLY,)

    def __init__(self) -> None:
        super().__init__()
        self._events: list[Event] = []

    def take(self, number: int, value: dict[str, Any]) -> None:
        self._events.append(decode.event(_as(value, EventAnswer, number)))

    def tape(self) -> Tape:
        self._events.sort(key=lambda event: (event.ts, event.seq))
        known: dict[str, Subject] = {}
        for event in self._events:
            self.frames.append(_folded(event, known))
        return super().tape()


class _Exported(_Reader):
    notes = (SESSIONS_ONLY,)

    def take(self, number: int, value: dict[str, Any]) -> None:
        session = decode.session(_as(value.get("session"), SessionAnswer, number))
        events = [decode.event(_as(each, EventAnswer, number)) for each in _list(value.get("events"), number)]
        saved = [decode.checkpoint(_as(each, CheckpointAnswer, number)) for each in
                 _list(value.get("checkpoints"), number)]  # fmt: skip
        self.frames += [Frame(each.created_at, checkpoint=each) for each in saved]
        states = {each.number: each for each in saved}
        born = Session(
            id=session.id, status=session.status, channel=session.channel, channels=session.channels[:1],
            owner=session.owner, created_at=session.created_at, last_activity=session.created_at,
            user_id=session.user_id, metadata=session.metadata, parent_id=session.parent_id, group_id=session.group_id,
            timeout=session.timeout, max_age=session.max_age,
        )  # fmt: skip
        known = {} if not events or events[0].type != "session.created" else {session.id: Subject(born)}
        frames = [_folded(event, known, states) for event in sorted(events, key=lambda event: (event.ts, event.seq))]
        last = max([session.created_at, *(frame.ts for frame in frames)])
        run = frames[-1].after.run if frames and frames[-1].after is not None else None
        self.frames += [*frames, Frame(last, session_id=session.id, after=Subject(session, run))]


def _folded(event: Event, known: dict[str, Subject], states: dict[int, Checkpoint] | None = None) -> Frame:
    session_id = event.session_id
    if session_id is None:
        return Frame(event.ts, event)
    before = known.get(session_id)
    session = fold_session(event, before.session if before is not None else None)
    if session is None:
        known.pop(session_id, None)
        return Frame(event.ts, event, session_id)
    saved = (states or {}).get(checkpoint_in(event))
    if saved is not None and saved.state_json is not None and event.type in ("checkpoint.saved", "session.resumed"):
        session = replace(session, state_json=saved.state_json)
    known[session_id] = Subject(session, fold_run(event, before.run if before is not None else None))
    return Frame(event.ts, event, session_id, known[session_id])


def _numbered(frames: list[Frame]) -> list[Frame]:
    """Events with numbers that rise: those of the file where they do, new ones where files were put together."""
    last, rises = -1, True
    for frame in frames:
        if frame.event is not None:
            rises, last = rises and frame.event.seq > last, frame.event.seq
    if rises:
        return frames
    number = 0
    for frame in frames:
        if frame.event is not None:
            number += 1
            frame.event = replace(frame.event, seq=number)
    return frames


def _reader_of(value: dict[str, Any], number: int) -> _Reader:
    form = value.get("format")
    if form == FORMAT:
        return _Recording()
    if form == SESSION_FORMAT:
        return _Exported()
    if form is None and "type" in value and "ts" in value:
        return _Events()
    known = f"{FORMAT}, {SESSION_FORMAT}, or events as `nexus events -o jsonl` writes them"
    raise _broken(number, f"it begins no recording: there are {known}")


def _as(value: Any, kind: type[T], number: int) -> T:
    try:
        return msgspec.json.decode(msgspec.json.encode(value), type=kind)
    except (msgspec.DecodeError, UnicodeEncodeError, OverflowError) as error:
        raise _broken(number, str(error)) from None


def _time(value: Any, number: int) -> float:
    try:
        return decode.seconds(value)
    except (TypeError, ValueError):
        raise _broken(number, "its time is none") from None


def _list(value: Any, number: int) -> list[Any]:
    if not isinstance(value, list):
        raise _broken(number, "events and checkpoints are lists")
    return value


def _broken(number: int, why: str) -> InvalidInput:
    return InvalidInput(f"line {number} of the recording can't be read: {why}", field=f"line {number}")
