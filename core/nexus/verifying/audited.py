"""Whether the audit tells of every change once, and of every refusal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from nexus.model.audit import AuditRecord
from nexus.verifying.evidence import Evidence
from nexus.verifying.following import some
from nexus.verifying.ledger import Ledger


def untold(evidence: Evidence, records: tuple[AuditRecord, ...]) -> Iterator[str]:
    """Where commits of stored sessions and records of changes are not one to one."""
    told: Counter[tuple[str, int]] = Counter()
    for record in records:
        if record.target_kind != "session" or record.outcome != "done":
            continue
        if record.action == "delete":
            # What follows is of another session of that id.
            for version in range(1, (record.version_before or 0) + 1):
                del told[record.target, version]
        else:
            told[record.target, record.version_after or 0] += 1
    for session_id, session in evidence.sessions.items():
        versions = range(1, session.version + 1)
        missing = [version for version in versions if not told[session_id, version]]
        if missing:
            yield f"{session_id}: no audit record tells of version {some(missing)}"
        twice = [version for version in versions if told[session_id, version] > 1]
        if twice:
            yield f"{session_id}: several audit records tell of version {some(twice)}"
    ahead = sorted({target for target, version in told if _beyond(evidence, target, version)})
    if ahead:
        yield f"{some(ahead)}: audit records tell of versions that there are not"


def _beyond(evidence: Evidence, target: str, version: int) -> bool:
    session = evidence.sessions.get(target)
    return session is not None and version > session.version


def unsaid(ledger: Ledger, records: tuple[AuditRecord, ...]) -> Iterator[str]:
    """Refusals that clients were told of and the audit was not."""
    told = Counter((record.target, record.code) for record in records if record.outcome == "refused")
    refused = Counter((act.session, act.code) for act in ledger.acts if act.outcome == "refused")
    for (session_id, code), count in refused.items():
        known = told[session_id, code]
        if known < count:
            yield f"{session_id}: {count} changes were refused ({code}), and the audit tells of {known}"
