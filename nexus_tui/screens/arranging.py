"""ArrangingScreen: a screen whose table of sessions is put in another order, and shown with other columns."""

from __future__ import annotations

from nexus_tui.config.columns import changed_columns
from nexus_tui.screens.columns import Answer, ColumnsDialog
from nexus_tui.screens.finding import FindingScreen
from nexus_tui.viewmodels.session_rows import FIELDS, field_of


class ArrangingScreen(FindingScreen):
    """Order and columns, by keys or by name."""

    def do_sort(self, name: str) -> None:
        """Sort by the next column, or by a named one."""
        if not name:
            self.sessions.sort_by_next()
            return
        wanted = name.lower().replace(" ", "-")
        key = next((key for key, field in FIELDS.items() if wanted in (key, field.column.label.lower())), None)
        self.sessions.sort_by(key or wanted)

    def do_reverse(self, _: str) -> None:
        """Turn the order round."""
        self.sessions.reverse()

    def do_columns(self, names: str) -> None:
        """Choose columns, or show those named: all of them, or one more (+), or one less (-)."""
        pane = self.sessions
        if names == "default":
            pane.show_default()
        elif names:
            pane.show_columns(*changed_columns(names, pane.chosen_keys, pane.widths))
        else:
            shown = pane.chosen_keys

            def show(answer: Answer | None) -> None:
                if answer is not None and answer != (shown, pane.widths):
                    pane.show_columns(*answer)

            seen = [key for key in self.feed.seen.values() if field_of(key) is not None and key not in FIELDS]
            own = [key for key in pane.source.keys if key not in FIELDS]
            default = pane.default.columns
            first = (tuple(key for key, _ in default), {key: width for key, width in default if width})
            offered = tuple(dict.fromkeys([*own, *sorted(seen)]))
            self.app.push_screen(ColumnsDialog(shown, pane.widths, offered, first), show)
