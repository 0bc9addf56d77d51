"""What came of a run: as callers get it, and as an idempotency key keeps it."""

from __future__ import annotations

import hashlib

import msgspec

from nexus.model import Run, RunResult, RunStatus, Session, jsonvalue
from nexus.model.change import Claim, Snapshot

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(RunResult)


def idempotency_claim(session_id: str, key: str) -> str:
    """The claim under which an idempotency key's outcome is kept; it shows where the session's id ends."""
    return f"idem:{session_id.replace(':', '%3A')}:{key}"


def session_of_key(actor: str, workflow: str, key: str) -> str:
    """The id of the session that a key makes which was given without one: the same for each repeat of the call, so that
    who never got the answer, and knows no session, gets it then."""
    digest = hashlib.sha256(f"{actor}\0{workflow}\0{key}".encode()).hexdigest()
    return f"sess_{digest[:26]}"


def pending(run_id: str) -> str:
    """The claim's value while the run that it started is not over."""
    return f"run:{run_id}"


def pending_run(value: str) -> str | None:
    """The run that a claim's value points to; ``None`` once it holds the outcome."""
    return value.removeprefix("run:") if value.startswith("run:") else None


def settled(session: Session, run: Run | None) -> tuple[Claim, ...]:
    """The claim that keeps the outcome of a run that is over, if it was started under a key."""
    if run is None or run.idempotency_key is None:
        return ()
    value = _encoder.encode(result(session, run)).decode()
    key = idempotency_claim(session.id, run.idempotency_key)
    return (Claim(key=key, value=value, expected=pending(run.id)),)


def reclaimed(session: Session, run: Run | None) -> tuple[Claim, ...]:
    """The claim that waits for the outcome again, for a run that had been stopped and goes on as if it had not."""
    if run is None or run.idempotency_key is None:
        return ()
    (kept_now,) = settled(session, run)
    return (Claim(key=kept_now.key, value=pending(run.id), expected=kept_now.value),)


def kept(value: str) -> RunResult:
    """The outcome that a claim's value holds."""
    return _decoder.decode(value)


def result(session: Session, run: Run) -> RunResult:
    """The outcome of a run as it stands."""
    return RunResult(
        session_id=session.id, run_id=run.id, workflow=run.workflow, status=run.status,
        outputs=None if run.outputs_json is None else jsonvalue.trusted(run.outputs_json), error=run.error,
        step=session.step, last_checkpoint=session.last_checkpoint,
    )  # fmt: skip


def result_of(snapshot: Snapshot) -> RunResult:
    """The outcome of a session's last run; of one that never had any, an empty success."""
    session, run = snapshot.session, snapshot.run
    if run is None:
        return RunResult(session_id=session.id, run_id="", workflow="", status=RunStatus.COMPLETED)
    return result(session, run)


def claimed(session: Session, run_id: str, key: str | None) -> tuple[Claim, ...]:
    """The claim with which a run begins under an idempotency key, if it has one."""
    return () if key is None else (Claim(key=idempotency_claim(session.id, key), value=pending(run_id)),)
