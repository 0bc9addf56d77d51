"""Whether the audit tells of every change once, and of every refusal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from nexus.model.audit import AuditRecord
from nexus.verifying.evidence import Evidence, restorations, versions_of
from nexus.verifying.following import some
from nexus.verifying.ledger import Ledger


def untold(evidence: Evidence, records: tuple[AuditRecord, ...]) -> Iterator[str]:
    """Where commits of stored sessions and groups, and records of changes, are not one to one."""
    told: defaultdict[str, Counter[int]] = defaultdict(Counter)
    groups: defaultdict[str, list[AuditRecord]] = defaultdict(list)
    for record in records:
        if record.target_kind == "group" and record.outcome == "done":
            groups[record.target].append(record)
        if record.target_kind != "session" or record.outcome != "done":
            continue
        if record.action != "delete":
            told[record.target][record.version_after or 0] += 1
        elif record.target not in evidence.past:
            # What follows is of another session of that id.
            told.pop(record.target, None)
    for session_id, session in evidence.sessions.items():
        gaps = restorations(evidence.events.get(session_id, ()))
        yield from _not_once(session_id, versions_of(session.version, gaps), told[session_id])
    for group_id, group in evidence.groups.items():
        of_it = groups[group_id]
        made = versions_of(group.version, _restored(of_it))
        yield from _not_once(group_id, made, Counter(record.version_after or 0 for record in of_it))
    ahead = sorted(target for target, versions in told.items() if _beyond(evidence, target, versions))
    if ahead:
        yield f"{some(ahead)}: audit records tell of versions that there are not"


def _restored(records: Iterable[AuditRecord]) -> Iterator[tuple[int, int]]:
    """Where a group went on after a loss: behind the version that was told last before it."""
    last = 0
    for record in records:
        if record.action == "restore":
            yield last, record.version_after or 0
        last = record.version_after or 0


def _not_once(subject: str, made: set[int], told: Counter[int]) -> Iterator[str]:
    """Which versions no record tells of, and which several do."""
    missing = [version for version in sorted(made) if not told[version]]
    if missing:
        yield f"{subject}: no audit record tells of version {some(missing)}"
    twice = [version for version in sorted(made) if told[version] > 1]
    if twice:
        yield f"{subject}: several audit records tell of version {some(twice)}"


def _beyond(evidence: Evidence, target: str, versions: Counter[int]) -> bool:
    session = evidence.sessions.get(target)
    return session is not None and max(versions, default=0) > session.version


def unsaid(ledger: Ledger, records: tuple[AuditRecord, ...]) -> Iterator[str]:
    """Refusals that clients were told of and the audit was not."""
    told = Counter((record.target, record.code) for record in records if record.outcome == "refused")
    # Who waits changes nothing.
    refused = Counter((act.subject, act.code) for act in ledger.acts if act.outcome == "refused" and act.kind != "wait")
    for (subject, code), count in refused.items():
        known = told[subject, code]
        if known < count:
            yield f"{subject}: {count} changes were refused ({code}), and the audit tells of {known}"
