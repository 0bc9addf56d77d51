"""Going to another context while the console is open, to several in one list, and back."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from nexus.service import Service
from nexus_tui.app import NexusConsole
from nexus_tui.cli.choosing import ContextPlaces
from nexus_tui.cli.contexts import Contexts, Place, write_contexts
from nexus_tui.cli.target import Target
from nexus_tui.commands import find_command
from nexus_tui.connection import Opens
from nexus_tui.screens.command_line import CommandLine
from nexus_tui.screens.contexts import ConnectingScreen
from nexus_tui.switching import NamedPlace
from tests.console.driving import Driven, driving
from tests.console.merged.test_merged_console import fill, store
from tests.console.world import StandingClock


@contextmanager
def a_closed_port() -> Iterator[int]:
    """A port on which nothing answers, kept from others."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
async def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ContextPlaces]:
    """Three contexts: two files, of which one may only be looked at, and a server that isn't there."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    await fill(store(tmp_path, "prod"), "same", "in-prod")
    await fill(store(tmp_path, "staging"), "same", "in-staging", "in-staging-too")
    with a_closed_port() as port:
        write_contexts(Contexts({
            "prod": Place(store=store(tmp_path, "prod")),
            "staging": Place(store=store(tmp_path, "staging"), read_only=True),
            "gone": Place(server=f"http://127.0.0.1:{port}"),
        }))  # fmt: skip
        yield ContextPlaces(Target())


@asynccontextmanager
async def in_prod(places: ContextPlaces) -> AsyncIterator[Driven]:
    async with driving(places.one("prod"), StandingClock(time.time()), places=places) as driven:
        await driven.until(lambda: driven.table.total == 2)
        yield driven


def run(driven: Driven, name: str, argument: str) -> None:
    """Run a command as the command line does, without the typing."""
    command = find_command(name, "main")
    assert command is not None
    driven.main.run_command(command, argument)


async def go(driven: Driven, names: str) -> None:
    run(driven, "context", names)
    await driven.rest()


async def test_another_context_is_gone_to_and_back_with_what_each_may(places: ContextPlaces) -> None:
    async with in_prod(places) as driven:
        await go(driven, "staging")
        await driven.until(lambda: driven.table.total == 3 and "in-staging-too" in driven.text)
        assert "in-prod" not in driven.text
        assert driven.console.context == "staging"
        assert driven.feed.read_only is True
        await driven.press("e")
        assert "read-only" in driven.told
        await go(driven, "-")
        await driven.until(lambda: driven.table.total == 2 and "in-prod" in driven.text)
        read_only: bool = driven.feed.read_only
        assert read_only is False
        assert driven.console.context == "prod"


async def test_events_of_the_new_context_come_and_those_of_the_old_one_do_not(places: ContextPlaces) -> None:
    async with in_prod(places) as driven:
        await go(driven, "staging")
        await driven.until(lambda: driven.table.total == 3)
        async with replace(places.one("staging"), read_only=False).open_service() as service:
            await service.create_session(session_id="new-there")
        async with places.one("prod").open_service() as service:
            await service.create_session(session_id="new-here")
        await driven.until(lambda: "new-there" in driven.feed.last_events and driven.table.total == 4)
        assert "new-here" not in driven.feed.last_events


async def test_a_context_that_cannot_be_reached_is_told_and_the_old_one_stays(places: ContextPlaces) -> None:
    async with in_prod(places) as driven:
        await go(driven, "gone")
        await driven.until(lambda: "can't be gone to" in driven.told)
        assert "127.0.0.1" in driven.told
        assert "this is still prod: no server can be reached" in driven.told
        await driven.until(lambda: driven.on_main)
        assert driven.feed.link.state == "live"
        await driven.put_cursor_on("in-prod")
        await go(driven, "nosuch")
        await driven.until(lambda: "there is no context 'nosuch'" in driven.told)
        await go(driven, "-")
        await driven.until(lambda: "no context before" in driven.told)
        assert driven.table.total == 2


async def test_several_contexts_are_chosen_from_a_list_and_shown_together(places: ContextPlaces) -> None:
    async with in_prod(places) as driven:
        await driven.press("c")
        await driven.until(lambda: "Contexts" in driven.text and "gone" in driven.text)
        assert "here" in driven.text
        await driven.press("j", "space", "j", "space", "enter")
        await driven.until(lambda: "WHERE" in driven.text and driven.table.total == 5)
        assert driven.console.context == "prod + staging"
        await go(driven, "-")
        await driven.until(lambda: "WHERE" not in driven.text and driven.table.total == 2)


async def test_names_are_completed_one_after_another(places: ContextPlaces) -> None:
    async with in_prod(places) as driven:
        await driven.press("colon")
        await driven.write("context prod,st")
        await driven.press("tab")
        await driven.press("enter")
        await driven.until(lambda: "WHERE" in driven.text and driven.table.total == 5)


async def test_signs_are_not_offered_behind_a_name(places: ContextPlaces) -> None:
    async with in_prod(places) as driven:
        await driven.press("colon")
        line = driven.console.screen
        assert isinstance(line, CommandLine)

        def offered(text: str) -> list[str]:
            return [each.insert for each in line._complete(text, len(text))]

        assert offered("context ") == ["gone", "prod", "staging", "*"]
        assert offered("context prod,") == ["gone", "staging"]


async def test_the_filter_stays_and_marks_undo_and_looks_do_not_cross(places: ContextPlaces) -> None:
    async with in_prod(places) as driven:
        run(driven, "sort", "id")
        await driven.put_cursor_on("same")
        await driven.press("colon")
        await driven.write("extend 10m")
        await driven.press("enter")
        await driven.until(lambda: "Extended by 10m: same" in driven.told)
        assert len(driven.console.done_actions._actions) == 1
        await driven.press("space")
        run(driven, "filter", "id:same,in-staging")
        await go(driven, "staging")
        await driven.until(lambda: driven.table.total == 2 and "in-staging" in driven.text)
        assert driven.console.done_actions.last is None
        assert not driven.main.sessions.is_marked
        assert driven.main.sessions.source.sort.key == "last"
        await go(driven, "-")
        await driven.until(lambda: driven.table.total == 1)
        assert driven.main.sessions.source.sort.key == "id"


class Silent:
    """A place that never answers."""

    label = "silent"

    @asynccontextmanager
    async def open_service(self) -> AsyncIterator[Service]:
        """Wait for good."""
        await asyncio.Event().wait()
        yield None  # type: ignore[misc]


class OnlySilent:
    """One context that never answers."""

    def known(self) -> list[NamedPlace]:
        """That one."""
        return [NamedPlace("silent", "nowhere")]

    def target(self, names: Sequence[str]) -> Opens:
        """That one."""
        return Silent()


async def test_connecting_can_be_given_up(places: ContextPlaces) -> None:
    async with driving(places.one("prod"), StandingClock(time.time()), places=OnlySilent()) as driven:
        await go(driven, "silent")
        await driven.until(lambda: isinstance(driven.console.screen, ConnectingScreen))
        await driven.press("escape")
        await driven.until(lambda: driven.on_main)
        assert "Stayed" in driven.told
        assert driven.feed.link.state == "live"


def test_a_console_file_that_says_read_only_makes_every_context_refuse(places: ContextPlaces) -> None:
    from nexus_tui.config.contexts import as_configured
    from nexus_tui.config.reading import ConsoleConfig

    both = as_configured(places.target(["prod", "staging"]), ConsoleConfig(read_only=True))
    assert [each.read_only for each in both.targets.values()] == [True, True]  # type: ignore[attr-defined]


def test_a_console_without_contexts_says_so() -> None:
    assert NexusConsole(Target()).places.known() == []
