"""Why a session stands where it stands: who holds it, what it waits for, when it ends, and what would help.

Pure: records in, words out. What can't be known from the records is said to be unknown, never guessed. Every text
from a session is cleaned here; the commands are lists of arguments, to be quoted by who shows them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from nexus.model import FINAL, RUNNING, Event, Run, Session, Status, Worker
from nexus_tui.viewmodels.words import STATUS_MARKS, moment, plural, since, until
from nexus_widgets import Tone, Toned, clean, duration

SOON = 300.0
"""Seconds before its end from which a session is told to expire soon."""
_QUIET = 120.0
"""Seconds without any commit after which a run that is executed may hang."""
_PATIENCE = 30.0
"""Seconds within which a live process takes up what waits for one: ``recovery_interval``, if nobody changed it."""
_NEAR = 0.01
"""Seconds between two times that are the same one: an answer's times have six places."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a session, as of ``now`` (seconds since the epoch)."""

    session: Session
    run: Run | None
    workers: Sequence[Worker]
    events: Sequence[Event]
    """Its newest events, ascending."""
    now: float


@dataclass(frozen=True, slots=True)
class Remedy:
    """Something that would help: what it does, and the command that does it (arguments behind ``nexus``)."""

    text: str
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer: one sentence, what it rests on, and what would help."""

    session_id: str
    verdict: Toned
    facts: tuple[tuple[str, Toned], ...] = ()
    remedies: tuple[Remedy, ...] = ()


@dataclass
class _Draft:
    """An explanation while it is put together."""

    verdict: Toned = field(default_factory=lambda: Toned(""))
    facts: list[tuple[str, Toned]] = field(default_factory=list)
    remedies: list[Remedy] = field(default_factory=list)

    def tell(self, label: str, text: str, tone: Tone = "plain") -> None:
        self.facts.append((label, Toned(text, tone)))

    def help(self, text: str, *command: str) -> None:
        self.remedies.append(Remedy(text, command))


def explain(it: Evidence) -> Explanation:
    """Say why a session stands where it stands.

    Args:
        it: All that is known.
    """
    draft = _Draft()
    status = Status.EXPIRED if it.session.is_due(it.now) else it.session.status
    _SAY[status](it, draft)
    _tell_expiry(it, draft, status)
    _tell_queue(it, draft)
    return Explanation(it.session.id, draft.verdict, tuple(draft.facts), tuple(draft.remedies))


# Where it stands


def _active(it: Evidence, draft: _Draft) -> None:
    session, at = it.session, it.session.expires_at
    if at is not None and at - it.now < SOON:
        draft.verdict = Toned(f"Nothing runs in it, and it expires in {until(at, it.now)}", "warn")
        draft.help("keep it for ten minutes more", "sessions", "extend", session.id, "--seconds", "600")
    else:
        draft.verdict = Toned("It is open and nothing runs in it: it waits for whoever uses it next", "good")
    draft.tell("last run", _last_run(it))
    if session.workflow is not None:
        draft.help("run its workflow again", "run", session.workflow, "--session", session.id)
    draft.help("end it", "sessions", "end", session.id)


def _in_progress(it: Evidence, draft: _Draft) -> None:
    run = it.run
    if run is None:
        draft.verdict = Toned("A run is live, but its record was not told", "warn")
        return
    draft.tell("run", f"{_name(run.workflow)}, step {it.session.step}, started {since(run.started_at, it.now)} ago")
    _tell_progress(it, draft, run)
    if not run.worker:
        _untaken(it, draft, run)
    else:
        _taken(it, draft, run)
    if run.recoveries:
        draft.tell("recoveries", f"{run.recoveries} in a row without progress: its process died each time", "warn")
    draft.help("stop it", "sessions", "end", it.session.id, "--status", "cancelled")


def _untaken(it: Evidence, draft: _Draft, run: Run) -> None:
    waits_since = max(it.session.last_activity, run.started_at)
    waiting = since(waits_since, it.now)
    able = [worker for worker in it.workers if worker.alive and run.workflow in worker.workflows]
    draft.tell("held by", "nobody", "warn")
    if able:
        draft.verdict = Toned(f"Its run has waited for its turn for {waiting}", "info")
        draft.tell("could run it", _names(able))
        draft.help("give it more processes", "worker")
        return
    if it.now - waits_since < _PATIENCE:
        # A process that was just started, or starts again, is not there yet.
        draft.verdict = Toned(f"Its run has waited for {waiting}: nobody that is alive can run it yet", "warn")
    else:
        draft.verdict = Toned(f"Stuck for {waiting}: nobody that is alive can run {_name(run.workflow)}", "bad")
    _tell_the_living(it, draft)
    draft.help(f"start a process that knows {_name(run.workflow)}", "worker", "--app", "MODULE:ATTR")


def _taken(it: Evidence, draft: _Draft, run: Run) -> None:
    holder = next((worker for worker in it.workers if worker.id == run.worker), None)
    taken = since(run.taken_at if run.taken_at is not None else run.started_at, it.now)
    if holder is None:
        draft.verdict = Toned("Its process is gone: any live one that knows the workflow takes the run over", "warn")
        draft.tell("held by", f"{clean(run.worker, limit=80)}, for {taken}; no such process beats any more", "warn")
        _help_recovery(it, draft, run)
        return
    draft.tell("held by", f"{_place(holder)}, for {taken}", "plain" if holder.alive else "warn")
    draft.tell("its beat", f"{since(holder.seen_at, it.now)} ago, {'alive' if holder.alive else 'its lease ran out'}",
               "good" if holder.alive else "bad")  # fmt: skip
    if not holder.alive:
        draft.verdict = Toned("Its process stopped beating: any live one that knows the workflow takes over", "bad")
        _help_recovery(it, draft, run)
        return
    quiet = it.now - it.session.last_activity
    if quiet >= _QUIET:
        draft.verdict = Toned(f"Its process lives, but nothing was committed for {duration(int(quiet))}", "warn")
        draft.help("see what it did last", "events", "--session", it.session.id)
    else:
        draft.verdict = Toned(f"It runs: its process is alive and last committed {duration(int(quiet))} ago", "good")


def _help_recovery(it: Evidence, draft: _Draft, run: Run) -> None:
    able = [each for each in it.workers if each.alive and run.workflow in each.workflows and each.id != run.worker]
    if able:
        draft.tell("takes over", _names(able))
        return
    seen = next((each.seen_at for each in it.workers if each.id == run.worker), 0.0)
    if it.now - max(it.session.last_activity, seen) < _PATIENCE:
        draft.verdict = Toned("Its process is gone, and nobody that is alive can run it yet", "warn")
    else:
        draft.verdict = Toned(f"Stuck: its process died and nobody that is alive can run {_name(run.workflow)}", "bad")
    _tell_the_living(it, draft)
    draft.help(f"start a process that knows {_name(run.workflow)}", "worker", "--app", "MODULE:ATTR")


def _suspended(it: Evidence, draft: _Draft) -> None:
    wait = it.run.wait if it.run is not None else None
    if wait is None:
        draft.verdict = Toned("Its run waits; for what was not told", "warn")
        return
    name = clean(wait.signal, limit=80)
    draft.verdict = Toned(f"It has waited for the signal {name} for {since(wait.since, it.now)}", "warn")
    if wait.deadline is None:
        draft.tell("deadline", "none: it waits for ever")
    elif wait.deadline > it.now:
        draft.tell("deadline", f"{moment(wait.deadline)}, in {until(wait.deadline, it.now)}: then it goes on without")
    else:
        _overdue(it, draft, name, wait.deadline)
    signalled = [event for event in it.events if event.type == "session.signalled" and event.ts >= wait.since]
    if signalled:
        left = ", ".join(dict.fromkeys(clean(event.data.get("name", "?"), limit=40) for event in signalled[-5:]))
        draft.tell("signals left", f"{left}, none of them is the one" if wait.signal not in
                   {event.data.get("name") for event in signalled} else left)  # fmt: skip
    draft.help("give the signal", "sessions", "signal", it.session.id, wait.signal, "--payload", "null")
    draft.help("give up on it", "sessions", "end", it.session.id, "--status", "cancelled")


def _overdue(it: Evidence, draft: _Draft, name: str, deadline: float) -> None:
    late = since(deadline, it.now)
    if it.now - deadline < _PATIENCE:
        draft.verdict = Toned(f"Its wait for {name} ended {late} ago: it goes on once a process looks after it", "warn")
        draft.tell("deadline", f"{moment(deadline)}, {late} ago")
        return
    draft.verdict = Toned(f"Stuck: it should have gone on without {name} {late} ago, and nobody looked", "bad")
    draft.tell("deadline", f"{moment(deadline)}, {late} ago", "bad")
    _tell_the_living(it, draft)
    draft.help("start a process that looks after it", "worker", "--app", "MODULE:ATTR")


def _failed(it: Evidence, draft: _Draft) -> None:
    session, run = it.session, it.run
    error = clean(session.error or "no error was told", limit=300)
    at = run.ended_at if run is not None and run.ended_at is not None else session.last_activity
    draft.verdict = Toned(f"Its run failed {since(at, it.now)} ago at step {session.step}: {error}", "bad")
    draft.tell("last run", _last_run(it))
    if session.error is not None and session.error.startswith("poisoned:"):
        draft.tell("poisoned", "each process that took it died with it: mend the workflow before it is resumed", "bad")
    earlier = sum(event.type == "run.failed" for event in it.events) - 1
    if earlier > 0:
        draft.tell("failed before", f"{plural(earlier, 'time')} among its newest {len(it.events)} events")
    draft.help("go on where it was", "sessions", "resume", session.id)
    if session.last_checkpoint is not None:
        draft.help(f"go on from {session.last_checkpoint}", "sessions", "resume", session.id,
                   "--checkpoint", session.last_checkpoint)  # fmt: skip
        draft.help("try in a copy", "sessions", "fork", session.id, "--checkpoint", session.last_checkpoint)
    draft.help("see what led to it", "events", "--session", session.id)


def _expired(it: Evidence, draft: _Draft) -> None:
    session = it.session
    at = session.ended_at if session.ended_at is not None else session.expires_at
    draft.verdict = Toned(f"It expired {since(at, it.now)} ago: {_rule(session)}", "warn")
    draft.tell("last run", _last_run(it))
    draft.help("bring it back and go on", "sessions", "resume", session.id)
    draft.help("go on in a copy", "sessions", "fork", session.id)


def _ended(it: Evidence, draft: _Draft) -> None:
    session = it.session
    mark = STATUS_MARKS[session.status]
    ended = next((event for event in reversed(it.events) if event.type == "session.ended"), None)
    by = f" by {clean(ended.actor, limit=60)} ({clean(ended.channel or '', limit=20)})" if ended and ended.actor else ""
    draft.verdict = Toned(f"It was ended as {mark.word} {since(session.ended_at, it.now)} ago{by}", "muted")
    if ended is not None and ended.data.get("reason"):
        draft.tell("reason", clean(ended.data["reason"], limit=300))
    draft.tell("last run", _last_run(it))
    if session.status is Status.CANCELLED:
        draft.help("go on all the same, until it is cleaned up", "sessions", "resume", session.id)
    draft.help("go on in a copy", "sessions", "fork", session.id)


_SAY: dict[Status, Callable[[Evidence, _Draft], None]] = {
    Status.ACTIVE: _active,
    Status.IN_PROGRESS: _in_progress,
    Status.SUSPENDED: _suspended,
    Status.FAILED: _failed,
    Status.EXPIRED: _expired,
    Status.COMPLETED: _ended,
    Status.CANCELLED: _ended,
}


# What all have


def _tell_expiry(it: Evidence, draft: _Draft, status: Status) -> None:
    session, at = it.session, it.session.expires_at
    if status in FINAL:
        return
    if at is None:
        rest = ": a session doesn't expire by idling while a run is live" if session.status in RUNNING else ""
        draft.tell("expires", f"never{rest}")
        return
    soon = at - it.now < SOON
    draft.tell("expires", f"{moment(at)}, in {until(at, it.now)}: {_rule(session)}", "warn" if soon else "plain")
    if soon and status is not Status.ACTIVE:
        draft.help("keep it for ten minutes more", "sessions", "extend", session.id, "--seconds", "600")


def _rule(session: Session) -> str:
    """By which rule it expires, from its public times only: those are all that a server tells."""
    at = session.expires_at if session.expires_at is not None else session.ended_at
    if at is None:
        return "by no rule"
    if session.max_age is not None and abs(session.created_at + session.max_age - at) < _NEAR:
        return f"its max age of {duration(session.max_age)} from its start, whatever it does"
    if session.status in RUNNING:
        return "its max age, which somebody extended"
    if session.timeout is not None and abs(session.last_activity + session.timeout - at) < _NEAR:
        return f"its time-out of {duration(session.timeout)} without use"
    return "its time-out, which somebody extended" if session.status is not Status.EXPIRED else "its time was over"


def _tell_queue(it: Evidence, draft: _Draft) -> None:
    """Runs that wait for their turn, as far as the newest events tell of them."""
    waiting: dict[str, str] = {}
    for event in it.events:
        run_id = str(event.data.get("run_id", ""))
        if event.type == "run.queued":
            waiting[run_id] = clean(event.data.get("workflow", "?"), limit=60)
        elif event.type in ("run.started", "run.cancelled", "run.settled"):
            waiting.pop(run_id, None)
    waiting.pop(it.session.run_id or "", None)
    if waiting and it.session.status in RUNNING:
        draft.tell("queue", f"{plural(len(waiting), 'run')} behind this one: {', '.join(list(waiting.values())[:5])}")
    elif it.run is not None and it.run.followed:
        draft.tell("queue", "runs wait behind this one")


def _tell_progress(it: Evidence, draft: _Draft, run: Run) -> None:
    said = run.progress
    if said is not None:
        total = "" if said.total is None else f" of {said.total:g}"
        note = f"  {clean(said.note, limit=120)}" if said.note else ""
        draft.tell("progress", f"{said.done:g}{total}{note}")
    draft.tell("last commit", f"{since(it.session.last_activity, it.now)} ago")


def _tell_the_living(it: Evidence, draft: _Draft) -> None:
    alive = [worker for worker in it.workers if worker.alive]
    if not alive:
        draft.tell("processes", "none is alive on this store", "bad")
        return
    for worker in alive[:3]:
        known = ", ".join(clean(name, limit=40) for name in worker.workflows[:6]) or "no workflow"
        more = f" and {len(worker.workflows) - 6} more" if len(worker.workflows) > 6 else ""
        draft.tell("alive", f"{_place(worker)} knows {known}{more}")
    if len(alive) > 3:
        draft.tell("alive", f"and {len(alive) - 3} more")


def _last_run(it: Evidence) -> str:
    run = it.run
    if run is None:
        return "none yet"
    ended = f", ended {since(run.ended_at, it.now)} ago" if run.ended_at is not None else ""
    return f"{_name(run.workflow)} {run.status.value.replace('_', ' ')}{ended}, step {it.session.step}"


def _name(workflow: str) -> str:
    return clean(workflow, limit=60)


def _place(worker: Worker) -> str:
    return f"pid {worker.pid} on {clean(worker.host, limit=60)} ({clean(worker.id, limit=40)})"


def _names(workers: Sequence[Worker]) -> str:
    shown = ", ".join(f"pid {worker.pid} on {clean(worker.host, limit=40)}" for worker in workers[:3])
    return f"{shown} and {len(workers) - 3} more" if len(workers) > 3 else shown
