"""FormDialog: a few questions before something is done; what comes of it is a value or nothing."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from nexus.errors import InvalidInput
from nexus_tui.panes.choice import Choice
from nexus_widgets import clean

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Question:
    """One line of a form: an input, or a choice where there are ``words``."""

    key: str
    label: str
    value: str = ""
    placeholder: str = ""
    words: Sequence[str] = ()


class FormDialog(ModalScreen[R | None], Generic[R]):
    """Asks its questions, checks the answers in ``build``, and is dismissed with what it made of them.

    Enter does it, Escape leaves it; an answer that doesn't fit is said beneath the questions, and its input focused.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", show=False),
        Binding("enter", "do", "Do it", show=False),
    ]

    heading: ClassVar[str] = ""
    do_label: str = "Do it"
    is_final: ClassVar[bool] = False
    """Whether it can't be taken back: the dialog then looks it."""

    def __init__(self, told: Sequence[str] = ()) -> None:
        """Make a dialog.

        Args:
            told: Lines that stand above the questions: what will be acted on, and what comes of it.
        """
        super().__init__(classes="dialog")
        self._told = tuple(told)

    def questions(self) -> Sequence[Question]:
        """What is asked."""
        return ()

    @abstractmethod
    def build(self, answers: Mapping[str, str]) -> R:
        """Make the result.

        Args:
            answers: What was answered, by the question's key, without blanks around it.

        Raises:
            InvalidInput: An answer doesn't fit; ``field`` is the question's key.
        """
        ...

    def compose(self) -> ComposeResult:
        """A frame with lines, questions, a place for mistakes, and two buttons."""
        with Vertical(classes="dialog--frame -final" if self.is_final else "dialog--frame") as frame:
            frame.border_title = Text(self.heading)
            for line in self._told:
                yield Static(Text(clean(line, limit=300)), classes="dialog--told")
            for question in self.questions():
                yield Static(Text(question.label), classes="dialog--label")
                yield self._field(question)
            yield Static(Text(""), classes="dialog--mistake")
            with Horizontal(classes="dialog--buttons"):
                yield Button(Text(f"⏎ {self.do_label}"), id="do", variant="error" if self.is_final else "primary",
                             compact=True)  # fmt: skip
                yield Button(Text("esc Leave"), id="leave", compact=True)

    def on_mount(self) -> None:
        """Start at the first question."""
        fields = self.query(".dialog--field")
        (fields.first() if fields else self.query_one("#do")).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in an input does it."""
        event.stop()
        self.action_do()

    def on_input_changed(self, event: Input.Changed) -> None:
        """A mistake goes away when something else is written."""
        event.stop()
        self._say("")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Do it, or leave it."""
        event.stop()
        self.action_do() if event.button.id == "do" else self.action_leave()

    def action_leave(self) -> None:
        """Leave it."""
        self.dismiss(None)

    def action_do(self) -> None:
        """Check the answers and hand over the result."""
        answers = {question.key: self._answer(question) for question in self.questions()}
        try:
            result = self.build(answers)
        except InvalidInput as error:
            self._say(error.message)
            field = error.details.get("field")
            if field in answers:
                self.query_one(f"#ask-{field}").focus()
        else:
            self.dismiss(result)

    def _field(self, question: Question) -> Widget:
        field: Widget
        if question.words:
            field = Choice(question.words, id=f"ask-{question.key}")
        else:
            field = Input(clean(question.value), placeholder=question.placeholder, id=f"ask-{question.key}",
                          compact=True, select_on_focus=True)  # fmt: skip
        field.add_class("dialog--field")
        return field

    def _answer(self, question: Question) -> str:
        field = self.query_one(f"#ask-{question.key}")
        return field.value.strip() if isinstance(field, (Input, Choice)) else ""

    def _say(self, mistake: str) -> None:
        self.query_one(".dialog--mistake", Static).update(Text(clean(mistake, limit=300)))
