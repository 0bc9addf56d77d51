"""What clients asked for and what they were told, as lines that survive the client's own ``kill -9``.

A client writes one line when it asks, and one when it is answered. An act without an answer may have happened, or not,
or may happen late. Times are of the machine's monotonic clock, which is one for all processes and never jumps.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

KINDS = ("create", "set", "add", "compare", "end", "use", "run", "create group", "end group", "wait")
Outcome = Literal["done", "refused", "unsure"]


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """One change that a client asked for."""

    id: str
    kind: str
    """``create``; ``set`` a key of its own; ``add`` 1 to ``counter``; ``compare`` (set if the version is so); ``end``;
    ``use``; ``run``; ``create group``, ``end group`` and ``wait`` for one."""
    session: str = ""
    """Which; empty where it is about a group."""
    group: str = ""
    """The group that it is about; of a ``create``, the one that the session is made in."""
    door: str = "sdk"
    key: str = ""
    """What ``set`` and ``compare`` set: nobody else sets it."""
    steps: int = 0
    """How many a ``run`` has."""
    called: float = 0.0
    returned: float | None = None
    outcome: Outcome = "unsure"
    version: int | None = None
    """The session's version after it, as the client was told."""
    code: str = ""
    """The error's code, of one that was refused."""

    @property
    def subject(self) -> str:
        """The session, or the group, that it would have changed."""
        return self.session or self.group


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """How an act went."""

    id: str
    returned: float
    outcome: Outcome
    version: int | None = None
    code: str = ""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a run that began."""

    session: str
    step: int


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """All that clients know."""

    acts: tuple[Act, ...] = ()
    steps: dict[str, list[int]] = {}
    """The steps that began, in order, by session."""
    runs: dict[str, int] = {}
    """How many steps the run of each of these sessions has; each has one run, acknowledged at least once."""
    complete: bool = True
    """Whether nobody else changes these sessions, so that what no act did must not be there."""

    def done(self) -> Iterable[Act]:
        """Those that were acknowledged."""
        return (act for act in self.acts if act.outcome == "done")

    def sessions(self) -> list[str]:
        """Ids of all sessions that acts were about."""
        return sorted({act.session for act in self.acts if act.session})


class Log:
    """Where one process writes; several may share a file, as each line is one write."""

    def __init__(self, path: Path, name: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._name = f"{name}-{os.getpid()}"
        self._count = 0

    def asked(
        self, kind: str, session: str = "", *, group: str = "", door: str = "sdk", key: str = "", steps: int = 0
    ) -> Act:
        """Note that something is about to be asked."""
        self._count += 1
        act = Act(
            id=f"{self._name}-{self._count}", kind=kind, session=session, group=group, door=door, key=key, steps=steps,
            called=time.monotonic(),
        )  # fmt: skip
        self._write("asked", act)
        return act

    def answered(self, act: Act, outcome: Outcome, *, version: int | None = None, code: str = "") -> None:
        """Note how it went."""
        self._write(
            "answered",
            Answer(id=act.id, returned=time.monotonic(), outcome=outcome, version=version, code=code),
        )

    def step(self, session: str, step: int) -> None:
        """Note that a step begins."""
        self._write("step", Step(session=session, step=step))

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _write(self, kind: str, record: msgspec.Struct) -> None:
        os.write(self._file, kind.encode() + b" " + msgspec.json.encode(record) + b"\n")


def read(*paths: Path) -> Ledger:
    """The ledger that processes have left; a line that a kill cut short is an answer nobody got."""
    acts: dict[str, Act] = {}
    answers: list[Answer] = []
    steps: defaultdict[str, list[int]] = defaultdict(list)
    for path in paths:
        for line in path.read_bytes().splitlines() if path.exists() else ():
            kind, _, document = line.partition(b" ")
            if kind == b"asked":
                act = msgspec.json.decode(document, type=Act)
                acts[act.id] = act
            elif kind == b"answered":
                answers.append(msgspec.json.decode(document, type=Answer))
            elif kind == b"step":
                begun = msgspec.json.decode(document, type=Step)
                steps[begun.session].append(begun.step)
    for answer in answers:
        acts[answer.id] = msgspec.structs.replace(
            acts[answer.id], returned=answer.returned, outcome=answer.outcome, version=answer.version, code=answer.code
        )
    runs = {act.session: act.steps for act in acts.values() if act.kind == "run"}
    return Ledger(acts=tuple(acts.values()), steps=dict(steps), runs=runs)
