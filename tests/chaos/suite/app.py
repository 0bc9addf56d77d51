"""The app of all processes of a round: ``nexus serve --app tests.chaos.suite.app:app`` and the like.

It works on the store that ``CHAOS_STORE`` names, archived in the database ``CHAOS_ARCHIVE`` if there is one, by the
clock of the file ``CHAOS_CLOCK``, and notes the steps that it begins in the ledger ``CHAOS_LEDGER``.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from pathlib import Path
from typing import Any

from nexus.app import AsyncNexus
from nexus.verifying import load
from nexus.verifying.ledger import Log
from tests.chaos.suite.clock import ShiftedClock

STORE, PREFIX, LEDGER, CLOCK = "CHAOS_STORE", "CHAOS_PREFIX", "CHAOS_LEDGER", "CHAOS_CLOCK"
ARCHIVE = "CHAOS_ARCHIVE"
SET = "chaos-set"
"""The workflow that sets one key, for the doors that change a state by running something."""
_PACE = 0.1
"""Seconds of a step: a run lasts as long as others need to see that its process is gone."""


def made(name: str, log: Log | None = None) -> AsyncNexus:
    """The app of this process's environment, not opened.

    Args:
        name: The process's, for the ledger.
        log: Where it notes its steps; one of its own by default.
    """
    load.PACE = _PACE
    ledger = Path(os.environ[LEDGER])
    note = log or Log(ledger, name)
    note_unwritten(ledger)
    clock = ShiftedClock(Path(os.environ[CLOCK]))
    app = load.make_app(os.environ[STORE], os.environ[PREFIX], note, clock, **archived_in(os.environ[ARCHIVE]))

    @app.workflow(SET)
    def chaos_set(run: Any, key: str) -> str:
        """Set a key of the state to 1."""
        run.state[key] = 1
        return key

    return app


def archived_in(database: str) -> dict[str, Any]:
    """The settings of an app whose store is archived, or isn't.

    Args:
        database: The archive's URL; empty for none.
    """
    return {"session_persistence": True, "database_url": database} if database else {}


def __getattr__(name: str) -> AsyncNexus:
    """``app`` is made where it is asked for: who imports this module for its names has no such environment."""
    if name != "app":
        raise AttributeError(name)
    found = globals()["app"] = made("app")
    return found


class _Unwritten(logging.Handler):
    """Notes the refusals that a store in trouble did not take: the log alone has them, and that may be on a full disk.

    Args:
        ledger: Where.
    """

    def __init__(self, ledger: Path) -> None:
        super().__init__(logging.WARNING)
        self._file = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def emit(self, record: logging.LogRecord) -> None:
        entry = getattr(record, "entry", None)
        if entry is not None:
            os.write(self._file, f"unwritten {entry.target} {entry.code}\n".encode())


def note_unwritten(ledger: Path) -> None:
    """Note from now on in a ledger which refusals this process could not write down."""
    logging.getLogger("nexus.audit").addHandler(_Unwritten(ledger))


def unwritten(ledger: Path) -> Counter[tuple[str, str]]:
    """How many refusals could not be written down, by session (or group) and code."""
    found: Counter[tuple[str, str]] = Counter()
    for line in ledger.read_text(errors="replace").splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "unwritten":
            session_id, _, code = rest.rpartition(" ")
            found[session_id, code] += 1
    return found
