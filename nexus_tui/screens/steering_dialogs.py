"""The dialogs before a change: extend, end, resume, fork, signal, patch. Each gives the change, or nothing.

They ask how; how many and which is the plan's to show, where there are several.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from nexus.errors import InvalidInput
from nexus.model import check_id
from nexus.query.durations import read_duration
from nexus_tui.acting.awaiting import Awaited
from nexus_tui.acting.targets import Targets
from nexus_tui.screens.form import FormDialog, Question
from nexus_tui.steering import Change, End, Extend, Fork, Patch, Resume, Signal
from nexus_widgets import clean

LONGEST_EXTENSION = 10 * 365 * 86400.0
"""Seconds; a longer one is a slip of the finger."""

_WHAT_AN_END_IS = (
    "Live children end too. ctrl+z takes it back until something else happens; what is cancelled can be resumed."
)
_WHAT_ENDING_A_GROUP_IS = "The group ends with all that is live in it, for good, and takes nobody in any more."


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

    def __init__(self, targets: Targets, by: str = "10m") -> None:
        super().__init__([targets.words])
        self._by = by

    def questions(self) -> Sequence[Question]:
        """By how long."""
        return (Question("by", "Live longer by", self._by, "10m, 2h, 1d12h"),)

    def build(self, answers: Mapping[str, str]) -> Extend:
        """The extension."""
        return Extend(read_extension(answers["by"]))


class EndDialog(FormDialog[Change]):
    """As what, and why?"""

    heading = "End"
    do_label = "End"
    is_final = True

    def __init__(self, targets: Targets) -> None:
        super().__init__([targets.words, _WHAT_AN_END_IS if targets.group is None else _WHAT_ENDING_A_GROUP_IS])
        if targets.only is None:
            self.do_label = "Plan"

    def questions(self) -> Sequence[Question]:
        """Status and reason."""
        return (
            Question("status", "As", words=("completed", "cancelled")),
            Question("reason", "Reason", "", "stands in the session's history"),
        )

    def build(self, answers: Mapping[str, str]) -> End:
        """The end."""
        return End(answers["status"], answers["reason"] or None)


class ResumeDialog(FormDialog[Change]):
    """With the inputs as recorded, or with others?"""

    heading = "Resume"
    do_label = "Resume"

    def __init__(self, targets: Targets) -> None:
        here = "From where it stands now." if targets.only else "Each from where it stands now."
        at = targets.checkpoint_id
        super().__init__([targets.words, f"From {at}; later checkpoints stay listed as superseded." if at else here])
        self._checkpoint_id = at

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

    def __init__(self, targets: Targets, new_id: str = "") -> None:
        self._one = targets.only is not None
        each = "Its current state" if self._one else "The current state of each"
        what = f"Its {targets.checkpoint_id}" if targets.checkpoint_id else each
        super().__init__([targets.words, f"{what} is copied into a new session; the source is not touched."])
        self._checkpoint_id = targets.checkpoint_id
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

    def __init__(self, targets: Targets, awaited: Awaited | None = None, name: str = "", payload: str = "") -> None:
        super().__init__([targets.words, *([_waits(awaited)] if awaited else [])])
        self._signal = name or (awaited.signal if awaited else "")
        self._payload = payload

    def questions(self) -> Sequence[Question]:
        """Name and payload."""
        return (
            Question("name", "Signal", self._signal, "approved"),
            Question("payload", "Payload (JSON)", self._payload, "null"),
        )

    def build(self, answers: Mapping[str, str]) -> Signal:
        """The signal."""
        if not answers["name"]:
            raise InvalidInput("Name the signal that the run waits for", field="name")
        return Signal(answers["name"], read_json(answers["payload"], "payload"))


class ApproveDialog(SignalDialog):
    """The awaited signal, with ``true``."""

    heading = "Approve"
    do_label = "Approve"

    def __init__(self, targets: Targets, awaited: Awaited) -> None:
        super().__init__(targets, awaited, payload="true")


def _waits(awaited: Awaited) -> str:
    signal = repr(clean(awaited.signal, limit=80))
    if awaited.of == 1:
        return f"Its run waits for {signal}."
    return f"Of {awaited.of:,} that were looked at, {awaited.count:,} wait for {signal}."


class PatchDialog(FormDialog[Change]):
    """Which merge patch, for many?"""

    heading = "Patch state"
    do_label = "Plan"

    def __init__(self, targets: Targets, patch: str = "") -> None:
        if targets.only is not None:
            self.do_label = "Patch"
        super().__init__([targets.words, "A JSON merge patch: keys that it names are set, null takes a key away."])
        self._patch = patch

    def questions(self) -> Sequence[Question]:
        """The patch."""
        return (Question("patch", "Merge patch (JSON)", self._patch, '{"limits": {"rows": 100}, "stale": null}'),)

    def build(self, answers: Mapping[str, str]) -> Patch:
        """The patch, if it is an object with something in it."""
        patch = read_json(answers["patch"], "patch")
        if not isinstance(patch, dict) or not patch:
            raise InvalidInput('A merge patch is a JSON object that names a key, as in {"a": 1}', field="patch")
        return Patch(patch)


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
