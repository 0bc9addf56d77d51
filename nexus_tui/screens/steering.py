"""SteeringScreen: a screen with sessions to look at and to change, and what of that works here and now."""

from __future__ import annotations

from textual.widget import Widget

from nexus.errors import InvalidInput
from nexus.model import FINAL, RUNNING, Session, Status
from nexus_tui.commands import Command
from nexus_tui.screens.acting import ActingScreen
from nexus_tui.screens.base import nothing_under_the_cursor
from nexus_tui.screens.why import WhyScreen
from nexus_tui.viewmodels.words import STATUS_MARKS


class SteeringScreen(ActingScreen):
    """A screen with sessions to steer."""

    # What works now

    def offers(self, command: Command) -> bool:
        """Whether a command is in the footer: what may change from row to row is left to the help."""
        return not self.why_unchangeable(command.name) if command.changes else super().offers(command)

    def refusal(self, command: Command) -> str:
        """Why a command would do nothing here and now."""
        if why := super().refusal(command):
            return why
        if command.changes:
            return self._no_such_change(command.name)
        session = self.current()
        match command.name:
            case "parent" if session is not None and session.parent_id is None:
                return "it has no parent"
            case "group" if session is not None and session.group_id is None:
                return "it is in no group"
            case "why" | "parent" | "group" | "copy" if session is None:
                return "there is no session under the cursor"
        return ""

    def run_command(self, command: Command, argument: str) -> None:
        """A change that the session under the cursor can't have, for good, is refused before anything is asked."""
        session, why = self.current(), self.no_way(command.name) if command.changes else ""
        if session is not None and why and not self.why_unchangeable(command.name):
            self.app.clear_notifications()
            self.complain(InvalidInput(f"{session.id}: {why}. Nothing was done.", field="session_id"))
        else:
            super().run_command(command, argument)

    def no_way(self, name: str) -> str:
        """Why a change of the session under the cursor is refused for sure: it is over. Of others the service decides.

        Args:
            name: The command's.
        """
        session = self.current()
        return self._no_such_change(name) if session is not None and self._status(session) in FINAL else ""

    def _no_such_change(self, name: str) -> str:
        session = self.current()
        if session is None or self.targets().only is None or name == "undo":
            return ""
        status = self._status(session)
        word = STATUS_MARKS[status].word
        if name == "resume":
            return _no_resume(session, status)
        if name in ("extend", "signal", "end", "patch") and status in FINAL:
            return f"it is {word}{' already' if name == 'end' else ''}"
        if name == "approve" and status is not Status.SUSPENDED:
            return f"it is {word}: no run of it waits"
        return ""

    def _status(self, session: Session) -> Status:
        return Status.EXPIRED if session.is_due(self.feed.clock()) else session.status

    # Looking

    def do_why(self, _: str) -> None:
        """Explain a session."""
        self.check_explained()
        session = self.current()
        if session is None:
            raise nothing_under_the_cursor()
        self.app.push_screen(WhyScreen(session.id, self.feed, self.console.equivalents))

    def do_parent(self, _: str) -> None:
        """Open the parent."""
        session = self.current()
        if session is None:
            raise nothing_under_the_cursor()
        if session.parent_id is None:
            self.tell(f"{session.id} has no parent")
        else:
            self.console.open_session(session.parent_id)

    def do_group(self, name: str) -> None:
        """Show a group."""
        session = self.current()
        group = name or (session.group_id if session is not None else None)
        if group is None:
            self.tell(f"{session.id} is in no group" if session is not None else "There is no session under the cursor")
        else:
            self.console.show_group(group)

    def do_zoom(self, _: str) -> None:
        """Let the focused pane fill the screen, and back."""
        if self.maximized is not None:
            self.minimize()
            return
        pane = self.zoomable()
        if pane is None or not self.maximize(pane, container=False):
            self.tell("Nothing here can be enlarged: go to a pane with Tab first")

    def zoomable(self) -> Widget | None:
        """The pane that ``zoom`` enlarges."""
        return self.focused


def _no_resume(session: Session, status: Status) -> str:
    """Why a session can't be resumed; nothing where it can."""
    if status is Status.COMPLETED:
        return "it is completed, for good"
    if status in RUNNING:
        return f"it is {STATUS_MARKS[status].word}: a run is live"
    return "" if session.workflow is not None else "nothing has run in it"
