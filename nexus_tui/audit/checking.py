"""AuditCheck: verifying the audit in the background, once at a time; it outlives the screen that began it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from nexus.errors import NexusError
from nexus_tui.beginning import begin
from nexus_tui.viewmodels.audit_rows import verdict_words
from nexus_tui.viewmodels.words import clock_time
from nexus_widgets import Toned, clean

if TYPE_CHECKING:
    from nexus_tui.app import NexusConsole


class AuditCheck:
    """The last verification, or the one that is under way."""

    def __init__(self) -> None:
        self.is_running = False
        self.words = Toned("", "muted")
        """What came of it and when, or that it is under way; empty before the first."""

    def start(self, console: NexusConsole, show: Callable[[], bool]) -> bool:
        """Begin, unless one is under way. What comes of it is noted in the command log, and shown.

        Args:
            console: Whose service is asked.
            show: Is called when ``words`` changed, and says whether they are in view: a notice then says them only
                if the audit is broken.

        Returns:
            Whether it was begun.
        """
        if self.is_running:
            return False
        self.is_running, self.words = True, Toned("verifying …", "muted")
        begin(console, partial(self._check, console, show), "verify-audit")
        return True

    async def _check(self, console: NexusConsole, show: Callable[[], bool]) -> None:
        try:
            verdict = await console.feed.ask(lambda service: service.verify_audit())
        except NexusError as error:
            self.words = Toned("not verified", "warn")
            console.notify(
                clean(error.message, limit=500), title=error.title, severity="error", markup=False, timeout=8
            )
        else:
            came = verdict_words(verdict)
            self.words = Toned(f"{came.text}  {clock_time(console.feed.clock())}Z", came.tone)
            console.log_of_actions.add("Verified the audit", console.equivalents.verifying())
            if not show() or not verdict.intact:
                console.notify(came.text, title="Audit", severity="information" if verdict.intact else "error",
                               markup=False, timeout=8)  # fmt: skip
        finally:
            self.is_running = False
            show()
