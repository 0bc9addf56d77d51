"""A stored snapshot of a session's state at a step."""

from __future__ import annotations

from typing import Any

import msgspec

from nexus.model import jsonvalue
from nexus.model.ids import checkpoint_id
from nexus.model.keyed import Keyed
from nexus.model.session import iso


class Checkpoint(
    Keyed, msgspec.Struct, frozen=True, kw_only=True, dict=True, omit_defaults=True, forbid_unknown_fields=True
):
    """``checkpoint-N`` of a session; ``superseded`` once a resume went back before it."""

    session_id: str
    number: int
    step: int
    workflow: str | None
    run_id: str | None
    created_at: float
    loops: tuple[int, ...] = ()
    pinned: bool = False
    """A fork started from it, so it is kept for as long as the session."""
    superseded: bool = False
    inputs_json: bytes = b"{}"
    """The inputs of the run that made it, so that going back to an earlier run's checkpoint finds them."""
    state_json: bytes | None = None
    """``None`` in lists: only a checkpoint asked for alone carries its state."""
    newer: bytes = b""
    """What a newer version of Nexus has added to it, as encoded; kept as it is (``stores/newer.py``)."""

    @property
    def id(self) -> str:
        """``checkpoint-N``."""
        return checkpoint_id(self.number)

    @property
    def state(self) -> dict[str, Any] | None:
        """The state at that step, decoded; ``None`` in lists."""
        if self.state_json is None:
            return None
        value: dict[str, Any] = jsonvalue.trusted(self.state_json)
        return value

    def to_dict(self) -> dict[str, Any]:
        """JSON values: ``id, session_id, step, workflow, run_id, created_at, superseded`` and maybe ``state``."""
        shown: dict[str, Any] = {
            "id": self.id, "session_id": self.session_id, "step": self.step, "workflow": self.workflow,
            "run_id": self.run_id, "created_at": iso(self.created_at), "superseded": self.superseded,
        }  # fmt: skip
        if self.state_json is not None:
            shown["state"] = self.state
        return shown
