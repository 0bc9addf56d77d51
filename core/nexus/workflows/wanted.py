"""A run that is wanted while another is live, as it waits in the session's inbox."""

from __future__ import annotations

from typing import Any

import msgspec

from nexus.model import Caller
from nexus.model.change import Message

KIND = "run"


class Wanted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is needed to start it later, by any process."""

    run_id: str
    workflow: str
    inputs: msgspec.Raw
    actor: str
    channel: str
    interval: int = 1
    key: str | None = None
    """The idempotency key, claimed already."""

    @property
    def caller(self) -> Caller:
        """Who wanted it."""
        return Caller(actor=self.actor, channel=self.channel)

    @property
    def inputs_json(self) -> bytes:
        """The inputs, encoded."""
        return bytes(self.inputs)

    def message(self, now: float) -> Message:
        """As it is left in an inbox, where it gets an id that sorts by arrival."""
        return Message(id=self.run_id, kind=KIND, name=self.workflow, body=msgspec.json.encode(self), sent_at=now)

    def start(self) -> dict[str, Any]:
        """Arguments of the ``start`` transition."""
        return {
            "run_id": self.run_id, "workflow": self.workflow, "inputs_json": self.inputs_json,
            "interval": self.interval, "idempotency_key": self.key,
        }  # fmt: skip


def wanted_of(message: Message) -> Wanted:
    """Read it back from an inbox."""
    return msgspec.json.decode(message.body, type=Wanted)
