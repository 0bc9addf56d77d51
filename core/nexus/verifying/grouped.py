"""Whether groups are what their members and clients say: counts, endings and waits."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from nexus.model import FINAL, Event, Session
from nexus.verifying.evidence import Evidence
from nexus.verifying.following import some
from nexus.verifying.ledger import Act, Ledger


def miscounted(evidence: Evidence) -> Iterator[str]:
    """Where a group does not count its members as a recount does."""
    recount: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for session in evidence.sessions.values():
        if session.group_id is not None:
            recount[session.group_id][session.status.value] += 1
    for group_id, group in evidence.groups.items():
        counts = {status: count for status, count in group.counts.items() if count}
        if counts != dict(recount[group_id]):
            yield f"group {group_id}: counts {counts}, and a recount gives {dict(recount[group_id])}"


def unkept(ledger: Ledger, evidence: Evidence) -> Iterator[str]:
    """What clients were told of a group, and it is not so."""
    for act in ledger.done():
        group = evidence.groups.get(act.group)
        if act.kind == "create group" and group is None:
            yield f"group {act.group}: was made by {act.door}, and is gone"
        if act.kind == "end group" and (group is None or group.ended_at is None):
            yield f"group {act.group}: its end was acknowledged to {act.door}, and it is open"


def untold(evidence: Evidence) -> Iterator[str]:
    """Groups whose events do not tell of each of their versions, in order; a restore has none."""
    for group_id, group in evidence.groups.items():
        told = [event.version or 0 for event in _events_of(evidence, group_id)]
        if not told or told[0] != 1:
            continue  # the oldest were trimmed, as nothing keeps the events of a group
        restored = [
            record.version_after for record in evidence.audit or ()
            if record.target == group_id and record.target_kind == "group" and record.action == "restore"
        ]  # fmt: skip
        if told != sorted(set(told)):
            yield f"group {group_id}: its events tell of versions {told}"
        if group.version not in (*told, *restored):
            yield f"group {group_id}: at version {group.version}, and no event tells of it"


def _events_of(evidence: Evidence, group_id: str) -> Sequence[Event]:
    if evidence.followed is None or evidence.told_trimmed:
        return evidence.told_of_groups.get(group_id, ())
    return [event for event in evidence.followed if event.session_id is None and event.group_id == group_id]


def left_open(ledger: Ledger, evidence: Evidence) -> Iterator[str]:
    """Members that are not over though the end of their group, which they were in by then, was acknowledged."""
    ends: dict[str, float] = {}
    for act in ledger.done():
        if act.kind == "end group":
            ends[act.group] = max(act.called, ends.get(act.group, act.called))
    known = {act.session: act.returned for act in ledger.done() if act.kind == "create" and act.group}
    births = _numbers(evidence, "session.created")
    closings = _numbers(evidence, "group.ended")
    for session_id, session in evidence.sessions.items():
        called = ends.get(session.group_id or "")
        if called is None or session.status in FINAL:
            continue
        acknowledged = known.get(session_id)
        there = acknowledged is not None and acknowledged < called
        if there or births.get(session_id, 0) < closings.get(session.group_id or "", -1):
            yield f"{session_id}: is {session.status.value}, and group {session.group_id}, which it was in, had ended"


def _numbers(evidence: Evidence, kind: str) -> dict[str, int]:
    """The number of the last event of a kind, by its session or group; where numbers run over all."""
    if not evidence.one_order or evidence.followed is None:
        return {}
    return {event.session_id or event.group_id or "": event.seq for event in evidence.followed if event.type == kind}


def early_waits(ledger: Ledger, evidence: Evidence) -> Iterator[str]:
    """Waits for a group that were over while a member that had been acknowledged before was not.

    Members here never run, so that they have work left until somebody ends them, or they expire.
    """
    expired = {event.session_id for event in _all_events(evidence) if event.type == "session.expired"}
    members: defaultdict[str, list[Act]] = defaultdict(list)
    endings: defaultdict[str, list[float]] = defaultdict(list)
    for act in ledger.acts:
        if act.kind == "create" and act.group and act.outcome == "done":
            members[act.group].append(act)
        elif act.kind in ("end", "end group"):
            endings[act.subject].append(act.called)
    for wait in ledger.done():
        if wait.kind != "wait" or wait.returned is None:
            continue
        early = [
            member.session for member in members[wait.group]
            if (member.returned or wait.called) < wait.called and member.session not in expired
            and not any(at < wait.returned for at in (*endings[member.session], *endings[wait.group]))
        ]  # fmt: skip
        if early:
            yield f"group {wait.group}: a wait of {wait.door} was over, and nobody had ended {some(early)}"


def _all_events(evidence: Evidence) -> Iterator[Event]:
    yield from evidence.followed or ()
    for events in evidence.events.values():
        yield from events


def members(evidence: Evidence) -> list[Session]:
    """Sessions in groups."""
    return [session for session in evidence.sessions.values() if session.group_id is not None]
