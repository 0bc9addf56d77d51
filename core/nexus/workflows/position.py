"""Where a workflow's body is: in which durable loops, at which iteration, at which of its recorded calls.

A resumed body runs again from the top and must find what it did before. Loops are therefore numbered in the order in
which they are entered, and recorded results carry the path to where they were asked for: ``-:0`` is the first
outside of all loops, ``0:3:1`` the second in iteration 3 of loop 0, ``0:3/1:2:0`` the first in iteration 2 of a loop
inside that. When an iteration is complete, the loops that were entered in it are forgotten with it.

A loop that is left early, by ``break`` or an exception, stays where it is: its last iteration is not complete, runs
again on resume, and leaves the loop again.
"""

from __future__ import annotations

from collections.abc import Iterable

TOP = "-"


class Position:
    """Pure bookkeeping; knows nothing of state or of commits.

    Args:
        loops: Completed iterations of each loop, as recorded.
    """

    def __init__(self, loops: Iterable[int] = ()) -> None:
        self._counts = list(loops)
        self._next = 0
        self._open: list[Loop] = []
        self._calls: dict[str, int] = {TOP: 0}

    @property
    def loops(self) -> tuple[int, ...]:
        """Completed iterations of each loop that has been entered."""
        return tuple(self._counts)

    @property
    def unfinished(self) -> int:
        """Iterations begun and not complete: more than 0 after a loop was left early."""
        return len(self._open)

    def has_behind(self, path: str) -> bool:
        """Whether a path leads into an iteration that is complete."""
        for part in path.split("/") if path != TOP else ():
            index, _, iteration = part.partition(":")
            if int(index) < len(self._counts) and int(iteration) < self._counts[int(index)]:
                return True
        return False

    def enter(self) -> Loop:
        """Enter the next loop."""
        loop = Loop(self, self._next)
        if loop.index == len(self._counts):
            self._counts.append(0)
        self._next += 1
        return loop

    def key(self) -> str:
        """The path of the next thing to be recorded here."""
        path = self._open[-1].path if self._open else TOP
        number = self._calls.get(path, 0)
        self._calls[path] = number + 1
        return f"{path}:{number}"

    def count(self, loop: Loop) -> int:
        """Completed iterations of a loop."""
        return self._counts[loop.index]

    def begin(self, loop: Loop) -> None:
        """Begin the next iteration of a loop."""
        above = f"{self._open[-1].path}/" if self._open else ""
        loop.path = f"{above}{loop.index}:{self._counts[loop.index]}"
        self._open.append(loop)

    def holds(self, loop: Loop) -> bool:
        """Whether a loop is in an iteration that nothing around it has left."""
        return loop in self._open

    def complete(self, loop: Loop) -> str:
        """Complete a loop's iteration, and with it whatever was entered inside; the path that is now behind."""
        while self._open.pop() is not loop:
            pass
        self._counts[loop.index] += 1
        del self._counts[loop.index + 1 :]
        self._next = loop.index + 1
        self._calls = {path: number for path, number in self._calls.items() if not within(path, loop.path)}
        return loop.path


class Loop:
    """One durable loop of a body."""

    def __init__(self, position: Position, index: int) -> None:
        self._position = position
        self.index = index
        self.path = ""

    @property
    def done(self) -> int:
        """Completed iterations, those of earlier lives of the run included."""
        return self._position.count(self)

    @property
    def held(self) -> bool:
        """Whether its iteration can still be completed."""
        return self._position.holds(self)

    def begin(self) -> None:
        """Begin the next iteration."""
        self._position.begin(self)

    def complete(self) -> str:
        """Complete the iteration; the path that is now behind."""
        return self._position.complete(self)


def within(key: str, path: str) -> bool:
    """Whether a key or path lies in an iteration, ``path`` itself included."""
    return key == path or key.startswith((f"{path}:", f"{path}/"))
