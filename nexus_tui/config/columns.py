"""Columns as the file writes them: a name, and a width where one is wanted: ``workflow:20``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nexus.errors import InvalidInput
from nexus_tui.viewmodels.session_rows import FIELDS, field_of

MOST_COLUMNS = 30
WIDTHS = range(3, 201)
"""Cells that a column can be given."""
_WIDTH = re.compile(r"(.*):(\d+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A column that somebody chose; a width of 0 lets the table decide."""

    key: str
    width: int = 0

    @property
    def text(self) -> str:
        """As the file writes it."""
        return f"{self.key}:{self.width}" if self.width else self.key


class NotAColumn(ValueError):
    """What was written names no column; the message says what would."""


def read_columns(value: object) -> tuple[Chosen, ...]:
    """Columns from left to right; the id goes first where it is left out.

    Args:
        value: A list of texts, or one text with commas.

    Raises:
        NotAColumn: One of them is none, stands twice, or there are too many.
    """
    if isinstance(value, str):
        value = [each for each in (part.strip() for part in value.split(",")) if each]
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise NotAColumn('columns are a list as in ["id", "status", "workflow:20"]')
    chosen = [read_column(each) for each in value]
    keys = [each.key for each in chosen]
    for key in keys:
        if keys.count(key) > 1:
            raise NotAColumn(f"{key} stands twice: leave one out")
    if "id" not in keys:
        chosen.insert(0, Chosen("id"))
    if len(chosen) > MOST_COLUMNS:
        raise NotAColumn(f"there are {len(chosen)} columns: at most {MOST_COLUMNS} can be chosen")
    return tuple(chosen)


def read_column(text: str) -> Chosen:
    """One column.

    Raises:
        NotAColumn: There is no such column, or no such width.
    """
    found = _WIDTH.fullmatch(text.strip())
    key, width = (found[1].strip(), int(found[2][:6])) if found else (text.strip(), 0)
    if field_of(key) is None:
        near = _near(key)
        known = ", ".join(FIELDS)
        raise NotAColumn(f"there is no column {key[:60]!r}{near}. There are: {known}, meta.KEY and state.KEY")
    if found and width not in WIDTHS:
        raise NotAColumn(f"{key} can't be {width} cells wide: choose {WIDTHS.start} to {WIDTHS.stop - 1}")
    return Chosen(key, width)


def changed_columns(
    names: str, shown: Sequence[str], widths: Mapping[str, int]
) -> tuple[tuple[str, ...], dict[str, int]]:
    """Columns after ``:columns NAMES``: exactly those, or what is shown with some more (``+``) or less (``-``).

    Raises:
        InvalidInput: One of them is no column, or both ways are mixed.
    """
    parts = [each for each in re.split(r"[\s,]+", names) if each]
    changes = [each for each in parts if each[0] in "+-"]
    try:
        if not changes:
            chosen = read_columns(parts)
            return tuple(each.key for each in chosen), {each.key: each.width for each in chosen if each.width}
        if len(changes) < len(parts):
            raise NotAColumn("write all columns, or each with + or - before it")  # noqa: TRY301
        keys, given = list(shown), dict(widths)
        for each in changes:
            column = read_column(each[1:])
            if each[0] == "-" and column.key == "id":
                raise NotAColumn("the id is always shown")  # noqa: TRY301
            keys = [key for key in keys if key != column.key or each[0] == "+"]
            if each[0] == "+":
                keys += [] if column.key in keys else [column.key]
                given = {**given, column.key: column.width} if column.width else given
        if len(keys) > MOST_COLUMNS:
            raise NotAColumn(f"at most {MOST_COLUMNS} columns can be chosen")  # noqa: TRY301
    except NotAColumn as error:
        raise InvalidInput(f"{error}", field="columns", value=names[:100]) from None
    return tuple(keys), given


def _near(key: str) -> str:
    from difflib import get_close_matches

    found = get_close_matches(key.lower(), list(FIELDS), 1, 0.6)
    return f", did you mean {found[0]}" if found else ""
