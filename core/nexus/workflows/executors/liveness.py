"""Whether a process on this machine is still there: who we are, and who is surely gone."""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path

import msgspec

from nexus.model import Worker

_PROC = Path("/proc")


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """A process, in words that no other process ever fits."""

    host: str
    boot_id: str
    """Changes with each boot, and differs where process ids are counted apart, as in containers."""
    pid: int
    pid_start: str


def this_process() -> Identity:
    """This one."""
    pid = os.getpid()
    return Identity(host=_host(), boot_id=_boot_id(), pid=pid, pid_start=_start_of(pid) or "")


def is_dead(worker: Worker) -> bool:
    """Whether its runs may be taken over: its lease is over, or its process is gone."""
    return not worker.alive or surely_dead(worker)


def surely_dead(worker: Worker) -> bool:
    """Whether it ran on this machine and its process is gone; ``False`` where that can't be told."""
    if worker.host != _host() or worker.boot_id != _boot_id():
        return False
    if worker.pid_start:
        start = _start_of(worker.pid)
        return start != worker.pid_start and not (start is None and _is_anothers(worker.pid))
    try:
        os.kill(worker.pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _is_anothers(pid: int) -> bool:
    """Whether another user has such a process, which may be hidden from this one (``hidepid``, ``ProtectProc``)."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return False


@cache
def _host() -> str:
    return socket.gethostname()


@cache
def _boot_id() -> str:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        space = (_PROC / "self/ns/pid").readlink()
    except OSError:
        return ""
    return f"{boot} {space}"


def _start_of(pid: int) -> str | None:
    """The kernel's start time of a process; ``None`` if there is none, or only what is left of one."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    # The command's name may hold spaces and brackets: what follows the last bracket has a fixed form.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else fields[19]
