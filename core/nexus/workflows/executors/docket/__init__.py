"""Runs carried between machines by docket, on the Redis that holds their sessions.

docket is only the messenger: it brings the id of a session in which a run waits to one process that has room. The
store stays the truth, and every run would be found without docket too, only later.
"""

from nexus.workflows.executors.docket.executor import DocketExecutor

__all__ = ["DocketExecutor"]
