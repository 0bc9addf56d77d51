"""One session in words: its headline, and its record as labelled facts."""

from __future__ import annotations

from nexus.model import Run, Session, Status
from nexus_tui.viewmodels.words import NOTHING, STATUS_MARKS, channel_path, channel_tone, moment, since, span, until
from nexus_widgets import Toned, clean, duration

Fact = tuple[str, Toned]


def headline(session: Session, now: float) -> tuple[Toned, ...]:
    """What the first line of a session's screen says.

    Args:
        session: The session.
        now: Seconds since the epoch.
    """
    mark = STATUS_MARKS[Status.EXPIRED if session.is_due(now) else session.status]
    parts = [Toned(f"{clean(session.id, limit=128)}  ", "plain"), Toned(f"{mark.text}  ", mark.tone)]
    if session.workflow:
        parts.append(Toned(f"{clean(session.workflow, limit=60)}  ", "plain"))
    tone = channel_tone(session.channels[-1] if session.channels else None)
    parts.append(Toned(f"{channel_path(session.channels)}  ", tone))
    parts.append(Toned(f"step {session.step}  v{session.version}", "muted"))
    return tuple(parts)


def subline(session: Session, now: float) -> tuple[Toned, ...]:
    """What the second line says: why it failed, if it has; then its times and lineage.

    Args:
        session: The session.
        now: Seconds since the epoch.
    """
    expiry = "" if session.ended_at is not None else f"  expires {until(session.expires_at, now)}"
    parts = [
        Toned(f" age {since(session.created_at, now)}{expiry}  used {since(session.last_activity, now)} ago", "muted")
    ]
    named = (("user", session.user_id), ("group", session.group_id), ("parent", session.parent_id))
    parts += [Toned(f"  {label} {clean(value, limit=60)}", "muted") for label, value in named if value is not None]
    if session.error:
        parts.insert(0, Toned(f" {clean(session.error, limit=120)} ", "bad"))
    return tuple(parts)


def facts(session: Session, run: Run | None, now: float) -> list[Fact]:
    """The record and its last run, labelled.

    Args:
        session: The session.
        run: Its current or last run, if it had one.
        now: Seconds since the epoch.
    """
    mark = STATUS_MARKS[Status.EXPIRED if session.is_due(now) else session.status]
    found: list[Fact] = [
        ("id", _text(session.id)),
        ("status", Toned(mark.text, mark.tone)),
        ("created", Toned(f"{moment(session.created_at)}  {since(session.created_at, now)} ago")),
        ("last used", Toned(f"{moment(session.last_activity)}  {since(session.last_activity, now)} ago")),
        ("expires", _expiry(session, now)),
        ("ended", Toned(moment(session.ended_at))),
        ("duration", Toned(span(session.duration))),
        ("channels", Toned(channel_path(session.channels), channel_tone(session.channel))),
        ("user", _text(session.user_id)),
        ("owner", _text(session.owner)),
        ("group", _text(session.group_id)),
        ("parent", _text(session.parent_id)),
        ("checkpoint", _text(session.last_checkpoint)),
        ("time-out", Toned(_limit(session.timeout))),
        ("max age", Toned(_limit(session.max_age))),
        ("version", Toned(f"{session.version}")),
    ]
    if session.forked_from is not None:
        source, number = session.forked_from
        where = f" at checkpoint-{number}" if number else ""
        found.append(("forked from", Toned(f"{clean(source, limit=128)}{where}")))
    if session.error:
        found.append(("error", Toned(clean(session.error, limit=2000), "bad")))
    return found + (_run_facts(run, now) if run is not None else [])


def _run_facts(run: Run, now: float) -> list[Fact]:
    found: list[Fact] = [
        ("run", _text(run.id)),
        ("workflow", _text(run.workflow)),
        ("run status", Toned(run.status.value.replace("_", " "))),
        ("started", Toned(f"{moment(run.started_at)}  {since(run.started_at, now)} ago")),
        ("run ended", Toned(moment(run.ended_at))),
        ("inputs", Toned(clean(run.inputs_json.decode("utf-8", "replace"), limit=500))),
    ]
    if run.outputs_json is not None:
        found.append(("outputs", Toned(clean(run.outputs_json.decode("utf-8", "replace"), limit=500))))
    if run.wait is not None:
        found.append(("waits for", Toned(clean(run.wait.signal, limit=100), "warn")))
    if run.progress is not None:
        total = "" if run.progress.total is None else f" of {run.progress.total:g}"
        note = f"  {clean(run.progress.note, limit=200)}" if run.progress.note else ""
        found.append(("progress", Toned(f"{run.progress.done:g}{total}{note}")))
    if run.recoveries:
        found.append(("recoveries", Toned(f"{run.recoveries}", "warn")))
    return found


def _text(value: str | None) -> Toned:
    return Toned(NOTHING, "muted") if value is None else Toned(clean(value, limit=300))


def _limit(seconds: float | None) -> str:
    return "never" if not seconds else duration(seconds)


def _expiry(session: Session, now: float) -> Toned:
    at = session.expires_at
    if at is None:
        return Toned("never")
    return Toned(
        f"{moment(at)}  in {until(at, now)}" if at > now else moment(at), "warn" if at - now < 300 else "plain"
    )
