"""The session record: id, status, state, metadata, timing, lineage (contract, chapter 2).

A record is frozen: a change is a new record with a higher ``version``. ``state`` is carried as
the bytes that the store holds and decoded when somebody looks.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import msgspec

from nexus.model import jsonvalue
from nexus.model.ids import checkpoint_id
from nexus.model.keyed import Keyed
from nexus.model.status import FINAL, LIVE, RUNNING, Status

FIELDS = (
    "id", "status", "channel", "channels", "user_id", "owner", "metadata", "state", "parent_id", "group_id",
    "workflow", "run_id", "step", "last_checkpoint", "error", "version", "created_at", "last_activity",
    "expires_at", "ended_at", "timeout", "max_age",
)  # fmt: skip
"""The public fields, in the order in which every channel shows them."""

TIMES = frozenset({"created_at", "last_activity", "expires_at", "ended_at"})


def iso(seconds: float | None) -> str | None:
    """Seconds since the epoch as ISO 8601 in UTC with microseconds, ``None`` for ``None``."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Session(Keyed, msgspec.Struct, frozen=True, kw_only=True, dict=True, forbid_unknown_fields=True):
    """One session, as of one version.

    Attributes are the contract's fields; times are seconds since the epoch (UTC), ``timeout`` and
    ``max_age`` are seconds, ``None`` meaning never. ``session["key"]`` reads a field, or, where
    no field has that name, a key of ``state``.
    """

    id: str
    status: Status
    channel: str
    channels: tuple[str, ...]
    owner: str
    created_at: float
    last_activity: float
    version: int = 1
    user_id: str | None = None
    metadata: dict[str, Any] = {}
    parent_id: str | None = None
    group_id: str | None = None
    workflow: str | None = None
    run_id: str | None = None
    step: int = 0
    error: str | None = None
    ended_at: float | None = None
    timeout: float | None = None
    max_age: float | None = None

    # Kept with the record and not shown: what the rules need to know.
    idle_deadline: float | None = None
    """When idling ends it, unless a run is live."""
    age_deadline: float | None = None
    """When age ends it, whatever it does."""
    epoch: int = 0
    """Rises with every take-over of a run; commits of an older epoch are refused."""
    checkpoints: int = 0
    """How many checkpoints were ever made: the N of the newest."""
    oldest_checkpoint: int = 1
    """No checkpoint below it is kept, but those that a fork started from."""
    at_checkpoint: int = 0
    """The N of the checkpoint that the current line of history last made or went back to; 0 for none."""
    rewinds: tuple[tuple[int, int], ...] = ()
    """Each ``(k, n)`` says: checkpoints k+1 to n were left behind by going back to k."""
    ran: bool = False
    """Whether a run of it has ever finished."""
    forked_from: tuple[str, int] | None = None
    state_json: bytes = b"{}"
    newer: bytes = b""
    """What a newer version of Nexus has added to it, as encoded; kept as it is (``stores/newer.py``)."""

    @cached_property
    def state(self) -> dict[str, Any]:
        """The state, decoded. A copy of one's own: changing it changes nothing stored."""
        value: dict[str, Any] = jsonvalue.trusted(self.state_json)
        return value

    @property
    def expires_at(self) -> float | None:
        """When it expires if nothing more happens; ``None`` for never and for ended ones."""
        if self.status in FINAL and self.status is not Status.EXPIRED:
            return None
        if self.status in RUNNING:
            return self.age_deadline
        deadlines = [at for at in (self.idle_deadline, self.age_deadline) if at is not None]
        return min(deadlines) if deadlines else None

    @property
    def last_checkpoint(self) -> str | None:
        """Id of the newest checkpoint in the current line of history."""
        return checkpoint_id(self.at_checkpoint) if self.at_checkpoint else None

    @property
    def live(self) -> bool:
        """Whether it is active, in progress or suspended."""
        return self.status in LIVE

    @property
    def duration(self) -> float | None:
        """Seconds from creation to end; ``None`` while it has not ended."""
        return None if self.ended_at is None else max(0.0, self.ended_at - self.created_at)

    def is_due(self, now: float) -> bool:
        """Whether it is past ``expires_at`` and no commit has said so yet."""
        at = self.expires_at
        return self.status not in FINAL and at is not None and at <= now

    def superseded(self, number: int) -> bool:
        """Whether checkpoint ``number`` was left behind by a resume from an earlier one."""
        return any(k < number <= n for k, n in self.rewinds)

    def __getitem__(self, key: str) -> Any:
        if key in FIELDS:
            return getattr(self, key)
        return self.state[key]

    def __contains__(self, key: object) -> bool:
        return key in FIELDS or key in self.state

    def get(self, key: str, default: Any = None) -> Any:
        """``session[key]``, or ``default`` where there is no such field or key."""
        try:
            return self[key]
        except KeyError:
            return default

    def _by_key(self) -> dict[str, Any]:
        """The fields, then the state's own keys."""
        fields = {name: getattr(self, name) for name in FIELDS}
        return {**fields, **{key: value for key, value in self.state.items() if key not in fields}}

    def to_dict(self) -> dict[str, Any]:
        """The public fields as JSON values: times in ISO 8601, state and metadata as objects."""
        shown = {name: getattr(self, name) for name in FIELDS}
        for name in TIMES:
            shown[name] = iso(shown[name])
        shown["channels"] = list(self.channels)
        shown["status"] = self.status.value
        return shown

    def __str__(self) -> str:
        return f"Session({', '.join(f'{name}={value!r}' for name, value in self.to_dict().items())})"
