"""Tape: a recording as a row of frames, and the world as it was at one of them.

Each frame knows what it replaces, so the tape goes back as exactly as it went on, at the cost of the frames between.
Counters are those that stores keep, from the same rules.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from nexus.lifecycle.counting import deltas
from nexus.model import Checkpoint, Event, Group, Run, Session


@dataclass(frozen=True, slots=True)
class Subject:
    """A session with its run, as of a frame."""

    session: Session
    run: Run | None = None


@dataclass(slots=True)
class Frame:
    """One moment: an event, or records that were read then. ``before`` is filled in when the tape is wound."""

    ts: float
    event: Event | None = None
    session_id: str | None = None
    after: Subject | None = None
    """The session from here on; ``None`` with a ``session_id``: it is gone."""
    before: Subject | None = None
    checkpoint: Checkpoint | None = None
    group: Group | None = None
    group_before: Group | None = None


@dataclass
class World:
    """What there is at one place of the tape."""

    subjects: dict[str, Subject] = field(default_factory=dict)
    children: dict[str, dict[str, None]] = field(default_factory=dict)
    checkpoints: dict[str, dict[int, Checkpoint]] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    counters: Counter[str] = field(default_factory=Counter)


class Tape:
    """Frames in order, and a world that moves along them. ``at`` frames have happened."""

    def __init__(self, frames: Sequence[Frame], notes: Sequence[str] = (), began: float | None = None) -> None:
        """Wind the tape, to its start.

        Args:
            frames: In order of time.
            notes: What the file doesn't tell, in words.
            began: When recording began; what was before is there from the start.
        """
        self._began = began
        self.frames = tuple(frames)
        self.notes = tuple(notes)
        self.world = World()
        self.at = 0
        self._times = [frame.ts for frame in self.frames]
        self._events = [(index, frame.event) for index, frame in enumerate(self.frames) if frame.event is not None]
        self._event_places = [index for index, _ in self._events]
        self._event_times = [self.frames[index].ts for index in self._event_places]
        self._of_session: dict[str, list[int]] = {}
        for place, (_, event) in enumerate(self._events):
            if event.session_id is not None:
                self._of_session.setdefault(event.session_id, []).append(place)

    @property
    def start(self) -> float:
        """When recording began, or when the first event was (seconds since the epoch)."""
        if self._began is not None:
            return min(self._began, self.end)
        return self._event_times[0] if self._events else self._times[0] if self._times else 0.0

    @property
    def end(self) -> float:
        """When the last frame was."""
        return self._times[-1] if self._times else 0.0

    def index_at(self, ts: float) -> int:
        """How many frames have happened at a time."""
        return bisect_right(self._times, ts)

    def move(self, to: int) -> None:
        """Go on or back until as many frames have happened.

        Args:
            to: 0 to the number of frames.
        """
        while self.at < to:
            self._apply(self.frames[self.at])
            self.at += 1
        while self.at > to:
            self.at -= 1
            self._take_back(self.frames[self.at])

    # Events

    def events_between(self, first: int, last: int) -> list[Event]:
        """The events of the frames from ``first`` up to ``last``, that one not among them."""
        low, high = bisect_right(self._event_places, first - 1), bisect_right(self._event_places, last - 1)
        return [event for _, event in self._events[low:high]]

    def recent(self, limit: int) -> list[Event]:
        """The last events that have happened, ascending."""
        high = bisect_right(self._event_places, self.at - 1)
        return [event for _, event in self._events[max(high - limit, 0) : high]]

    def events_of(self, session_id: str) -> list[Event]:
        """All events of a session that have happened, ascending."""
        places = self._of_session.get(session_id, [])
        high = bisect_right(self._event_places, self.at - 1)
        return [self._events[place][1] for place in places if place < high]

    def event_times(self, first: float, last: float) -> list[float]:
        """When events were, from ``first`` up to ``last``, that time not among them."""
        return self._event_times[bisect_right(self._event_times, first) : bisect_right(self._event_times, last)]

    def event_after(self, ts: float) -> float | None:
        """When the next event is."""
        at = bisect_right(self._event_times, ts)
        return self._event_times[at] if at < len(self._event_times) else None

    def event_before(self, ts: float) -> float | None:
        """When the last event before a time was."""
        at = bisect_right(self._event_times, ts)
        while at and self._event_times[at - 1] >= ts:
            at -= 1
        return self._event_times[at - 1] if at else None

    # Moving

    def _apply(self, frame: Frame) -> None:
        world = self.world
        if frame.session_id is not None:
            frame.before = world.subjects.get(frame.session_id)
            self._replace(frame.session_id, frame.before, frame.after)
            self._count(frame, 1)
        if frame.checkpoint is not None:
            world.checkpoints.setdefault(frame.checkpoint.session_id, {})[frame.checkpoint.number] = frame.checkpoint
        if frame.group is not None:
            frame.group_before = world.groups.get(frame.group.id)
            world.groups[frame.group.id] = frame.group

    def _take_back(self, frame: Frame) -> None:
        world = self.world
        if frame.session_id is not None:
            self._replace(frame.session_id, frame.after, frame.before)
            self._count(frame, -1)
        if frame.checkpoint is not None:
            world.checkpoints.get(frame.checkpoint.session_id, {}).pop(frame.checkpoint.number, None)
        if frame.group is not None:
            if frame.group_before is None:
                world.groups.pop(frame.group.id, None)
            else:
                world.groups[frame.group.id] = frame.group_before

    def _replace(self, session_id: str, old: Subject | None, new: Subject | None) -> None:
        world = self.world
        if old is not None and old.session.parent_id is not None:
            world.children.get(old.session.parent_id, {}).pop(session_id, None)
        if new is None:
            world.subjects.pop(session_id, None)
            return
        world.subjects[session_id] = new
        if new.session.parent_id is not None:
            world.children.setdefault(new.session.parent_id, {})[session_id] = None

    def _count(self, frame: Frame, sign: int) -> None:
        before = frame.before.session if frame.before is not None else None
        after = frame.after.session if frame.after is not None else None
        counters = self.world.counters
        for name, value in deltas(before, after, frame.ts).items():
            counters[name] += sign * value  # type: ignore[assignment]
            if not counters[name]:
                del counters[name]
