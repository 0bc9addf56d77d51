"""The filter bar's side of the filter language: completions with values that exist, and mistakes by column."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice

from nexus.model import Statistics
from nexus.query import parse
from nexus.query.complete import complete
from nexus.query.fields import FIELDS
from nexus.query.mistakes import QueryError
from nexus_widgets import Completion

EVENT_TYPES = (
    "session.created", "session.updated", "session.synced", "session.extended", "session.resumed", "session.forked",
    "session.signalled", "session.failed", "session.ended", "session.expired", "session.deleted",
    "run.queued", "run.started", "run.woken", "run.step", "run.call", "run.received", "run.progress", "run.suspended",
    "run.recovered", "run.released", "run.settled", "run.completed", "run.failed", "run.cancelled",
    "checkpoint.saved", "group.created", "group.ended",
)  # fmt: skip
"""Every type of event."""

_MOST = 40
"""Values that are offered at once."""

FAULTS = "status:failed,expired"
"""What is shown when only faults are wanted: what failed, and what was given up on by its time."""


def with_faults(q: str, *, faults: bool) -> str:
    """A filter, narrowed to faults if they are wanted.

    Args:
        q: A filter that reads.
        faults: Whether only they are wanted.
    """
    return f"{q} {FAULTS}".strip() if faults else q


def completions(
    text: str, cursor: int, statistics: Statistics | None, groups: Sequence[str],
    seen: Mapping[str, Sequence[str]] | None = None,
) -> list[Completion]:  # fmt: skip
    """What may stand at the cursor.

    Args:
        text: The filter that is written.
        cursor: Where the cursor is, in characters.
        statistics: Where the workflows' names come from.
        groups: Names of groups.
        seen: Values of other fields that were seen in sessions.
    """
    known = {"workflow": sorted(statistics.by_workflow) if statistics else [], "group": list(groups)}
    values = {**(seen or {}), **known}
    return [
        Completion(found.text, found.detail, found.start)
        for found in complete(text, cursor, values)
        # The bar replaces up to the cursor; what would replace more belongs to a word that is being mended.
        if found.end <= cursor
    ]


def is_begun(text: str) -> bool:
    """Whether the last word may be the beginning of a term, so that what it finds as a word is not wanted yet.

    Args:
        text: The filter as far as it is written.
    """
    word = text.rpartition(" ")[2].lstrip("-").lower()
    return bool(word) and any(name.startswith(word) for name in FIELDS)


def event_completions(text: str, cursor: int, others: Sequence[Completion]) -> list[Completion]:
    """What may stand at the cursor of a filter of events: the same, and types of events.

    Args:
        text: The filter that is written.
        cursor: Where the cursor is, in characters.
        others: What may stand there in a filter of sessions.
    """
    start = text.rfind(" ", 0, cursor) + 1
    word = text[start:cursor]
    if word.startswith("type:"):
        return value_completions(word[5:], cursor, EVENT_TYPES)
    mine = [Completion("type:", "the type of the event", start)] if "type:".startswith(word) else []
    return [*mine, *others]


def event_mistake_in(text: str) -> QueryError | None:
    """What is wrong with a filter of events, if anything is; columns are those of the text.

    Args:
        text: The filter.
    """
    # Types are no field of sessions: blanks in their place keep every column where it is.
    parts = [" " * len(word) if word.startswith("type:") and len(word) > 5 else word for word in text.split(" ")]
    return mistake_in(" ".join(parts))


def word_at(text: str, cursor: int) -> tuple[int, str]:
    """Where the term at the cursor begins, and what is written of it; without the sign that turns it round.

    Args:
        text: The filter that is written.
        cursor: Where the cursor is, in characters.
    """
    start = text.rfind(" ", 0, cursor) + 1
    start += text[start:cursor].startswith("-")
    return start, text[start:cursor]


def value_completions(written: str, cursor: int, values: Iterable[str]) -> list[Completion]:
    """What may end the last of a field's values; only what reads as a single value.

    Args:
        written: The values, apart by commas, up to the cursor.
        cursor: Where the cursor is, in characters.
        values: Those that the field may have.
    """
    begun = written.rpartition(",")[2]
    fitting = (each for each in values if each.startswith(begun) and each != begun and not re.search(r"[\s,]", each))
    return [Completion(each, "", cursor - len(begun)) for each in islice(fitting, _MOST)]


def mistake_in(text: str, read: Callable[[str], object] = parse) -> QueryError | None:
    """What is wrong with a filter, if anything is; columns are those of the text.

    Args:
        text: The filter.
        read: Reads it: that of another language than the one of sessions.
    """
    try:
        read(text)
    except QueryError as error:
        return error
    return None


def right_part(text: str, error: QueryError) -> str:
    """What stands before a mistake, if that is a filter; otherwise nothing.

    Args:
        text: The filter.
        error: What is wrong with it.
    """
    before = text[: error.column - 1].rpartition(" ")[0].strip()
    return before if mistake_in(before) is None else ""
