"""FilterBar: a line to write a filter on, completed and corrected by its owner.

It guarantees that `Changed` comes once after a burst of typing and never after `Submitted` for the same text.
It is deliberately ignorant of the filter's language: completions come from a callback, mistakes through
`show_error`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Input

from nexus_widgets.filter_hints import Completion, FilterHints
from nexus_widgets.filter_input import FilterInput, FilterRow, FilterText
from nexus_widgets.recall import Recall
from nexus_widgets.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Self

    from textual.app import ComposeResult
    from textual.timer import Timer

    Complete = Callable[[str, int], Sequence[Completion]]

__all__ = ["Completion", "FilterBar"]


class FilterBar(Widget):
    """A prompt, an input, and at the right what the filter finds."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", "Complete", show=False),
        Binding("down", "choose(1)", "Next completion", show=False),
        Binding("up", "choose(-1)", "Previous completion", show=False),
        Binding("escape", "cancel", "Cancel", show=False),
    ]

    DEFAULT_CSS = """
    FilterBar { height: 1; layout: vertical; background: $surface; color: $foreground; }
    FilterBar .filter-bar--prompt { color: $text-accent; text-style: bold; }
    FilterBar .filter-bar--count { color: $text-muted; }
    FilterBar.-error .filter-bar--prompt { color: $text-error; }
    """

    count_text: reactive[str] = reactive("", repaint=False)
    """What the filter finds, in words, at the right."""

    class _BarMessage(Message):
        """A message of a filter bar."""

        def __init__(self, bar: FilterBar, text: str) -> None:
            self.bar = bar
            self.text = text
            super().__init__()

        @property
        def control(self) -> FilterBar:
            """The bar that sent it."""
            return self.bar

    class Changed(_BarMessage):
        """The text changed and then rested a moment."""

    class Submitted(_BarMessage):
        """Enter was pressed."""

    class Cancelled(_BarMessage):
        """Escape was pressed; the text is still there."""

    def __init__(
        self,
        value: str = "",
        *,
        complete: Complete | None = None,
        prompt: str = "/",
        placeholder: str = "",
        debounce: float = 0.12,
        recall: Sequence[str] = (),
        name: str | None = None,
        id: str | None = None,  # noqa: A002  the name that every Textual widget uses
        classes: str | None = None,
    ) -> None:
        """Make a filter bar.

        Args:
            value: The filter at first.
            complete: Given the text and the cursor (in characters), returns completions, best first. It is called
                on each change, so it has to be quick.
            prompt: What stands before the input.
            placeholder: What an empty input says.
            debounce: Seconds without typing before `Changed`; 0 sends it at once.
            recall: Texts written before, oldest first: while no completion is offered, up and down go through them.
            name: The widget's name.
            id: The widget's id.
            classes: The widget's CSS classes.
        """
        super().__init__(name=name, id=id, classes=classes)
        self._complete = complete
        self._debounce = debounce
        self._timer: Timer | None = None
        self._told = clean(value)
        self._recall = Recall(recall)
        self._prompt = FilterText(classes="filter-bar--prompt")
        self._prompt.text = prompt
        self._input = FilterInput(placeholder)
        self._count = FilterText(classes="filter-bar--count")
        self._hints = FilterHints()

    @property
    def text(self) -> str:
        """What is written now."""
        return self._input.value if self._input.is_attached else self._told

    @property
    def hints(self) -> FilterHints:
        """The completions or the mistake that hang beneath."""
        return self._hints

    def compose(self) -> ComposeResult:
        """Put the parts in a row, and the hints beneath it."""
        with FilterRow():
            yield self._prompt
            yield self._input
            yield self._count
        yield self._hints

    def on_mount(self) -> None:
        """Write the filter that there is at first: an input can't take it before there is an app."""
        with self.prevent(Input.Changed):
            self._write(self._told)

    def watch_count_text(self, text: str) -> None:
        """Show what the filter finds."""
        self._count.text = text

    def on_input_changed(self, event: Input.Changed) -> None:
        """Offer completions, and tell the owner after a moment without typing."""
        event.stop()
        self.clear_error()
        if self._input.has_focus:
            self._offer()
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if self._debounce > 0:
            self._timer = self.set_timer(self._debounce, self._tell_changed)
        else:
            self._tell_changed()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the completion that is chosen, or hand the text over."""
        event.stop()
        if self._hints.choice is not None:
            self._take(self._hints.choice)
            return
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self._told = self.text
        self._hints.offer(())
        self.post_message(self.Submitted(self, self.text))

    def on_input_blurred(self, event: Input.Blurred) -> None:
        """Hide the completions."""
        event.stop()
        if self._hints.completions:
            self._hints.offer(())

    def on_filter_hints_picked(self, event: FilterHints.Picked) -> None:
        """Take the completion that was clicked."""
        event.stop()
        self._take(self._hints.completions[event.index])
        self._input.focus()

    def action_complete(self) -> None:
        """Take the chosen completion, or the first one; without any, go to the next widget."""
        if self._hints.completions:
            self._take(self._hints.choice or self._hints.completions[0])
        else:
            self.screen.focus_next()

    def action_choose(self, step: int) -> None:
        """Choose another completion; without a list, go through what was written before, or ask for one."""
        begun = bool(self.text) and not self._recall.is_shown
        if self._recall.texts and not (self._hints.completions and begun):
            self._recollect(step)
            return
        if not self._hints.completions:
            self._offer()
        if self._hints.completions:
            self._hints.choose(step)

    def action_cancel(self) -> None:
        """Let go of the chosen completion, or tell the owner to close."""
        if self._hints.choice is not None:
            self._hints.offer(())
            return
        self._hints.offer(())
        self.post_message(self.Cancelled(self, self.text))

    def focus(self, scroll_visible: bool = True) -> Self:
        """Put the focus on the input.

        Args:
            scroll_visible: Scroll it into view.
        """
        self._input.focus(scroll_visible)
        return self

    def set_text(self, text: str) -> None:
        """Write a filter, with the cursor at its end. `Changed` follows if it is another one.

        Args:
            text: The filter.
        """
        if self._input.is_attached:
            self._write(text)
        else:
            self._told = clean(text)

    def show_error(self, message: str, column: int) -> None:
        """Point at a mistake; it goes away with the next change.

        Args:
            message: What is wrong.
            column: Where, in characters from the start of the text.
        """
        self.add_class("-error")
        self._input.mark_wrong(column)
        self._hints.point_at(message, self._cell_of(column), max(self.size.width, 1))

    def clear_error(self) -> None:
        """Take the mistake away."""
        if self.has_class("-error"):
            self.remove_class("-error")
            self._input.mark_wrong(None)
            self._hints.offer(())

    def _write(self, text: str) -> None:
        self._input.value = text
        self._input.cursor_position = len(self._input.value)

    def _offer(self) -> None:
        if self._complete is None:
            return
        cursor = self._input.cursor_position
        completions = self._complete(self.text, cursor)
        start = self._start_of(completions[0], cursor) if completions else 0
        self._hints.offer(completions, self._cell_of(start))

    def _recollect(self, step: int) -> None:
        found = self._recall.move(step, self.text)
        if found is not None:
            self._write(found)
            self._hints.offer(())

    def _take(self, completion: Completion) -> None:
        cursor = self._input.cursor_position
        start = self._start_of(completion, cursor)
        before, after = self.text[:start], self.text[cursor:]
        self._input.value = f"{before}{completion.insert}{after}"
        self._input.cursor_position = len(before) + len(completion.insert)

    def _start_of(self, completion: Completion, cursor: int) -> int:
        return self.text.rfind(" ", 0, cursor) + 1 if completion.start is None else completion.start

    def _cell_of(self, column: int) -> int:
        """Return where a column is, in cells from the left edge of the bar."""
        return self._input.region.x - self.region.x + self._input.cell_of(column)

    def _tell_changed(self) -> None:
        self._timer = None
        if self.text != self._told:
            self._told = self.text
            self.post_message(self.Changed(self, self.text))
