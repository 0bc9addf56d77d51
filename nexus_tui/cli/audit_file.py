"""The whole audit as lines of JSON: each record, oldest first, and behind them the heads of its chains.

What is written is of one moment: where retention trims records while they are read, so that some would be missing in
between, all is begun anew.
"""

from __future__ import annotations

from typing import BinaryIO, Final

import msgspec

from nexus.errors import StoreUnavailable
from nexus.model.audit import AuditVerdict
from nexus.service import MAX_LIMIT, Service
from nexus_tui.cli.selection import every

_TRIES: Final = 10


async def write_audit(service: Service, out: BinaryIO) -> AuditVerdict:
    """Write a service's audit.

    Args:
        service: Whose caller may see it.
        out: Where to; it can be sought, and is emptied before each try.

    Returns:
        What verification said of it. A broken audit is written as it is.

    Raises:
        StoreUnavailable: Retention trimmed it at every try.
    """
    for _ in range(_TRIES):
        out.seek(0)
        out.truncate()
        verdict = await service.verify_audit()
        if await _is_whole(service, verdict, out) or verdict.broken is not None:
            out.write(msgspec.json.encode({"heads": verdict.heads}) + b"\n")
            return verdict
    raise StoreUnavailable("the audit was trimmed whenever it was read: try again later", reason="trimmed")


async def _is_whole(service: Service, verdict: AuditVerdict, out: BinaryIO) -> bool:
    """Write all records up to the heads of a verdict; whether none of those that it speaks of is missing."""
    ends = {head.chain: head.count for head in verdict.heads}
    reached = dict.fromkeys(ends, 0) | {trimmed.chain: trimmed.count for trimmed in verdict.trimmed}
    whole = True
    async for record in every(lambda cursor: service.audit(cursor=cursor, limit=MAX_LIMIT)):
        if record.seq <= ends.get(record.chain, 0):
            whole = whole and record.seq == reached[record.chain] + 1
            reached[record.chain] = record.seq
            if not whole and verdict.broken is None:
                return False
            out.write(msgspec.json.encode(record) + b"\n")
    return whole and reached == ends
