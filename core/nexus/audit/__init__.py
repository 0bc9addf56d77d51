"""The audit as it is read and checked: lists with a filter, verification, and the refusals that are written down."""

from nexus.audit.door import Door
from nexus.audit.listing import list_audit
from nexus.audit.refusals import Noting
from nexus.audit.verifying import read_head, verify, verify_lines

__all__ = ["Door", "Noting", "list_audit", "read_head", "verify", "verify_lines"]
