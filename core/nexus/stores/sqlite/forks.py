"""Keeps a fork from harming the file.

SQLite remembers which locks its process holds. A forked child inherits that memory and none of the
locks: it would take itself for the owner of what its parent has, and could delete a log that is in use. So
a fork waits until no connection is in the middle of something, and the child closes the connections that it
inherited. The parent doesn't notice; the child's copy of the store refuses to work, and a store that the child
opens for itself works like any other. Processes started by ``subprocess`` are not concerned.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Sequence
from typing import Final, Protocol


class Forkable(Protocol):
    """Something with connections."""

    def locks(self) -> Sequence[threading.Lock]:
        """The locks that are free while no connection is in use, in the order in which they may be taken."""
        ...

    def abandon(self) -> None:
        """In the child: close every connection, and refuse to work from now on."""
        ...


_open: Final[weakref.WeakSet[Forkable]] = weakref.WeakSet()
_held: Final[list[threading.Lock]] = []


def watch_forks(store: Forkable) -> None:
    """Have forks wait for this store, for as long as it is referred to."""
    _open.add(store)


def forget(store: Forkable) -> None:
    """The store has closed."""
    _open.discard(store)


def _before() -> None:
    for store in list(_open):
        for lock in store.locks():
            lock.acquire()
            _held.append(lock)


def _in_parent() -> None:
    while _held:
        _held.pop().release()


def _in_child() -> None:
    for store in list(_open):
        store.abandon()
    _open.clear()
    _in_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
