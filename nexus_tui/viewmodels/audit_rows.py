"""Audit records as rows of a table, and one of them in words."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from nexus.model.audit import AuditRecord, AuditVerdict
from nexus_tui.audit.book import key_of
from nexus_tui.viewmodels.words import NOTHING, channel_tone, moment, plural
from nexus_widgets import Column, Row, Toned, clean, duration

AUDIT_COLUMNS = (
    Column("time", "TIME", 11, sortable=False, priority=9),
    Column("actor", "ACTOR", 14, min_width=12, flex=1, max_width=24, sortable=False, priority=7),
    Column("channel", "CH", 4, sortable=False, priority=4),
    Column("action", "ACTION", 18, min_width=14, sortable=False, priority=8),
    Column("target", "TARGET", 20, "middle", min_width=14, flex=2, max_width=40, sortable=False, priority=8),
    Column("version", "VERSION", 9, sortable=False, priority=3),
    Column("reason", "REASON", 16, min_width=14, flex=6, sortable=False, priority=6),
    Column("seq", "NO.", 8, "right", sortable=False, priority=2),
)
_DAY = 86_400.0
_HEAD = 12
"""Characters of a hash that are shown where it only has to be told from others."""


def audit_row(record: AuditRecord, now: float) -> Row:
    """A record's row; its key is its number in its chain. Refused ones are in another tone, and say so.

    Args:
        record: The record; all its texts are cleaned.
        now: Seconds since the epoch, to leave the day out of today's times.
    """
    refused = record.outcome != "done"
    return Row(
        key_of(record),
        (
            Toned(_time(record.at, now), "bad" if refused else "muted"),
            clean(record.actor, limit=80),
            Toned(clean(record.channel, limit=20), channel_tone(record.channel)),
            Toned(f"{'✖' if refused else '✓'} {clean(record.action, limit=40)}", "bad" if refused else "plain"),
            target_words(record),
            Toned(versions(record), "muted"),
            Toned(_why(record) or NOTHING, "bad" if refused else "muted"),
            Toned(number(record), "muted"),
        ),
    )


def target_words(record: AuditRecord) -> str:
    """What it is about: a session by its id alone, anything else with what it is."""
    target = clean(record.target, limit=200)
    if record.target_kind == "session":
        return target or NOTHING
    return f"{clean(record.target_kind, limit=20)} {target}".rstrip()


def versions(record: AuditRecord) -> str:
    """The versions before and after: ``41 → 42``; only what is known of them."""
    before, after = record.version_before, record.version_after
    if before is None and after is None:
        return NOTHING
    shown = [NOTHING if each is None else f"{each}" for each in (before, after)]
    return f"{shown[0]} → {shown[1]}"


def number(record: AuditRecord) -> str:
    """Its number, with its chain where there are several."""
    return f"{clean(record.chain, limit=20)}:{record.seq}" if record.chain else f"{record.seq}"


def record_words(record: AuditRecord, now: float) -> list[tuple[str, Toned]]:
    """All that a record says, as labelled facts.

    Args:
        record: The record.
        now: Seconds since the epoch.
    """
    refused = record.outcome != "done"
    outcome = f"✖ refused: {clean(record.code or 'without a code', limit=60)}" if refused else "✓ done"
    chain = f" of chain {clean(record.chain, limit=20)}" if record.chain else ""
    return [
        ("when", Toned(f"{moment(record.at)}, {duration(max(now - record.at, 0.0))} ago")),
        ("actor", Toned(clean(record.actor, limit=200))),
        ("channel", Toned(clean(record.channel, limit=40), channel_tone(record.channel))),
        ("action", Toned(clean(record.action, limit=60))),
        (clean(record.target_kind, limit=11) or "target", Toned(clean(record.target, limit=500) or NOTHING)),
        ("outcome", Toned(outcome, "bad" if refused else "good")),
        ("reason", Toned(clean(record.reason, limit=600) if record.reason else NOTHING, "bad" if refused else "plain")),
        ("version", Toned(versions(record))),
        ("number", Toned(f"{record.seq:,}{chain}")),
        ("hash", Toned(clean(record.hash, limit=130), "muted")),
    ]


def record_text(record: AuditRecord) -> str:
    """A record as JSON in ASCII, for the clipboard: nothing in it acts on where it is pasted."""
    return json.dumps(record.to_dict())


def verdict_words(verdict: AuditVerdict) -> Toned:
    """What came of a verification, on one line.

    Args:
        verdict: What came of it.
    """
    if verdict.broken is not None:
        broken = verdict.broken
        where = f"chain {clean(broken.chain, limit=20)}, " if broken.chain else ""
        problem, detail = clean(broken.problem, limit=40), clean(broken.detail, limit=300)
        return Toned(f"broken: {where}record {broken.seq:,} {problem}: {detail}", "bad")
    heads = [head for head in verdict.heads if head.count]
    if len(heads) == 1:
        head = f", head {clean(f'{heads[0].count}:{heads[0].hash[:_HEAD]}')}…"
    else:
        head = f", {len(heads):,} chains" if heads else ""
    gone = sum(trim.count for trim in verdict.trimmed)
    trimmed = f", {gone:,} before trimmed" if gone else ""
    return Toned(f"whole: {plural(verdict.records, 'record')}{trimmed}{head}", "good")


def _why(record: AuditRecord) -> str:
    reason = clean(record.reason, limit=300) if record.reason else ""
    if record.code is None:
        return reason
    return f"{clean(record.code, limit=60)}: {reason}" if reason else clean(record.code, limit=60)


def _time(at: float, now: float) -> str:
    """The time of day, in UTC; with the day where it isn't today's."""
    when = datetime.fromtimestamp(at, UTC)
    today = at // _DAY == now // _DAY
    return f"{when:%H:%M:%S}" if today else f"{when:%m-%d %H:%M}"
