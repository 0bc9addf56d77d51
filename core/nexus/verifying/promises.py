"""The promises, each a pure function of ledger and evidence to a verdict."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TypeAlias

from msgspec.structs import replace

from nexus.lifecycle.counting import deltas
from nexus.model import FINAL, Event
from nexus.verifying import grouped
from nexus.verifying.audited import unsaid, untold
from nexus.verifying.endings import revivals
from nexus.verifying.evidence import Evidence, by_session, last_life, restorations, versions_of
from nexus.verifying.expiry import too_early
from nexus.verifying.following import missed, out_of_order, some
from nexus.verifying.ledger import Act, Ledger
from nexus.verifying.verdict import Verdict

Check: TypeAlias = Callable[[Ledger, Evidence], Verdict]


def check(ledger: Ledger, evidence: Evidence) -> list[Verdict]:
    """Check every promise.

    Returns:
        A verdict each, in a fixed order.
    """
    return [promise(ledger, evidence) for promise in PROMISES]


def records_of(evidence: Evidence) -> dict[str, list[Event]]:
    """The events of each session: as followed, where somebody did, as trimming takes nothing from those."""
    listed = {session_id: list(events) for session_id, events in evidence.events.items()}
    if evidence.followed is None or evidence.told_trimmed:
        return listed
    return {**listed, **by_session(evidence.followed)}


def lives_of(evidence: Evidence) -> dict[str, list[Event]]:
    """As ``records_of``; of an id that was given again after a deletion, only what belongs to the session there is."""
    return {session_id: last_life(record) for session_id, record in records_of(evidence).items()}


def versions(_: Ledger, evidence: Evidence) -> Verdict:
    """A session's version rises by one with each commit, and its events tell of every one, in order."""
    records, broken, checked = lives_of(evidence), [], 0
    for session_id, session in evidence.sessions.items():
        told = [event.version or 0 for event in records.get(session_id, ())]
        if told != sorted(told):
            broken.append(f"{session_id}: its events tell of versions out of order")
        made = versions_of(session.version, restorations(records.get(session_id, ())))
        checked += len(made)
        missing, more = sorted(made - set(told)), sorted(set(told) - made)
        if missing:
            broken.append(f"{session_id}: at version {session.version}, and no event tells of {some(missing)}")
        if more:
            broken.append(f"{session_id}: at version {session.version}, and events tell of {some(more)}")
    return Verdict(
        promise="versions", says="a session's version rises by one with each commit, and its events agree",
        checked=checked, unit="commits", broken=tuple(broken),
    )  # fmt: skip


def acknowledged(ledger: Ledger, evidence: Evidence) -> Verdict:
    """What was acknowledged is there; what was refused is not; nothing is there that nobody asked for."""
    broken, checked = [], 0
    acts: defaultdict[str, list[Act]] = defaultdict(list)
    for act in ledger.acts:
        if act.session:
            acts[act.session].append(act)
    for session_id, asked in acts.items():
        session = evidence.sessions.get(session_id)
        if session is None:
            broken += _gone(session_id, asked, evidence)
            continue
        checked += sum(act.outcome == "done" for act in asked)
        broken += list(_keys(session_id, asked, set(session.state), complete=ledger.complete))
        adds = [act for act in asked if act.kind == "add"]
        low = sum(act.outcome == "done" for act in adds)
        high = low + sum(act.outcome == "unsure" for act in adds)
        counter = session.state.get("counter", 0)
        if not low <= counter <= high:
            broken.append(f"{session_id}: counter is {counter}, of {low} acknowledged and {high} possible additions")
    return Verdict(
        promise="acknowledged", says="no acknowledged change is lost, and no refused one is made",
        checked=checked, unit="acknowledged changes", broken=tuple(broken),
    )  # fmt: skip


def _gone(session_id: str, asked: list[Act], evidence: Evidence) -> list[str]:
    """A session that isn't there was never acknowledged, or its end and deletion are on the record."""
    if not any(act.outcome == "done" for act in asked):
        return []
    record = records_of(evidence).get(session_id, [])
    if any(event.type == "session.deleted" for event in record):
        return []
    if any(entry.action == "delete" and entry.target == session_id for entry in evidence.audit or ()):
        # What tells of its deletion may have been trimmed, where a clock is ahead before anybody could follow it.
        return []
    if not record and evidence.followed is None:
        return []
    return [f"{session_id}: was acknowledged, is gone, and nothing tells of its deletion"]


def _keys(session_id: str, asked: list[Act], there: set[str], *, complete: bool) -> Iterator[str]:
    by_key = {act.key: act for act in asked if act.kind in ("set", "compare")}
    for key, act in by_key.items():
        if act.outcome == "done" and key not in there:
            yield f"{session_id}: {key} was set by {act.door} (version {act.version}) and is not there"
        if act.outcome == "refused" and key in there:
            yield f"{session_id}: {key} was refused to {act.door} ({act.code}) and is there"
    foreign = {key for key in there if key.startswith("key-")} - set(by_key) if complete else set()
    if foreign:
        yield f"{session_id}: has {some(sorted(foreign))}, which nobody set"


def linearizable(ledger: Ledger, evidence: Evidence) -> Verdict:  # noqa: ARG001 - all checks take both
    """Acknowledged changes of a session have versions of their own, in an order that real time allows."""
    broken, checked = [], 0
    told: defaultdict[str, list[Act]] = defaultdict(list)
    for act in ledger.done():
        if act.version is not None and act.kind in ("create", "set", "add", "compare"):
            told[act.session].append(act)
    for session_id, acts in told.items():
        checked += len(acts)
        for version, count in Counter(act.version for act in acts).items():
            if count > 1:
                broken.append(f"{session_id}: {count} changes were acknowledged as version {version}")
        acts.sort(key=lambda act: act.version or 0)
        earliest = math.inf
        for act in reversed(acts):
            # An act with a lower version has to have begun before every one with a higher version was over.
            if act.called > earliest:
                broken.append(f"{session_id}: version {act.version} began after a later version was acknowledged")
            earliest = min(earliest, act.returned or math.inf)
    return Verdict(
        promise="linearizable", says="updates of a session have one order, and real time agrees with it",
        checked=checked, unit="versions told to clients", broken=tuple(broken),
    )  # fmt: skip


def fenced(ledger: Ledger, evidence: Evidence) -> Verdict:
    """No process that lost a run commits for it: steps are committed once each, in order, and the sums are right."""
    records, broken, checked = lives_of(evidence), [], 0
    for session_id, count in ledger.runs.items():
        session = evidence.sessions.get(session_id)
        record = records.get(session_id, [])
        steps = [event.data["step"] for event in record if event.type == "run.step"]
        checked += len(steps)
        for before, after in pairwise(steps):
            if after <= before:
                broken.append(f"{session_id}: step {after} was committed after step {before}")
        ends = sum(event.type == "run.completed" for event in record)
        if ends > 1:
            broken.append(f"{session_id}: its one run was completed {ends} times")
        if session is None or session.status in FINAL:
            continue
        total = session.state.get("sum")
        if ends == 1 and (total, session.step) != (sum(range(count)), count):
            broken.append(f"{session_id}: sum {total} at step {session.step}, not {sum(range(count))} at {count}")
    return Verdict(
        promise="fenced", says="a process that lost its run commits nothing for it any more",
        checked=checked, unit="committed steps", broken=tuple(broken),
    )  # fmt: skip


def steps(ledger: Ledger, evidence: Evidence) -> Verdict:
    """Every acknowledged run ends, and each of its steps has run at least once."""
    broken, checked = [], 0
    asked = {act.session for act in ledger.done() if act.kind == "run"}
    for session_id, count in ledger.runs.items():
        session = evidence.sessions.get(session_id)
        if session_id not in asked or session is None or session.status in FINAL:
            continue
        begun = ledger.steps.get(session_id, [])
        checked += len(begun)
        skipped = sorted(set(range(count)) - set(begun))
        if session.status.value != "active":
            broken.append(f"{session_id}: its run was acknowledged and is {session.status.value}: {session.error}")
        elif skipped:
            broken.append(f"{session_id}: steps {some(skipped)} of {count} never began")
    return Verdict(
        promise="steps", says="an acknowledged run ends, and each of its steps runs at least once",
        checked=checked, unit="steps begun", broken=tuple(broken),
    )  # fmt: skip


def final(ledger: Ledger, evidence: Evidence) -> Verdict:
    """Nothing that has ended or was deleted comes back by a late write."""
    records, broken, checked = records_of(evidence), [], 0
    for session_id, record in records.items():
        checked += sum(event.type in ("session.ended", "session.expired", "session.deleted") for event in record)
        now = None if session_id in evidence.past else evidence.sessions.get(session_id)
        broken += revivals(session_id, record, now)
    for act in ledger.done():
        session = evidence.sessions.get(act.session)
        if act.kind == "end" and ledger.complete and session is not None and session.status not in FINAL:
            broken.append(f"{act.session}: its end was acknowledged to {act.door}, and it is {session.status.value}")
    return Verdict(
        promise="final", says="what has ended or was deleted is never revived by a late write",
        checked=checked, unit="endings", broken=tuple(broken),
    )  # fmt: skip


def expiry(_: Ledger, evidence: Evidence) -> Verdict:
    """Nothing expires before its time."""
    records, broken, checked = lives_of(evidence), [], 0
    for session_id, record in records.items():
        session = evidence.sessions.get(session_id)
        if session is None:
            continue
        checked += sum(event.type == "session.expired" for event in record)
        broken += too_early(session, record)
    return Verdict(
        promise="expiry", says="no session expires before its time", checked=checked, unit="expired sessions",
        broken=tuple(broken),
    )  # fmt: skip


def counters(_: Ledger, evidence: Evidence) -> Verdict:
    """The counters that statistics read equal a recount of the sessions."""
    counted: Counter[str] = Counter()
    for session_id, session in evidence.sessions.items():
        if session_id in evidence.past:
            continue  # statistics count what the store itself keeps
        for name, value in deltas(None, session, 0.0).items():
            counted[name] += value  # type: ignore[assignment]
    names = {name for name in {*counted, *evidence.counters} if not name.startswith("minute:")}
    broken = [
        f"{name}: {evidence.counters.get(name, 0):g}, and a recount gives {counted.get(name, 0):g}"
        for name in sorted(names)
        if not math.isclose(evidence.counters.get(name, 0), counted.get(name, 0), rel_tol=1e-6, abs_tol=1e-3)
    ]
    return Verdict(
        promise="counters", says="the counters that statistics read equal a recount",
        checked=len(names), unit="counters", broken=tuple(broken),
    )  # fmt: skip


def events(_: Ledger, evidence: Evidence) -> Verdict:
    """A follower gets every event once and in order, and is told where some were trimmed before it came."""
    followed = evidence.followed
    none = Verdict(promise="events", says="events come in order, each of them, and a gap is told", checked=0,
                   unit="events followed")  # fmt: skip
    if followed is None:
        return replace(none, skipped="nobody followed")
    broken = (*out_of_order(evidence, followed), *missed(evidence, followed))
    return replace(none, checked=len(followed), broken=broken)


def groups(ledger: Ledger, evidence: Evidence) -> Verdict:
    """Groups count their members rightly, end all that are in them, and waits for them last as long as they have to."""
    broken = (
        *grouped.miscounted(evidence), *grouped.unkept(ledger, evidence), *grouped.untold(evidence),
        *grouped.left_open(ledger, evidence), *grouped.early_waits(ledger, evidence),
    )  # fmt: skip
    return Verdict(
        promise="groups", says="groups count their members, and an ended one has no live member from before",
        checked=len(grouped.members(evidence)), unit="members", broken=broken,
    )  # fmt: skip


def audit(ledger: Ledger, evidence: Evidence) -> Verdict:
    """Every change is one audit record, every refusal one too, and their chain is as it was written."""
    none = Verdict(promise="audit", says="every change and every refusal is one audit record, in an unbroken chain",
                   checked=0, unit="audit records")  # fmt: skip
    records = evidence.audit
    if records is None:
        return replace(none, skipped="it was not read")
    chain = (evidence.audit_break,) if evidence.audit_break else ()
    return replace(none, checked=len(records), broken=(*chain, *untold(evidence, records), *unsaid(ledger, records)))


PROMISES: tuple[Check, ...] = (
    versions, acknowledged, linearizable, fenced, steps, final, expiry, counters, groups, events, audit,
)  # fmt: skip
"""In the order in which they are told."""
