"""The filter bar's side of the filter language: completions with values that exist, and mistakes by column."""

from __future__ import annotations

from collections.abc import Sequence

from nexus.model import Statistics
from nexus.query import parse
from nexus.query.complete import complete
from nexus.query.fields import FIELDS
from nexus.query.mistakes import QueryError
from nexus_widgets import Completion


def completions(text: str, cursor: int, statistics: Statistics | None, groups: Sequence[str]) -> list[Completion]:
    """What may stand at the cursor.

    Args:
        text: The filter that is written.
        cursor: Where the cursor is, in characters.
        statistics: Where the workflows' names come from.
        groups: Names of groups.
    """
    values = {"workflow": sorted(statistics.by_workflow) if statistics else [], "group": list(groups)}
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


def mistake_in(text: str) -> QueryError | None:
    """What is wrong with a filter, if anything is.

    Args:
        text: The filter.
    """
    try:
        parse(text)
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
