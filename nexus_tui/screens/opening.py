"""OpeningScreen: a screen from which the long lists open: all events, workflows, all groups, and the audit."""

from __future__ import annotations

from nexus_tui.screens.events import EventsScreen
from nexus_tui.screens.moving import TimeScreen
from nexus_tui.screens.workflows import WorkflowsScreen

# The other two are imported when somebody looks: the first paint needn't wait for them.


class OpeningScreen(TimeScreen):
    """Opens screens over itself."""

    def do_all_events(self, q: str) -> None:
        """All events on a screen of their own."""
        self.app.push_screen(EventsScreen(q))

    def do_workflows(self, _: str) -> None:
        """The workflows."""
        self.app.push_screen(WorkflowsScreen())

    def do_all_groups(self, q: str) -> None:
        """All groups on a screen of their own."""
        from nexus_tui.screens.groups import GroupsScreen

        self.app.push_screen(GroupsScreen(q))

    def do_audit(self, q: str) -> None:
        """The audit."""
        from nexus_tui.screens.audit import AuditScreen

        self.check_now("The audit is read as of now.")
        self.app.push_screen(AuditScreen(q))
