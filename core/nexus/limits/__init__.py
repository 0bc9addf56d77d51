"""How much anybody may have: what is counted, what is refused, and which setting says so."""

from nexus.limits.pace import Allowance, Pace
from nexus.limits.room import Room
from nexus.limits.seats import Seats

__all__ = ["Allowance", "Pace", "Room", "Seats"]
