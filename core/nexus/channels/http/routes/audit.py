"""Operations on the audit, for those who may administer."""

from __future__ import annotations

from nexus.channels.http.operation import Call, Says, operation
from nexus.channels.http.reply import Reply, answer
from nexus.channels.wire import shown
from nexus.channels.wire.administering import AuditList, AuditVerdictAnswer
from nexus.channels.wire.asked import ListAudit, NoBody, NoQuery


@operation("GET", "/audit", tag="audit", query=ListAudit, says=(Says(200, AuditList, "a page of it"),))
async def list_audit(call: Call[ListAudit, NoBody]) -> Reply:
    """Who changed what, and who was refused to; oldest first, or with `newest` newest first."""
    query = call.query
    page = await call.service.audit(query.q, cursor=query.cursor, limit=query.limit, newest=query.newest)
    return answer(AuditList(items=tuple(map(shown.audit_record, page.items)), next_cursor=page.next_cursor))


@operation("GET", "/audit/verify", tag="audit", says=(Says(200, AuditVerdictAnswer, "what came of it"),))
async def verify_audit(call: Call[NoQuery, NoBody]) -> Reply:
    """Work out every hash of the audit again, and locate the first record that is not as it was written."""
    return answer(shown.audit_verdict(await call.service.verify_audit()))


OPERATIONS = (list_audit, verify_audit)
