"""What is told of a registered workflow."""

from __future__ import annotations

from typing import Any

import msgspec


class WorkflowInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Name, description and input schema (JSON Schema, draft 2020-12)."""

    name: str
    description: str
    input_schema: dict[str, Any]
    checkpoint_interval: int = 1

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {name: getattr(self, name) for name in self.__struct_fields__}
