"""PromptLine: a line at the top that asks for one text."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.screen import ModalScreen

from nexus_widgets import FilterBar


class PromptLine(ModalScreen[str | None]):
    """Gives the text, or nothing when it was left."""

    def __init__(self, prompt: str, value: str = "", placeholder: str = "") -> None:
        """Make the line.

        Args:
            prompt: What stands before the text.
            value: The text at first.
            placeholder: What an empty line says.
        """
        super().__init__(classes="line")
        self._prompt, self._value, self._placeholder = prompt, value, placeholder

    def compose(self) -> ComposeResult:
        """One line."""
        yield FilterBar(self._value, prompt=self._prompt, placeholder=self._placeholder, debounce=0)

    def on_mount(self) -> None:
        """Write at once."""
        self.query_one(FilterBar).focus()

    def on_filter_bar_submitted(self, event: FilterBar.Submitted) -> None:
        """Hand over the text."""
        event.stop()
        self.dismiss(event.text)

    def on_filter_bar_cancelled(self, event: FilterBar.Cancelled) -> None:
        """Leave it."""
        event.stop()
        self.dismiss(None)
