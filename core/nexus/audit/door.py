"""What is refused at the door, before any service is asked: written down at a bounded cost.

Whoever may ask a service leaves one record for each refusal (``refusals.py``). Here are those who may not, and requests
that can't be read: anybody can send them, as many as the line carries. So equal ones (the same actor or address,
channel, action and code) are put together: the first of a minute is one record at once, those that follow in it are
counted, and counts are records when the minute is over. At most ``MOST`` kinds a minute are told apart, for
strangers and for actors who are known each; all others are counted together by their code. A flood costs a few dozen
records a minute, however wide it is, and no request waits for a commit but the first of its kind.

Counts are in memory, and a process that is killed loses those that it has not written. So a count is written a few
seconds after its kind began, and whenever it has grown tenfold: what is lost is of seconds, or no more than nine times
what is written.
"""

from __future__ import annotations

import asyncio
import ipaddress
from typing import Final

import msgspec
from msgspec.structs import replace

from nexus.audit.refusals import reason_of, told_target, write_refusal
from nexus.errors import NexusError
from nexus.model import Caller
from nexus.model.audit import AuditEntry
from nexus.sessions.clock import Clock
from nexus.stores.base import Store

STRANGER: Final = "unknown"
"""The actor of a request that showed no token that lets anybody in."""
MOST: Final = 32
_MINUTE: Final = 60.0
_LOOKS: Final = 12
"""How often in a minute counts are looked at."""
_GROWTH: Final = 10
_OTHERS: Final = {"stranger": "many addresses", "known": "many actors"}
_Key = tuple[str, ...]


class _Kind(msgspec.Struct):
    """One kind of refusal, in the minute that began with its first."""

    since: float
    first: AuditEntry
    whence: str
    more: int = 0
    """How many came since the last record."""
    most: int = _GROWTH
    """How many of them are written at once."""
    early: bool = True
    """Whether nothing has been written of it but the first."""


class Door:
    """See the module; one for a process and a store, on one event loop.

    Args:
        store: Where to write.
        clock: When.
        interval: Seconds that a minute has; the first count is written after a twelfth of it.
    """

    def __init__(self, store: Store, clock: Clock, interval: float = _MINUTE) -> None:
        self._store = store
        self._clock = clock
        self._interval = interval
        self._kinds: dict[_Key, _Kind] = {}
        self._sweeping: asyncio.Task[None] | None = None

    async def refused(
        self,
        error: NexusError,
        *,
        channel: str,
        address: str = "",
        caller: Caller | None = None,
        action: str = "request",
        kind: str = "store",
        target: str = "",
        reason: str | None = None,
    ) -> None:
        """Note a refusal, unless it is written down already or is no refusal (a 4xx error).

        Args:
            error: Why.
            channel: Through which door.
            address: Whence.
            caller: Who, if that is known; told apart by name then, and not by address.
            action: What was wanted, as far as that is known.
            kind: What it was about.
            target: Its name.
            reason: Why, in other words than the error's.
        """
        if error.audited or not 400 <= error.status < 500:
            return
        error.audited = True
        whence = "" if caller is not None else network_of(address)
        entry = AuditEntry(
            at=round(self._clock.now(), 6), actor=STRANGER if caller is None else caller.actor,
            channel=channel if caller is None else caller.channel, action=action, target_kind=kind,
            target=told_target(target), outcome="refused", code=error.code, reason=reason or reason_of(error),
        )  # fmt: skip
        await self._note(entry, whence)

    async def _note(self, entry: AuditEntry, whence: str) -> None:
        key, whence = self._key(entry, whence)
        found = self._kinds.get(key)
        if found is not None and not self._is_over(found):
            found.more += 1
            if found.more == found.most:
                found.most *= _GROWTH
                await self._write_counted(found)
            return
        self._kinds[key] = _Kind(entry.at, entry, whence)
        if self._sweeping is None:
            self._sweeping = asyncio.create_task(self._sweep(), name="nexus-door")
        if found is not None:
            await self._write_counted(found)
        await write_refusal(self._store, _from(entry, whence))

    def _key(self, entry: AuditEntry, whence: str) -> tuple[_Key, str]:
        stranger = "stranger" if entry.actor == STRANGER else "known"
        code = entry.code or ""
        key = (stranger, entry.actor, whence, entry.channel, entry.action, code)
        if key not in self._kinds and sum(each[0] == stranger for each in self._kinds) >= MOST:
            return (stranger, code), _OTHERS[stranger]
        return key, whence

    def _is_over(self, kind: _Kind) -> bool:
        return abs(self._clock.now() - kind.since) >= self._interval

    async def _sweep(self) -> None:
        while self._kinds:
            await asyncio.sleep(self._interval / _LOOKS)
            await self._write_out([key for key, kind in self._kinds.items() if self._is_over(kind)])
            for kind in [kind for kind in self._kinds.values() if kind.early]:
                await self._write_counted(kind)
        self._sweeping = None

    async def close(self) -> None:
        """Write what was counted."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        await self._write_out(list(self._kinds))

    async def _write_out(self, keys: list[_Key]) -> None:
        # Taken out first: what comes meanwhile begins anew.
        for kind in [self._kinds.pop(key) for key in keys]:
            await self._write_counted(kind)

    async def _write_counted(self, kind: _Kind) -> None:
        more, kind.more = kind.more, 0
        if more:
            kind.early = False
            entry = replace(
                kind.first,
                at=round(self._clock.now(), 6),
                target="",
                reason=f"{more} more of the same within a minute",
            )
            await write_refusal(self._store, _from(entry, kind.whence))


def _from(entry: AuditEntry, whence: str) -> AuditEntry:
    return replace(entry, reason=f"{entry.reason}, from {whence}") if whence else entry


def network_of(address: str) -> str:
    """What tells one stranger from another: an IPv4 address; of an IPv6 one the /64, since who has one has them all."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "".join(sign for sign in address[:64] if sign.isprintable())
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
