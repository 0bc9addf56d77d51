"""One session, now and as it was, driven by keys over a real service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from nexus_tui.past import NOW, START, before, pair_to_compare
from nexus_widgets import DiffView, JsonTree
from tests.console.driving import NARROW, WIDE, Driven, driving
from tests.console.world import STORY, World


@asynccontextmanager
async def opened(world: World, size: tuple[int, int] = WIDE, *, read_only: bool = False) -> AsyncIterator[Driven]:
    async with driving(world, world.clock, size=size, read_only=read_only) as driven:
        await driven.put_cursor_on(STORY)
        await driven.press("enter")
        await driven.until(lambda: driven.session._detail is not None)
        await driven.until(lambda: state_of(driven) != "MISSING")
        await driven.rest()
        yield driven


def state_of(driven: Driven) -> object:
    return driven.session.query_one("#pane-state", JsonTree).value


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_a_session_shows_its_headline_state_and_timeline(full_world: World, size: tuple[int, int]) -> None:
    async with opened(full_world, size) as driven:
        for word in ("session-123", "▶ in progress", "index-files", "acme-corp", "timeline", "expires never"):
            assert word in driven.text
        assert isinstance(state_of(driven), dict)


async def test_going_back_along_the_timeline_shows_state_as_it_was(full_world: World) -> None:
    async with opened(full_world) as driven:
        await driven.press("less_than_sign")
        await driven.until(lambda: "as it was at checkpoint-5" in driven.text)
        assert state_of(driven)["bytes"] == 15210  # type: ignore[index]
        await driven.press("less_than_sign", "less_than_sign")
        await driven.until(lambda: "as it was at checkpoint-3" in driven.text)
        assert state_of(driven)["bytes"] == 9120  # type: ignore[index]
        await driven.press("escape")
        await driven.until(lambda: state_of(driven)["bytes"] == 19004)  # type: ignore[index]
        assert "as it was" not in driven.text


async def test_arrows_on_the_timeline_go_through_every_moment(full_world: World) -> None:
    async with opened(full_world) as driven:
        await driven.press("home")
        await driven.until(lambda: "as it was at the start" in driven.text)
        assert state_of(driven) == {}
        await driven.press("end")
        await driven.until(lambda: "as it was" not in driven.text)


async def test_later_goes_on_to_now(full_world: World) -> None:
    async with opened(full_world) as driven:
        await driven.press("less_than_sign", "greater_than_sign")
        await driven.until(lambda: "as it was" not in driven.text)


async def test_moving_through_checkpoints_moves_the_timeline(full_world: World) -> None:
    async with opened(full_world) as driven:
        await driven.press("5", "j", "j", "j")
        await driven.until(lambda: "as it was at checkpoint-2" in driven.text)
        assert state_of(driven)["bytes"] == 4096  # type: ignore[index]


async def test_two_marked_checkpoints_are_compared(full_world: World) -> None:
    async with opened(full_world) as driven:
        await driven.press("5", "space", "j", "j", "j", "j", "space", "3")
        view = driven.session.query_one("#pane-diff", DiffView)
        await driven.until(lambda: "checkpoint-1 → checkpoint-5" in driven.text)
        assert {str(change.path[0]) for change in view.changes} == {"files", "bytes", "skipped", "model"}


async def test_states_are_compared_by_name_from_the_command_line(full_world: World) -> None:
    async with opened(full_world) as driven:
        await driven.press("colon")
        await driven.write("diff checkpoint-1 checkpoint-2")
        await driven.press("enter")
        await driven.until(lambda: "checkpoint-1 → checkpoint-2" in driven.text)
        await driven.press("colon")
        await driven.write("diff checkpoint-99")
        await driven.press("enter")
        await driven.until(lambda: "checkpoint-99" in driven.told)


async def test_resume_goes_back_to_the_checkpoint_that_is_shown(full_world: World) -> None:
    await full_world.service.end_session(STORY, status="cancelled")
    async with opened(full_world) as driven:
        await driven.press("less_than_sign", "less_than_sign")
        await driven.until(lambda: "as it was at checkpoint-4" in driven.text)
        await driven.press("r")
        assert "From checkpoint-4" in driven.text
        await driven.press("enter")
        await driven.until(lambda: "Resumed from checkpoint-4: session-123" in driven.told)
    events = (await full_world.service.list_events(STORY, newest=True)).items
    resumed = next(event for event in reversed(events) if event.type == "session.resumed")
    assert (resumed.data["checkpoint_id"], resumed.data["step"]) == ("checkpoint-4", 29)
    assert (await full_world.service.get_session(STORY)).state["bytes"] == 8800


async def test_fork_copies_the_checkpoint_that_is_shown(full_world: World) -> None:
    async with opened(full_world) as driven:
        await driven.press("less_than_sign", "less_than_sign")
        await driven.until(lambda: "as it was at checkpoint-4" in driven.text)
        await driven.press("f")
        await driven.write("what-if")
        await driven.press("enter")
        await driven.until(lambda: "Forked from checkpoint-4: session-123 → what-if" in driven.told)
    assert (await full_world.service.get_session("what-if")).state["bytes"] == 8800


async def test_before_the_first_checkpoint_nothing_can_be_resumed(full_world: World) -> None:
    async with opened(full_world) as driven:
        await driven.press("home")
        await driven.until(lambda: "as it was at the start" in driven.text)
        await driven.press("r")
        assert "before the first checkpoint there is nothing to go on from" in driven.told


async def test_extend_and_end_act_on_this_session_and_show_what_came_of_it(full_world: World) -> None:
    async with opened(full_world) as driven:
        await driven.press("e", "enter")
        await driven.until(lambda: "Extended by 10m: session-123" in driven.told)
        await driven.press("x", "enter")
        await driven.until(lambda: "✓ completed" in driven.text)


async def test_what_happens_elsewhere_is_shown_by_itself(full_world: World) -> None:
    async with opened(full_world) as driven:
        await full_world.service.end_session(STORY, status="cancelled", reason="enough")
        await driven.until(lambda: "⊘ cancelled" in driven.text)
        await driven.press("6")
        await driven.until(lambda: "ended as cancelled: enough" in driven.text)


async def test_children_are_listed_and_opened(full_world: World) -> None:
    async with opened(full_world) as driven:
        await driven.press("7")
        await driven.until(lambda: "session-123-ocr" in driven.text)
        await driven.press("enter")
        await driven.until(lambda: driven.session.session_id == "session-123-ocr")
        await driven.press("escape")
        assert driven.session.session_id == STORY


async def test_next_and_previous_follow_the_order_of_the_table(full_world: World) -> None:
    async with opened(full_world) as driven:
        await driven.press("right_square_bracket")
        await driven.until(lambda: driven.session.session_id == "session-123-ocr")
        await driven.press("left_square_bracket")
        await driven.until(lambda: driven.session.session_id == STORY)
        await driven.press("left_square_bracket")
        await driven.until(lambda: "no session before" in driven.told)


@pytest.mark.parametrize(
    ("key", "word"),
    [("2", "req-abc"), ("4", "user_id"), ("5", "superseded"), ("6", "checkpoint-5 saved"), ("8", "local:alice")],
)
@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_every_pane_is_shown_by_its_number(full_world: World, size: tuple[int, int], key: str, word: str) -> None:
    async with opened(full_world, size) as driven:
        await driven.press(key)
        await driven.until(lambda: word in driven.text)


async def test_a_text_is_found_in_the_tree(full_world: World) -> None:
    async with opened(full_world) as driven:
        await driven.press("slash")
        await driven.write("tokens")
        await driven.press("enter")
        await driven.until(lambda: "1 line with 'tokens'" in driven.told)
        assert driven.session.query_one("#pane-state", JsonTree).path == "$.model.tokens"
        await driven.press("Y")
        assert driven.console.clipboard == "$.model.tokens"
        await driven.press("y")
        assert driven.console.clipboard == STORY


async def test_a_deck_fills_the_screen_and_escape_shrinks_it(full_world: World) -> None:
    async with opened(full_world) as driven:
        await driven.press("5", "z")
        assert driven.session.maximized is driven.session.query_one("#deck-right")
        await driven.press("escape")
        assert driven.session.maximized is None


async def test_a_session_that_is_gone_says_so_and_keeps_the_console_alive(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("colon")
        await driven.write("open nothing.like.it")
        await driven.press("enter")
        await driven.until(lambda: "nothing.like.it" in driven.text and "!" in driven.text)
        await driven.press("escape")
        assert driven.on_main


async def test_a_read_only_console_refuses_changes_here_too(full_world: World) -> None:
    async with opened(full_world, read_only=True) as driven:
        assert "READ-ONLY" in driven.text
        for key in "exrfi":
            await driven.press(key)
        assert driven.told.count("This console is read-only") == 5


async def test_what_is_compared_when_nobody_says(full_world: World) -> None:
    checkpoints = (await full_world.service.list_checkpoints(STORY)).items
    assert before(NOW, checkpoints) == "checkpoint-5"
    assert before("checkpoint-4", checkpoints) == "checkpoint-2"  # 3 was left behind by a resume
    assert before("checkpoint-3", checkpoints) == "checkpoint-2"
    assert before("checkpoint-1", checkpoints) == START
    assert before(NOW, ()) == START
    assert pair_to_compare(NOW, ["checkpoint-5", "checkpoint-2"], checkpoints) == ("checkpoint-2", "checkpoint-5")
    assert pair_to_compare("checkpoint-2", ["checkpoint-5"], checkpoints) == ("checkpoint-2", "checkpoint-5")
    assert pair_to_compare(NOW, ["checkpoint-2"], checkpoints) == ("checkpoint-2", NOW)


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_where_a_session_is_stands_on_its_screen(full_world: World, size: tuple[int, int]) -> None:
    async with driving(full_world, full_world.clock, size=size) as driven:
        driven.console.namespace = "acme"
        await driven.press("enter")
        await driven.until(lambda: "timeline" in driven.text)
        assert driven.text.splitlines()[1].rstrip().endswith("prod  [acme]")


async def test_looking_at_the_checkpoints_goes_to_none_of_them(full_world: World) -> None:
    async with opened(full_world, NARROW) as driven:
        await driven.press("5")
        await driven.until(lambda: "checkpoint-5" in driven.text)
        await driven.rest()
        assert "as it was" not in driven.text
        await driven.press("j")
        await driven.until(lambda: "as it was at checkpoint-4" in driven.text)


async def test_of_a_session_that_is_over_the_footer_offers_what_can_be_done_and_the_rest_asks_nothing(
    full_world: World,
) -> None:
    await full_world.service.end_session(STORY, status="completed")
    async with opened(full_world) as driven:
        await driven.until(lambda: "✓ completed" in driven.text)
        footer = driven.text.splitlines()[-1]
        assert "f fork" in footer
        assert "e extend" not in footer
        for key, why in (("e", ""), ("x", " already"), ("r", ", for good"), ("m", "")):
            await driven.press(key)
            assert driven.console.screen is driven.session
            assert f"session-123: it is completed{why}. Nothing was done." in driven.told
