"""The dialogs before a change: extend, end, resume, fork, signal. Each gives the change, or nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from nexus.errors import InvalidInput
from nexus.model import check_id
from nexus.query.durations import read_duration
from nexus_tui.screens.form import FormDialog, Question
from nexus_tui.steering import Change, End, Extend, Fork, Resume, Signal
from nexus_tui.viewmodels.words import plural
from nexus_widgets import clean

LONGEST_EXTENSION = 10 * 365 * 86400.0
"""Seconds; a longer one is a slip of the finger."""

_WHAT_AN_END_IS = (
    "Live children end too. What is completed stays so; what is cancelled can be resumed until it is cleaned up."
)


def names_of(session_ids: Sequence[str], most: int = 3) -> str:
    """Sessions by name, and how many more: ``a, b, c and 18 more``.

    Args:
        session_ids: Which.
        most: How many are named.
    """
    named = ", ".join(clean(each, limit=60) for each in session_ids[:most])
    rest = len(session_ids) - most
    return f"{named} and {rest:,} more" if rest > 0 else named


def read_extension(text: str) -> float:
    """Seconds of a length such as ``10m``.

    Raises:
        InvalidInput: It is none, or out of reason.
    """
    seconds = read_duration(text.removeprefix("+").strip())
    if seconds is None or not 0 < seconds <= LONGEST_EXTENSION:
        raise InvalidInput(f"{clean(text, limit=40)!r} is no length of time: write 10m, 2h or 1d12h", field="by")
    return seconds


class ExtendDialog(FormDialog[Change]):
    """How much longer?"""

    heading = "Extend"
    do_label = "Extend"

    def __init__(self, session_ids: Sequence[str], by: str = "10m") -> None:
        super().__init__([names_of(session_ids)])
        self._by = by

    def questions(self) -> Sequence[Question]:
        """By how long."""
        return (Question("by", "Live longer by", self._by, "10m, 2h, 1d12h"),)

    def build(self, answers: Mapping[str, str]) -> Extend:
        """The extension."""
        return Extend(read_extension(answers["by"]))


class EndDialog(FormDialog[Change]):
    """As what, and why? For more than one: how many, typed."""

    heading = "End"
    do_label = "End"
    is_final = True

    def __init__(self, session_ids: Sequence[str]) -> None:
        super().__init__([names_of(session_ids), _WHAT_AN_END_IS])
        self._count = len(session_ids)

    def questions(self) -> Sequence[Question]:
        """Status, reason, and for many the count."""
        asked = [
            Question("status", "As", words=("completed", "cancelled")),
            Question("reason", "Reason", "", "stands in the session's history"),
        ]
        if self._count > 1:
            asked.append(Question("count", f"Type {self._count} to end {plural(self._count, 'session')}"))
        return asked

    def build(self, answers: Mapping[str, str]) -> End:
        """The end."""
        if self._count > 1 and answers["count"].replace(",", "") != str(self._count):
            raise InvalidInput(f"Type {self._count}, the number of sessions that will end", field="count")
        return End(answers["status"], answers["reason"] or None)


class ResumeDialog(FormDialog[Change]):
    """With the inputs as recorded, or with others?"""

    heading = "Resume"
    do_label = "Resume"

    def __init__(self, session_ids: Sequence[str], checkpoint_id: str | None = None) -> None:
        where = (
            f"From {checkpoint_id}; later checkpoints stay listed as superseded."
            if checkpoint_id
            else "From where it stands now."
        )
        super().__init__([names_of(session_ids), where])
        self._checkpoint_id = checkpoint_id

    def questions(self) -> Sequence[Question]:
        """The inputs."""
        return (Question("inputs", "Inputs (JSON)", "", "as recorded"),)

    def build(self, answers: Mapping[str, str]) -> Resume:
        """The resumption."""
        inputs = read_json(answers["inputs"], "inputs")
        if inputs is not None and not isinstance(inputs, dict):
            raise InvalidInput('Inputs are a JSON object, as in {"step": 3}', field="inputs")
        return Resume(self._checkpoint_id, inputs)


class ForkDialog(FormDialog[Change]):
    """Under which name?"""

    heading = "Fork"
    do_label = "Fork"

    def __init__(self, session_ids: Sequence[str], checkpoint_id: str | None = None, new_id: str = "") -> None:
        each = "Its current state" if len(session_ids) == 1 else "The current state of each"
        what = f"Its {checkpoint_id}" if checkpoint_id else each
        super().__init__([names_of(session_ids), f"{what} is copied into a new session; the source is not touched."])
        self._one = len(session_ids) == 1
        self._checkpoint_id = checkpoint_id
        self._new_id = new_id

    def questions(self) -> Sequence[Question]:
        """The new session's id; several forks get ids of their own."""
        return (Question("id", "New session id", self._new_id, "made for you"),) if self._one else ()

    def build(self, answers: Mapping[str, str]) -> Fork:
        """The fork."""
        new_id = answers.get("id", "")
        return Fork(self._checkpoint_id, check_id(new_id, "id") if new_id else None)


class SignalDialog(FormDialog[Change]):
    """Which signal, with what?"""

    heading = "Signal"
    do_label = "Signal"

    def __init__(self, session_ids: Sequence[str], awaited: str | None = None, name: str = "") -> None:
        waits = [f"Its run waits for {clean(awaited, limit=80)!r}."] if awaited else []
        super().__init__([names_of(session_ids), *waits])
        self._signal = name or awaited or ""

    def questions(self) -> Sequence[Question]:
        """Name and payload."""
        return (
            Question("name", "Signal", self._signal, "approved"),
            Question("payload", "Payload (JSON)", "", "null"),
        )

    def build(self, answers: Mapping[str, str]) -> Signal:
        """The signal."""
        if not answers["name"]:
            raise InvalidInput("Name the signal that the run waits for", field="name")
        return Signal(answers["name"], read_json(answers["payload"], "payload"))


def read_json(text: str, field: str) -> Any:
    """A JSON value; ``None`` for no text.

    Raises:
        InvalidInput: The text is not JSON; says where.
    """
    if not text:
        return None
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise InvalidInput(f"Not JSON at column {error.colno}: {error.msg}", field=field) from None
    except (ValueError, RecursionError):
        raise InvalidInput("Not JSON: no NaN, no infinities, no endless nesting", field=field) from None


def _no_constant(name: str) -> None:
    raise ValueError(name)
