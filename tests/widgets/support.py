"""Apps, sources and hostile texts that the widget tests share."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

from textual.app import App, ComposeResult
from textual.message import Message
from textual.widget import Widget
from textual.worker import WorkerCancelled

from nexus_widgets.rows import Row, RowWindow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from textual.pilot import Pilot

W = TypeVar("W", bound=Widget)
M = TypeVar("M", bound=Message)


class Host(App[None], Generic[W]):
    """An app with one widget in it, that remembers the widget's messages."""

    def __init__(self, widget: W) -> None:
        super().__init__()
        self.widget = widget
        self.seen: list[Message] = []

    def compose(self) -> ComposeResult:
        yield self.widget

    def remember(self, message: Message) -> None:
        self.seen.append(message)

    def of(self, kind: type[M]) -> list[M]:
        return [message for message in self.seen if isinstance(message, kind)]


def remembering(widget: W, *kinds: type[Message]) -> Host[W]:
    """Make a host app that remembers messages of some kinds."""
    handlers = {kind.handler_name: lambda self, event: self.remember(event) for kind in kinds}
    host: type[Host[W]] = type("RememberingHost", (Host,), handlers)
    return host(widget)


async def settle(pilot: Pilot[None]) -> None:
    """Wait until workers are done and what they brought is shown."""
    for _ in range(3):
        with suppress(WorkerCancelled):
            await pilot.app.workers.wait_for_complete()
        await pilot.pause()


async def until(pilot: Pilot[None], condition: Callable[[], bool], turns: int = 2000) -> None:
    """Let the app run until something holds; the number of turns only bounds a failure."""
    for _ in range(turns):
        if condition():
            return
        await pilot.pause(0.001)
    raise AssertionError("it never held")


def screen_lines(app: App[None]) -> list[str]:
    """Return the texts of the screen, as the compositor draws them."""
    return [strip.text for strip in app.screen._compositor.render_strips()]


class ListSource:
    """A row source over a list of keys, that counts and can hold back its answers."""

    def __init__(self, keys: Iterable[str]) -> None:
        self.keys = list(keys)
        self.asked: list[tuple[int, int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None

    @property
    def total(self) -> int:
        return len(self.keys)

    def row(self, key: str) -> Row:
        return Row(key, (key, f"value of {key}"))

    async def window(self, offset: int, limit: int) -> RowWindow:
        self.asked.append((offset, limit))
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return RowWindow(offset, tuple(self.row(key) for key in self.keys[offset : offset + limit]), len(self.keys))


class LocatingListSource(ListSource):
    """The same, that can also find a row."""

    async def locate(self, key: str) -> int | None:
        return self.keys.index(key) if key in self.keys else None


HOSTILE = (
    "\x1b[2J\x1b[H",
    "\x1b]0;owned\x07",
    "\x1b]52;c;cHduZWQ=\x07",
    "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "\x1bP+q544e\x1b\\",
    "\x1b_Gf=100;AAAA\x1b\\",
    "\x1b[?1049h",
    "\x1b[31mred\x1b[0m",
    "\x1b[6n",
    "\x1bc",
    "\x9b2J",
    "\x9d0;owned\x9c",
    "bell\x07bell",
    "back\x08\x08\x08space",
    "tab\tand\vvertical\fform",
    "line\nbreak\r\nand return\rover",
    "nul\x00del\x7f",
    "shift\x0eout\x0fin",
    "nel\x85ls\u2028ps\u2029",
    "\u202egnp.exe\u202c",
    "\u2066isolate\u2069\u200e\u200f\u061c",
    "zero\u200bwidth\u200c\u200d\ufeff\u2060",
    "za" + "\u0301\u0316\u0334" * 60 + "lgo",
    "\u0301\u0301 leading mark",
    "lone \ud800 surrogate \udfff",
    "non\ufffe\uffff\U0010ffffcharacter",
    "tags\U000e0041\U000e0042\U000e007f",
    "flags \U0001f1e9\U0001f1ea\U0001f1fa\U0001f1f8",
    "family \U0001f468\u200d\U0001f469\u200d\U0001f467",
    "heart \u2764\ufe0f wave \U0001f44b\U0001f3fd",
    "private \ue000\uf8ff\U000f0000",
    "fillers \u115f\u1160\u3164\uffa0\u034f",
    "spaces \u00a0\u2003\u3000\u202f\u205f",
    "soft\u00adhyphen\u180e\ufff9\ufffb",
    "wide 漢字かな交じり文",
    "long " + "x" * 5000,
    "[@click=app.quit]press[/]",
    "[/]",
    "[bold red]loud[/bold red]",
    "[link=http://evil.example]here[/link]",
    "$text-error [$error on $success]vars[/]",
    ":warning: \\[escaped]",
)
"""Texts that do something to a terminal, to its layout, or to a markup parser, when they are drawn as they are."""
