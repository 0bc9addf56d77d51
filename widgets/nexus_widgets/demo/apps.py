"""The demos: one app for each widget, and one with several of them together."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Footer, Label

from nexus_widgets.banner import Banner
from nexus_widgets.demo import samples
from nexus_widgets.diff_view import DiffView
from nexus_widgets.event_log import EventLog
from nexus_widgets.filter_bar import FilterBar
from nexus_widgets.json_tree import JsonTree
from nexus_widgets.plot import BrailleSpark, Series
from nexus_widgets.progress import ProgressCell
from nexus_widgets.scrubber import Scrubber
from nexus_widgets.stat_tile import StatTile
from nexus_widgets.timeline import Timeline
from nexus_widgets.virtual_table import VirtualTable

if TYPE_CHECKING:
    from textual.binding import BindingType


class TableDemo(App[None]):
    """a million rows: move, mark with space, p freezes, i moves the order on, click a header"""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("p", "freeze", "Freeze"),
        ("i", "shift", "Move on"),
        ("q", "quit", "Quit"),
    ]

    def __init__(self, total: int = 1_000_000) -> None:
        """Make the demo.

        Args:
            total: Rows.
        """
        super().__init__()
        self.source = samples.SampleSource(total)

    def compose(self) -> ComposeResult:
        """Show a table and the keys."""
        table = VirtualTable(samples.COLUMNS, self.source, empty="no session matches")
        table.set_sort("id")
        yield table
        yield Footer()

    def on_virtual_table_header_selected(self, event: VirtualTable.HeaderSelected) -> None:
        """Turn the order round."""
        self.source.reverse = not self.source.reverse
        event.control.set_sort(event.key, reverse=self.source.reverse)

    def action_freeze(self) -> None:
        """Freeze the table, or let it go."""
        table = self.query_one(VirtualTable)
        (table.thaw if table.is_frozen else table.freeze)()

    def action_shift(self) -> None:
        """Move the order on by a row."""
        self.source.shift += 1
        self.query_one(VirtualTable).invalidate()


class PlotDemo(App[None]):
    """plots in braille and in blocks"""

    CSS = "BrailleSpark { margin: 0 1 1 1; }"

    def compose(self) -> ComposeResult:
        """Show a plot of each kind."""
        values = samples.wave(400)
        for kind in ("area", "line", "blocks"):
            yield BrailleSpark(values, title=f"events/s ({kind})", value="4,982", kind=kind)
        both = BrailleSpark(title="in and out", value="61 %", kind="line")
        both.series = (
            Series(tuple(values), "cat1"),
            Series(tuple(samples.wave(400, period=27)), "cat3"),
        )
        yield both
        single = BrailleSpark(values)
        single.styles.height = 1
        yield single


class TilesDemo(App[None]):
    """figures with their course"""

    CSS = """
    Horizontal { height: 6; }
    StatTile { width: 1fr; height: 6; }
    .bare { border: none; height: 1; margin: 1 1 0 1; }
    """

    def compose(self) -> ComposeResult:
        """Show framed tiles and bare ones."""
        with Horizontal():
            yield StatTile("events/s", "4,982", "api 61 %  cli 9 %  mcp 30 %", values=samples.wave(200))
            yield StatTile("p95 duration", "2m10", "p50 41s", values=samples.wave(200, period=63), kind="line")
            yield StatTile("success", "99.2 %", "expiring <5m: 14", values=samples.wave(200, noise=0.6), tone="good")
        yield StatTile("events/s", "4,982", values=samples.wave(200), classes="bare")
        yield StatTile("failed", "9", values=samples.wave(200, period=11), tone="bad", kind="blocks", classes="bare")


class ProgressDemo(App[None]):
    """bars of eighths"""

    CSS = "ProgressCell { margin: 1 1 0 1; }"

    def compose(self) -> ComposeResult:
        """Show bars from nothing to everything."""
        for number in range(9):
            yield ProgressCell(number / 8)


class JsonDemo(App[None]):
    """a state, compared with an older one"""

    def compose(self) -> ComposeResult:
        """Show a tree."""
        tree = JsonTree()
        tree.set_value(samples.state(4), samples.state(3))
        yield tree


class LogDemo(App[None]):
    """a log: scroll up to stop following, p holds, f filters"""

    BINDINGS: ClassVar[list[BindingType]] = [("p", "pause", "Pause"), ("f", "filter", "Filter"), ("a", "add", "Add")]

    def compose(self) -> ComposeResult:
        """Show a log and the keys."""
        yield EventLog()
        yield Footer()

    def on_mount(self) -> None:
        """Fill the log."""
        self.query_one(EventLog).append(samples.entries(200))

    def action_pause(self) -> None:
        """Hold back, or go on."""
        log = self.query_one(EventLog)
        (log.resume if log.is_paused else log.pause)()

    def action_filter(self) -> None:
        """Show failures only, or all."""
        log = self.query_one(EventLog)
        log.filter_text = "" if log.filter_text else "failed"

    def action_add(self) -> None:
        """Add some entries."""
        self.query_one(EventLog).append(samples.entries(5))


class FilterDemo(App[None]):
    """a filter: tab completes, enter applies, a wrong word is pointed at"""

    CSS = "Label { margin: 1 2; }"

    def compose(self) -> ComposeResult:
        """Show a filter bar above a text."""
        yield FilterBar(complete=samples.complete, placeholder="status:failed age>10m", debounce=0)
        yield Label("Type s, then the down key; or write nonsense: and press enter.", markup=False)

    def on_mount(self) -> None:
        """Start with the cursor in the bar."""
        bar = self.query_one(FilterBar)
        bar.count_text = "21 of 1,002,413"
        bar.focus()

    def on_filter_bar_submitted(self, event: FilterBar.Submitted) -> None:
        """Point at a word that isn't known."""
        at = event.text.find("nonsense")
        if at >= 0:
            event.control.show_error("unknown field 'nonsense'; did you mean 'status'?", at)


class DiffDemo(App[None]):
    """what changed between two checkpoints"""

    def compose(self) -> ComposeResult:
        """Show the differences."""
        view = DiffView()
        before = {**samples.state(3), "lock": {"by": "alice"}}
        view.set_values(before, samples.state(5), before_name="checkpoint-3", after_name="checkpoint-5")
        yield view


class TimelineDemo(App[None]):
    """a session's life: left and right, shift for checkpoints"""

    CSS = "Timeline { margin: 1 1 0 1; } .one { height: 1; } .lanes { height: 5; }"

    def compose(self) -> ComposeResult:
        """Show timelines of one line, two lines, and lanes."""
        yield Timeline(samples.points(40), classes="one")
        yield Timeline(samples.points(300))
        lanes = Timeline(samples.points(40), classes="lanes")
        lanes.cursor = 24
        yield lanes
        yield Timeline()

    def on_mount(self) -> None:
        """Start in the lanes."""
        self.query_one(".lanes", Timeline).focus()


class ScrubberDemo(App[None]):
    """where a recording has come to: click to go elsewhere"""

    CSS = "Scrubber { margin: 1 1 0 1; }"

    def compose(self) -> ComposeResult:
        """Show one at its start, one in its middle, one at its end, and one of which nothing is known."""
        for share in (0.0, 0.4, 1.0):
            scrubber = Scrubber(samples.wave(300))
            scrubber.set_reactive(Scrubber.share, share)
            yield scrubber
        yield Scrubber()

    def on_scrubber_sought(self, event: Scrubber.Sought) -> None:
        """Go there."""
        event.control.share = event.share


class RecallDemo(App[None]):
    """a line with a memory: up and down bring what was written before"""

    CSS = "Label { margin: 1 2; }"

    def compose(self) -> ComposeResult:
        """Show a line above a text."""
        yield FilterBar(prompt=":", debounce=0, recall=("extend 10m", "filter status:failed", "theme nexus-light"))
        yield Label("Press the up key; or write f, and then press it.", markup=False)

    def on_mount(self) -> None:
        """Start with the cursor in the line."""
        self.query_one(FilterBar).focus()


class BannerDemo(App[None]):
    """the three levels of a banner"""

    def compose(self) -> ComposeResult:
        """Show one of each."""
        yield Banner(classes="info")
        yield Banner(classes="warning")
        yield Banner(classes="error")

    def on_mount(self) -> None:
        """Say something on each."""
        self.query_one(".info", Banner).say("replaying events.jsonl")
        self.query_one(".warning", Banner).say("connection lost, trying again", "warning", age=12.4)
        self.query_one(".error", Banner).say("the store refuses this token", "error", age=268)


class OverviewDemo(App[None]):
    """several widgets on one screen"""

    CSS = """
    #tiles { height: 5; }
    #tiles StatTile { width: 1fr; height: 5; }
    #tiles.-short { height: 1; }
    VirtualTable { height: 1fr; border: round $foreground 25%; border-title-color: $text-muted; }
    VirtualTable:focus { border: round $border; }
    EventLog { height: 8; border: round $foreground 25%; border-title-color: $text-muted; }
    """

    def compose(self) -> ComposeResult:
        """Lay a dashboard out."""
        with Horizontal(id="tiles"):
            yield StatTile("events/s", "4,982", "api 61 %  cli 9 %", values=samples.wave(200))
            yield StatTile("p95 duration", "2m10", "p50 41s", values=samples.wave(200, period=63))
            yield StatTile("success", "99.2 %", "expiring <5m: 14", values=samples.wave(200, noise=0.6), tone="good")
        yield FilterBar("status:failed,suspended age>10m", complete=samples.complete)
        with Vertical():
            table = VirtualTable(samples.COLUMNS, samples.SampleSource())
            table.set_sort("age", reverse=True)
            table.border_title = "sessions"
            yield table
            log = EventLog()
            log.border_title = "events  follow ●"
            yield log

    def on_mount(self) -> None:
        """Fill the log and mark some rows."""
        self.query_one(FilterBar).count_text = "21 of 1,002,413   2 marked"
        self.query_one(EventLog).append(samples.entries(60))
        table = self.query_one(VirtualTable)
        table.mark(["session-2", "session-4"])
        table.focus()


DEMOS: Final[dict[str, type[App[None]]]] = {
    "table": TableDemo,
    "plot": PlotDemo,
    "tiles": TilesDemo,
    "progress": ProgressDemo,
    "json": JsonDemo,
    "log": LogDemo,
    "filter": FilterDemo,
    "diff": DiffDemo,
    "timeline": TimelineDemo,
    "scrubber": ScrubberDemo,
    "recall": RecallDemo,
    "banner": BannerDemo,
    "overview": OverviewDemo,
}
