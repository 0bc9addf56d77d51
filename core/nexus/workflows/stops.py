"""What unwinds a workflow's body without being an error of it.

All are ``BaseException``s, so that ``except Exception`` in a workflow lets them pass.
"""

from __future__ import annotations


class Stop(BaseException):
    """The body is not to go on in this process."""


class RunSuspended(Stop):
    """It waits for a signal; whoever takes it on when that comes runs the body again from the top."""


class RunReleased(Stop):
    """This process stops, and hands the run over at a checkpoint."""


class RunCancelled(Stop):
    """Its session has ended."""


class RunLost(Stop):
    """Another process has taken it over, or may; nothing that this one does is committed any more."""
