"""Terminal widgets that know no application: plain values go in, messages come out.

Names are loaded at first use, so that `from nexus_widgets.text import clean` costs neither Textual nor Rich.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nexus_widgets.banner import Banner
    from nexus_widgets.columns import Column, fit_columns
    from nexus_widgets.diff_view import DiffView
    from nexus_widgets.event_log import EventLog, LogEntry
    from nexus_widgets.filter_bar import Completion, FilterBar
    from nexus_widgets.json_diff import Change, diff
    from nexus_widgets.json_path import json_path
    from nexus_widgets.json_tree import JsonTree
    from nexus_widgets.plot import BrailleSpark, Series
    from nexus_widgets.progress import ProgressCell, bar, labelled_bar
    from nexus_widgets.rows import LocatingSource, Row, RowSource, RowWindow
    from nexus_widgets.scrubber import Scrubber
    from nexus_widgets.stat_tile import StatTile
    from nexus_widgets.text import cell_fit, cell_width, clean, compact, count, duration, is_inert
    from nexus_widgets.timeline import Timeline, TimelinePoint
    from nexus_widgets.tone import Tone, Toned
    from nexus_widgets.virtual_table import VirtualTable
    from nexus_widgets.wrapping import wrapped

__all__ = [
    "Banner",
    "BrailleSpark",
    "Change",
    "Column",
    "Completion",
    "DiffView",
    "EventLog",
    "FilterBar",
    "JsonTree",
    "LocatingSource",
    "LogEntry",
    "ProgressCell",
    "Row",
    "RowSource",
    "RowWindow",
    "Scrubber",
    "Series",
    "StatTile",
    "Timeline",
    "TimelinePoint",
    "Tone",
    "Toned",
    "VirtualTable",
    "bar",
    "cell_fit",
    "cell_width",
    "clean",
    "compact",
    "count",
    "diff",
    "duration",
    "fit_columns",
    "is_inert",
    "json_path",
    "labelled_bar",
    "wrapped",
]

_HOMES = {
    "banner": ("Banner",),
    "columns": ("Column", "fit_columns"),
    "diff_view": ("DiffView",),
    "event_log": ("EventLog", "LogEntry"),
    "filter_bar": ("Completion", "FilterBar"),
    "json_diff": ("Change", "diff"),
    "json_path": ("json_path",),
    "json_tree": ("JsonTree",),
    "plot": ("BrailleSpark", "Series"),
    "progress": ("ProgressCell", "bar", "labelled_bar"),
    "rows": ("LocatingSource", "Row", "RowSource", "RowWindow"),
    "scrubber": ("Scrubber",),
    "stat_tile": ("StatTile",),
    "text": ("cell_fit", "cell_width", "clean", "compact", "count", "duration", "is_inert"),
    "timeline": ("Timeline", "TimelinePoint"),
    "tone": ("Tone", "Toned"),
    "virtual_table": ("VirtualTable",),
    "wrapping": ("wrapped",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Load a public name's module when the name is first asked for."""
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})
