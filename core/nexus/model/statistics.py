"""What ``get_statistics`` tells, computed from counters that every commit keeps up to date."""

from __future__ import annotations

from typing import Any

import msgspec

from nexus.model.keyed import Keyed


class Statistics(Keyed, msgspec.Struct, frozen=True, kw_only=True):
    """Figures over the sessions that the store keeps. Reads by attribute, by key, and with ``dict(...)``.

    Durations are seconds from creation to end and ``success_rate`` is the percentage of finished
    sessions that completed; all are 0.0 while ``finished`` is 0. Percentiles come from a sketch and
    are within 1 % of the true value.
    """

    active: int
    total: int
    by_status: dict[str, int]
    by_channel: dict[str, int]
    by_workflow: dict[str, int]
    finished: int
    avg_duration: float
    p50_duration: float
    p95_duration: float
    p99_duration: float
    success_rate: float
    created_per_minute: float
    ended_per_minute: float

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {name: getattr(self, name) for name in self.__struct_fields__}
