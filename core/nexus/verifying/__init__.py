"""Checks of the promises: what clients were told against what a store holds in the end.

``promises.check`` is a pure function of a ledger (what each client asked and was answered) and the evidence (what the
store holds, and the events as a follower saw them). The chaos suite and ``nexus verify`` share it.
"""

from nexus.verifying.evidence import Evidence, gather
from nexus.verifying.ledger import Act, Ledger, Log
from nexus.verifying.promises import check
from nexus.verifying.verdict import Verdict

__all__ = ["Act", "Evidence", "Ledger", "Log", "Verdict", "check", "gather"]
