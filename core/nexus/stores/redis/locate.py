"""Where the server is that takes writes: given, asked of Sentinels, or asked of a cluster's nodes."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import hiredis

from nexus.stores.redis.slots import slot_of_key
from nexus.stores.redis.urls import Place
from nexus.stores.redis.wire import Lost, Wire, connect

_SENTINEL_LOOK: Final = 1.0
"""Seconds that one may take to say how it is."""

Owners = tuple[tuple[int, int, tuple[str, int]], ...]
"""First and last slot, and host and port of the node that has them."""


async def connect_primary(place: Place, slot_key: bytes, *, timeout: float) -> Wire:
    """A connection to the server that takes this store's writes now.

    Args:
        place: The store's URL.
        slot_key: One of the store's keys; all of them are in one slot of a cluster.
        timeout: Seconds for each step.

    Raises:
        Lost: It can't be reached, or nobody is in charge now.
        hiredis.ReplyError: It refuses the password or the database.
    """
    if place.scheme == "redis+sentinel":
        return await _by_sentinel(place, timeout)
    if place.scheme == "redis+cluster":
        return await _by_cluster(place, slot_key, timeout)
    host, port = place.hosts[0] if place.hosts else ("", 0)
    return await connect(place, host, port, timeout=timeout)


async def _by_sentinel(place: Place, timeout: float) -> Wire:
    why = "none was asked"
    for host, port in place.hosts:
        try:
            asked = ("SENTINEL", "get-master-addr-by-name", place.service)
            found = await _ask(place, host, port, timeout, asked, sentinel=True)
        except (Lost, hiredis.ReplyError) as error:
            why = f"{host}:{port}: {error}"
            continue
        if not found:
            why = f"{host}:{port} knows no service {place.service!r}"
            continue
        try:
            wire = await connect(place, found[0].decode(), int(found[1]), timeout=timeout)
        except Lost as error:
            why = f"{found[0].decode()}:{int(found[1])}: {error}"
            continue
        # A Sentinel that has missed a failover names the old primary, which may be a replica by now.
        role = await wire.call("ROLE")
        if isinstance(role, list) and role[0] == b"master":
            return wire
        wire.close()
        why = f"{found[0].decode()}:{int(found[1])} is no primary now"
    raise Lost(f"no Sentinel leads to a primary ({why})")


async def look_at_sentinels(place: Place) -> str:
    """What the Sentinels say of themselves and of the service, in words."""
    answers = await asyncio.gather(*(_ask_master(place, *host) for host in place.hosts))
    heard = [answer for answer in answers if answer]
    if not heard:
        return f"none of {len(answers)} answers"
    said = heard[0]
    down = ", which they say is down" if any("down" in answer.get("flags", "") for answer in heard) else ""
    return (
        f"{len(heard)} of {len(answers)} answer, quorum {said.get('quorum', '')}, {said.get('num-other-sentinels', '')}"
        f" others known, {said.get('num-slaves', '')} replicas of {said.get('name', '')}{down}"
    )


async def _ask_master(place: Place, host: str, port: int) -> dict[str, str]:
    try:
        found = await _ask(place, host, port, _SENTINEL_LOOK, ("SENTINEL", "MASTER", place.service), sentinel=True)
    except (Lost, hiredis.ReplyError):
        return {}
    return {name.decode(): value.decode() for name, value in zip(found[::2], found[1::2], strict=True)}


async def _by_cluster(place: Place, slot_key: bytes, timeout: float) -> Wire:
    why = "none was asked"
    slot = slot_of_key(slot_key)
    for host in place.hosts:
        shown = f"{host[0]}:{host[1]}"
        try:
            owners = await owners_by(place, host, timeout)
        except Lost as error:
            why = f"{shown}: {error}"
            continue
        found = next((address for low, high, address in owners if low <= slot <= high), None)
        if found is None:
            why = f"{shown} knows no node for slot {slot}"
            continue
        try:
            return await connect(place, *found, timeout=timeout)
        except Lost as error:
            why = f"{found[0]}:{found[1]}: {error}"
    raise Lost(f"no node of the cluster leads to the one in charge ({why})")


async def owners_by(place: Place, host: tuple[str, int], timeout: float) -> Owners:
    """Which node of a cluster has which slots, as one of its nodes says.

    Raises:
        Lost: It doesn't answer.
        hiredis.ReplyError: It refuses the password.
    """
    ranges = await _ask(place, *host, timeout, ("CLUSTER", "SLOTS"))
    return tuple([(low, high, (node[0].decode() or host[0], node[1])) for low, high, node, *_ in ranges])


async def _ask(
    place: Place, host: str, port: int, timeout: float, words: tuple[bytes | str, ...], *, sentinel: bool = False
) -> Any:
    wire = await connect(place, host, port, timeout=timeout, sentinel=sentinel)
    try:
        reply = await wire.call(*words)
    finally:
        wire.close()
    if isinstance(reply, hiredis.ReplyError):
        raise Lost(str(reply))
    return reply
