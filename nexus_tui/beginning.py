"""Beginning work in the background by what makes it: a coroutine given up before it starts would be complained of."""

from __future__ import annotations

from collections.abc import Callable, Coroutine

from textual.dom import DOMNode
from textual.worker import Worker

Work = Callable[[], Coroutine[None, None, None]]


def begin(host: DOMNode, work: Work, group: str, *, exclusive: bool = False) -> Worker[None]:
    """Begin some work.

    Args:
        host: The app, or the widget with which it ends.
        work: Makes it, once it starts.
        group: What it is called.
        exclusive: Give up what goes by the same name.
    """
    return host.run_worker(work, group=group, exclusive=exclusive)
