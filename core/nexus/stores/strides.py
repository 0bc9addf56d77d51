"""Rows at every so many ranks: which ranks these are, and how they are read where each of them has to be looked for.

They are landmarks: whoever looks for a place in a long list narrows it down with some hundred of them at once, where
single rows would take a question for each halving.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from nexus.model import Session, Window

T = TypeVar("T")

FEW: Final = 16
"""So many rows are looked for one by one at most."""

Ask = Callable[[int, int], Awaitable[Window[Session]]]
"""Rows of a list side by side: from which rank, and how many."""


def ranks_of(offset: int, limit: int, stride: int) -> range:
    """The ranks of a window's rows, however long the list is.

    Args:
        offset: The first rank.
        limit: How many at most.
        stride: How far apart.
    """
    first, step = max(offset, 0), max(stride, 1)
    return range(first, first + max(limit, 0) * step, step)


def among(rows: Sequence[T], first: int, ranks: range) -> Sequence[T]:
    """The rows that stand at some ranks.

    Args:
        rows: Rows that stand side by side.
        first: The rank of the first of them.
        ranks: Which are wanted.
    """
    passed = max(0, -(-(first - ranks.start) // ranks.step))
    rest = ranks[passed:]
    return rows[rest.start - first : max(rest.stop - first, 0) : rest.step] if rest else rows[:0]


def widened(ranks: range, total: int, most: int = FEW) -> range:
    """Few of some ranks, from the first on and evenly spread over those that there are.

    Args:
        ranks: Which are wanted.
        total: How many rows there are.
        most: How many to give at most.
    """
    there = ranks[: max(0, -(-(total - ranks.start) // ranks.step))]
    return there[:: max(1, -(-len(there) // most))]


async def looked_for(ask: Ask, offset: int, limit: int, stride: int) -> Window[Session]:
    """A window by stride over a list that gives only rows side by side, or none by stride for less.

    Args:
        ask: Gives rows of the list.
        offset: The first rank.
        limit: How many at most.
        stride: How far apart, above 1.

    Returns:
        The rows; farther apart (see ``Window.stride``) where there would be more than ``FEW``.
    """
    first = await ask(offset, min(limit, 1))
    ranks = widened(ranks_of(offset, limit, stride), first.total)
    others = await asyncio.gather(*(ask(rank, 1) for rank in ranks[1:]))
    # One that is gone meanwhile was behind all that are left.
    items = (*first.items, *(row for window in others for row in window.items))
    return Window(items=items, offset=offset, total=first.total, whole=first.whole, stride=ranks.step)
