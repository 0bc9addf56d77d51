"""Which shard holds what: pure functions of names, the same for ever and on every machine.

A session with all that belongs to it is in the shard of its id, a group's record in that of its id. A claim is
where the session is that sets it: ``idem:SESSION:KEY`` names its session, and for any other key an id is
chosen that falls into the key's own shard (``Store.id_beside``).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Final

from nexus.stores.base import Change

_HOME: Final = 0
"""Where what names nobody goes, such as a refusal of a stranger, and the workers' leases."""


def shard_of(name: str, count: int) -> int:
    """The shard of a session or group.

    Args:
        name: Its id.
        count: How many shards there are.
    """
    return zlib.crc32(name.encode()) % count


def shard_of_claim(key: str, count: int) -> int:
    """The shard of a claim."""
    kind, _, rest = key.partition(":")
    if kind == "idem":
        return shard_of(rest.partition(":")[0].replace("%3A", ":"), count)
    return shard_of(key, count)


def shard_of_change(change: Change, count: int) -> int:
    """The one shard that a change can be committed in, but for checkpoints that it pins.

    Raises:
        ValueError: It would need several. That is a mistake in the program, never in what a user gave.
    """
    subject = change.session_id
    if subject is not None and not change.claims and all(event.session_id == subject for event in change.events):
        # As nearly all of them are.
        return shard_of(subject, count)
    places = {shard: what for what, shard in _needed(change, count)}
    if len(places) > 1:
        raise ValueError(
            f"a change needs the shards of {' and of '.join(sorted(places.values()))}, and a commit has one:"
            " choose an id by Store.id_beside, or commit them one by one"
        )
    return next(iter(places), _HOME)


def id_beside(key: str, make: Callable[[], str], count: int) -> str:
    """See ``Store.id_beside``."""
    wanted = shard_of_claim(key, count)
    while True:
        made = make()
        if shard_of(made, count) == wanted:
            return made


def _needed(change: Change, count: int) -> Iterator[tuple[str, int]]:
    """What a change names, and where that is."""
    subject = change.session_id or change.group_id
    if subject is not None:
        yield subject, shard_of(subject, count)
    for claim in change.claims:
        yield claim.key, shard_of_claim(claim.key, count)
    for event in change.events:
        # An event goes where it is asked for by session, and where that session's end lets it be trimmed.
        owner = event.session_id or (None if subject is not None else event.group_id)
        if owner is not None:
            yield owner, shard_of(owner, count)
