"""A session's run and state as they were, and what of them is not known."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from nexus.errors import CheckpointNotFound
from nexus.model import Checkpoint, Event, Progress, Run, RunStatus
from nexus_tui.replay.folding import fold_run

Load = Callable[[str], Awaitable[Checkpoint]]
"""Reads a checkpoint of the session."""


@dataclass(frozen=True, slots=True)
class StateThen:
    """A state; ``note`` says what of it is not known, and is empty where it is exact."""

    state_json: bytes
    note: str = ""


def run_then(today: Run | None, events: Sequence[Event], after: Sequence[Event]) -> Run | None:
    """The run that was the last one then.

    Args:
        today: The run that is the last one now: what never changes is taken from it, where it is the same.
        events: The session's, up to then.
        after: Its events since.
    """
    run: Run | None = None
    progress: Progress | None = None
    for event in events:
        before = run
        run = fold_run(event, run)
        if run is not None and (before is None or before.id != run.id):
            progress = None
        if event.type == "run.progress":
            progress = _progress(event)
    if run is None:
        # A fork has the run of its source until one of its own begins.
        return today if fold_all(after) is None else None
    run = replace(run, progress=progress)
    if today is None or today.id != run.id:
        return run
    done = run.status is RunStatus.COMPLETED
    return replace(
        run, inputs_json=today.inputs_json, started_at=today.started_at, channel=today.channel, actor=today.actor,
        checkpoint_interval=today.checkpoint_interval, outputs_json=today.outputs_json if done else None,
    )  # fmt: skip


def fold_all(events: Sequence[Event]) -> Run | None:
    """The run that events tell of, the last one of several."""
    run: Run | None = None
    for event in events:
        run = fold_run(event, run)
    return run


def _progress(event: Event) -> Progress | None:
    done, total, note = (event.data.get(name) for name in ("done", "total", "note"))
    if not isinstance(done, int | float):
        return None
    known = total if isinstance(total, int | float) else None
    return Progress(done=done, total=known, note=note if isinstance(note, str) else None)


async def state_then(events: Sequence[Event], after: Sequence[Event], today: bytes, load: Load) -> StateThen:
    """The state that a session had: that of its last checkpoint, unless it was patched since.

    Args:
        events: The session's, up to then.
        after: Its events since.
        today: Its state now.
        load: Reads a checkpoint.
    """
    if not any(map(_changes_state, after)):
        return StateThen(today)
    patched: list[str] = []
    for event in reversed(events):
        checkpoint = event.data.get("checkpoint_id")
        if event.type == "session.updated":
            patched += [str(key) for key in event.data.get("keys", ())]
        elif event.type in ("checkpoint.saved", "session.resumed") and isinstance(checkpoint, str):
            return await _of_checkpoint(checkpoint, patched, load)
        elif event.type == "session.created" and "forked_from" in event.data:
            # A fork of a checkpoint begins with one of its own; one of a state at hand does not.
            return await _of_checkpoint("checkpoint-1", patched, load, made=event.ts)
    return StateThen(b"{}", "what it was created with is not kept" + _but(patched))


async def _of_checkpoint(name: str, patched: list[str], load: Load, made: float | None = None) -> StateThen:
    try:
        found = await load(name)
    except CheckpointNotFound:
        return StateThen(b"{}", f"{name} is no longer kept{_but(patched)}")
    if made is not None and found.created_at != made:
        return StateThen(b"{}", f"what it was created with is not kept{_but(patched)}")
    state = found.state_json if found.state_json is not None else b"{}"
    return StateThen(state, f"that of {name}{_but(patched)}" if patched else "")


def _but(patched: list[str]) -> str:
    if not patched:
        return ""
    keys = list(dict.fromkeys(patched))
    return f", and {', '.join(keys[:4])}{' and more' if len(keys) > 4 else ''} patched after it"


def _changes_state(event: Event) -> bool:
    return event.type in ("checkpoint.saved", "session.updated") or (
        event.type == "session.resumed" and "checkpoint_id" in event.data
    )
