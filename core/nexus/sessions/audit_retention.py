"""Retention of the audit: what is too old is trimmed from the front of each chain, and an anchor says so.

Only the front goes, in one commit with the anchor (``Store.trim_audit``), so that verification still proves what is
left and tells what is not. A record that is younger stops it, whatever stands behind.
"""

from __future__ import annotations

import asyncio
from typing import Final

from nexus.model.audit import TRIMMED, AuditHead, StoredAudit, anchor_of
from nexus.stores import codec
from nexus.stores.base import Store

AT_ONCE: Final = 1000
"""Records that one commit deletes."""
_GAP: Final = 0.001


async def trim_audit(store: Store, kept: float, now: float, actor: str) -> int:
    """Delete what is older than ``kept`` seconds; how many records."""
    deleted = 0
    for head in await store.audit_heads():
        while gone := await _trim_some(store, head.chain, kept, now, actor):
            deleted += gone
            if gone < AT_ONCE:
                break
            await asyncio.sleep(_GAP)
    return deleted


async def _trim_some(store: Store, chain: str, kept: float, now: float, actor: str) -> int:
    old = _old(await store.read_audit(chain, limit=AT_ONCE), now - kept)
    if not old:
        return 0
    first, last = old[0], old[-1]
    upto = AuditHead(chain=chain, count=last.seq, hash=last.hash)
    return await store.trim_audit(upto, anchor_of(upto, first.seq, at=now, actor=actor, kept=kept))


def _old(rows: list[StoredAudit], before: float) -> list[StoredAudit]:
    """The first of these records that are too old; none where all of those are anchors, or a quiet store would only
    ever trim the trace of having trimmed."""
    found: list[StoredAudit] = []
    worthwhile = False
    for row in rows:
        entry = codec.decode_audit(row.document)
        if entry is None or entry.at >= before:
            break
        found.append(row)
        worthwhile = worthwhile or entry.action != TRIMMED
    return found if worthwhile else []
