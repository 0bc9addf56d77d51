"""Tables: drawn with Rich on a terminal, tab-separated elsewhere. Every text passes ``clean`` here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nexus_tui.cli.views import DASH, TIMES, in_full, plain
from nexus_widgets.text import clean

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from nexus_tui.cli.output import Output
    from nexus_tui.cli.views import Column, View
    from nexus_widgets.tone import Tone

MAX_CELL = 4000
_GAP = 2
_LEAST = 10
"""Cells that a column is left with where the terminal is narrow."""

_STYLES: dict[Tone, str] = {
    "plain": "", "muted": "dim", "info": "cyan", "good": "green", "warn": "yellow", "bad": "bold red",
    "cat1": "blue", "cat2": "green", "cat3": "magenta", "cat4": "cyan",
}  # fmt: skip


def plain_line(item: Mapping[str, Any], view: View) -> str:
    """A row for a pipe: the exact values, tabs between them."""
    return "\t".join(clean(column.plain(item), limit=1 << 21) for column in view.columns) + "\n"


def table_lines(items: Sequence[Mapping[str, Any]], view: View, output: Output) -> Iterator[str]:
    """A list for a terminal, with a heading; a sentence where it is empty."""
    from rich.table import Table
    from rich.text import Text

    if not items:
        yield "nothing there\n"
        return
    console = _console(output)
    columns = _fitting(view, items, console.width)
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold", expand=False)
    for column, least, _ in columns:
        table.add_column(
            Text(column.title),
            justify="right" if column.right else "left",
            no_wrap=not column.wrapped,
            overflow="fold" if column.wrapped else "ellipsis",
            min_width=least,
        )
    for row in zip(*(cells for _, _, cells in columns), strict=True):
        table.add_row(*row)
    yield _drawn(table, output)


def _fitting(view: View, items: Sequence[Mapping[str, Any]], width: int) -> list[tuple[Column, int, list[Text]]]:
    """Columns with their least widths and their cells: all of them, or without spare ones where there is no room.

    What can't be shortened keeps its width, so that the rest gives way.
    """
    made: list[tuple[Column, int, list[Text]]] = []
    for column in view.columns:
        cells = [_cell(column, item) for item in items]
        widest = max(len(column.title), *(cell.cell_len for cell in cells))
        made.append((column, min(widest, _LEAST) if column.flexible or column.wrapped else widest, cells))
    while sum(least + _GAP for _, least, _ in made) - _GAP > width:
        spare = max(made, key=lambda each: each[0].spare)
        if not spare[0].spare:
            break
        made.remove(spare)
    return made


def record_lines(item: Mapping[str, Any], view: View, output: Output) -> Iterator[str]:
    """One object: a field a line, the view's columns first and then all others."""
    known = {column.key: column for column in view.columns}
    order = [*(key for key in known if key in item), *(key for key in item if key not in known)]
    if not output.drawn:
        for key in order:
            yield f"{clean(key)}\t{clean(plain(item[key]), limit=1 << 21)}\n"
        return
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for key in order:
        if key in TIMES and isinstance(item[key], str):
            table.add_row(Text(clean(key)), Text(clean(in_full(item[key]))))
        elif key in known and not isinstance(item[key], dict):
            table.add_row(Text(clean(key)), _cell(known[key], item))
        else:
            table.add_row(Text(clean(key)), Text(clean(_pretty(item[key]), limit=MAX_CELL, newlines=True)))
    yield _drawn(table, output)


def stream_line(item: Mapping[str, Any], view: View, output: Output) -> str:
    """A row of an endless list for a terminal: no column can know how wide the next one is."""
    from rich.text import Text

    line = Text("  ").join(_cell(column, item) for column in view.columns)
    line.no_wrap = True
    line.overflow = "ellipsis"
    return _drawn(line, output)


def _cell(column: Column, item: Mapping[str, Any]) -> Text:
    from rich.text import Text

    text, tone = column.eye(item)
    return Text(clean(text, limit=MAX_CELL), style=_STYLES[tone])


def _pretty(value: Any) -> str:
    if isinstance(value, dict | list) and value:
        return json.dumps(value, ensure_ascii=False, indent=2)
    return plain(value) or DASH


def _drawn(renderable: Any, output: Output) -> str:
    console = _console(output)
    with console.capture() as captured:
        console.print(renderable, markup=False, highlight=False)
    return captured.get()


def _console(output: Output) -> Console:
    from rich.console import Console

    return Console(
        no_color=not output.coloured,
        color_system="auto" if output.coloured else None,
        markup=False,
        highlight=False,
        emoji=False,
        legacy_windows=False,
    )
