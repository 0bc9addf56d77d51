"""The rules of a session's life, as pure functions.

Each takes the record as it stands and what is wanted, and gives the ``Change`` that a store can
commit, ``None`` where nothing changes, or raises what the caller is told. No I/O and no clock here: the
moment is passed in. Stores therefore cannot disagree about a rule, and one model checks them all.
"""

from nexus.lifecycle.moment import Moment, Rules

__all__ = ["Moment", "Rules"]
