"""A terminal that takes too little never makes the console wait for it."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import Static

from nexus_tui.slow_link import SlowLink, waiting_writes


class Painted(App[None]):
    """One text, and how many writes wait."""

    waiting = 0

    def compose(self) -> ComposeResult:
        yield Static("before", markup=False)


async def test_nothing_is_painted_while_frames_wait_and_the_newest_is_afterwards() -> None:
    app = Painted()
    async with app.run_test() as pilot:
        link = SlowLink(app, lambda: app.waiting)
        app.waiting = 30
        link.look()
        was_behind = link.is_behind
        text = app.query_one(Static)
        text.update("meanwhile")
        text.update("at last")
        app.waiting = 0
        while link.is_behind:
            await pilot.pause(0.01)
        assert was_behind
        assert "at last" in str(text.render())


async def test_a_terminal_that_keeps_up_gets_every_frame() -> None:
    app = Painted()
    async with app.run_test():
        link = SlowLink(app, lambda: 1)
        link.look()
        assert not link.is_behind


async def test_where_textual_does_not_tell_what_waits_nothing_is_left_out() -> None:
    app = Painted()
    async with app.run_test():
        assert waiting_writes(app) == 0
