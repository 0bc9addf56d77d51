"""Checkpoints as a branching line: which came from which, and in which lane each is drawn.

A resume from an earlier checkpoint leaves the later ones behind as a branch. Where the record tells of its resumes
the lines are exact; a server doesn't, so they are read from the session's events, and without those from what is
marked as superseded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nexus.model import Checkpoint, Event, Session

MOST_LANES = 6
"""Lanes that are drawn; further branches share the last one."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a checkpoint stands in the drawing: the line at its left, in one cell a lane."""

    line: str
    is_behind: bool = False
    """Whether it was left behind."""


def rewinds_of(session: Session, events: Sequence[Event]) -> list[tuple[int, int]]:
    """Each ``(k, n)``: a resume went back to checkpoint k when n was the newest.

    Args:
        session: The session.
        events: Its newest events, ascending.
    """
    if session.rewinds:
        return list(session.rewinds)
    found: list[tuple[int, int]] = []
    newest = 0
    for event in events:
        number = _number(event.data.get("checkpoint_id"))
        if event.type == "checkpoint.saved" and number:
            newest = max(newest, number)
        elif event.type == "session.resumed" and number and newest > number:
            found.append((number, newest))
    return found


def branches(checkpoints: Sequence[Checkpoint], rewinds: Sequence[tuple[int, int]], current: int) -> list[Place]:
    """A place for each checkpoint, the newest first.

    Args:
        checkpoints: Those that are kept, ascending.
        rewinds: As ``rewinds_of`` gives them.
        current: The number that the history which counts has come to; 0 for none.
    """
    shown = [each.number for each in reversed(checkpoints)]
    parents = _parents(checkpoints, rewinds)
    # The line that counts has the first lane to itself, also above where it has come to.
    lanes: list[int | None] = [current]
    places: list[Place] = []
    reached = False
    for each, number in zip(reversed(checkpoints), shown, strict=True):
        mine = [at for at, wanted in enumerate(lanes) if wanted == number]
        if not mine:
            mine = [_free(lanes)]
            lanes[mine[0]] = number
        reached = reached or mine[0] == 0
        places.append(Place(_draw(lanes, mine, each, reached=reached), each.superseded))
        for at in mine[1:]:
            lanes[at] = None
        lanes[mine[0]] = parents.get(number)
        while lanes and lanes[-1] is None and len(lanes) > 1:
            lanes.pop()
    return places


def _parents(checkpoints: Sequence[Checkpoint], rewinds: Sequence[tuple[int, int]]) -> dict[int, int | None]:
    """Which checkpoint each came from; the nearest that is still kept."""
    kept = [each.number for each in checkpoints]
    back = {newest + 1: to for to, newest in rewinds}
    if not rewinds:
        back = _guessed(checkpoints)
    known = set(kept)
    parents: dict[int, int | None] = {}
    for number in kept:
        parent = back.get(number, number - 1)
        while parent > 0 and parent not in known:
            parent = back.get(parent, parent - 1)
        parents[number] = parent or None
    return parents


def _guessed(checkpoints: Sequence[Checkpoint]) -> dict[int, int]:
    """Where only marks are known: a run of superseded ones hangs on what counts before it."""
    back: dict[int, int] = {}
    good = 0
    before: Checkpoint | None = None
    for each in checkpoints:
        if before is not None and before.superseded and not each.superseded:
            back[each.number] = good
        if not each.superseded:
            good = each.number
        before = each
    return back


def _free(lanes: list[int | None]) -> int:
    for at in range(1, len(lanes)):
        if lanes[at] is None:
            return at
    if len(lanes) < MOST_LANES:
        lanes.append(None)
    return len(lanes) - 1


def _draw(lanes: Sequence[int | None], mine: Sequence[int], checkpoint: Checkpoint, *, reached: bool) -> str:
    cells = []
    last = mine[-1]
    for at, wanted in enumerate(lanes):
        if at == mine[0]:
            cells.append("◇" if checkpoint.superseded else "◆")
        elif at in mine:
            cells.append("╯" if at == last else "┴")
        elif mine[0] < at < last:
            cells.append("┼" if wanted is not None else "─")
        elif at == 0 and not reached:
            cells.append(" ")
        else:
            cells.append("│" if wanted is not None else " ")
    return "".join(cells).rstrip()


def _number(name: object) -> int:
    tail = name.removeprefix("checkpoint-") if isinstance(name, str) else ""
    return int(tail) if tail.isascii() and tail.isdigit() and len(tail) < 10 else 0
