"""Whatever a session is called and holds, the console shows it and does nothing else with it."""

from __future__ import annotations

import unicodedata
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest
from rich.segment import Segment
from textual.color import Color

from nexus.errors import InvalidInput
from nexus.model import Page, Status, WorkflowInfo
from nexus.model.audit import AuditBreak, AuditEntry, AuditHead, AuditRecord, AuditVerdict
from nexus.testing.builders import a_checkpoint, a_group, a_run, a_session, a_worker, an_event, creating_group
from nexus_tui.acting.plan import Item
from nexus_tui.acting.targets import Targets
from nexus_tui.equivalents import Equivalent
from nexus_tui.inert import InertFilter
from nexus_tui.kept import View
from nexus_tui.screens.audit import AuditScreen
from nexus_tui.screens.changes import ChangesDialog, Pair
from nexus_tui.screens.plan import PlanScreen
from nexus_tui.screens.report import ReportDialog
from nexus_tui.screens.why import WhyScreen
from nexus_tui.steering import End, Patch, Signal
from nexus_tui.viewmodels.audit_rows import audit_row, record_words, verdict_words
from nexus_tui.viewmodels.checkpoint_rows import checkpoint_rows
from nexus_tui.viewmodels.event_lines import _WORDS, event_line
from nexus_tui.viewmodels.event_rows import event_row
from nexus_tui.viewmodels.family import Family
from nexus_tui.viewmodels.group_rows import group_row, group_words
from nexus_tui.viewmodels.moments import moments
from nexus_tui.viewmodels.session_facts import facts, headline, subline
from nexus_tui.viewmodels.session_rows import FIELDS, Context, session_row
from nexus_tui.viewmodels.why import Evidence, explain
from nexus_tui.viewmodels.workflow_rows import workflow_row, workflow_words
from nexus_widgets import Toned, is_inert
from nexus_widgets.rows import Cell
from tests.console.driving import NARROW, WIDE, Driven, driving
from tests.console.world import NOW, World, a_world
from tests.widgets.support import HOSTILE

FORBIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
# A store can't hold a lone surrogate, so that none can come out of it.
PAYLOADS = [text.encode("utf-8", "replace").decode() for text in HOSTILE]


@pytest.fixture
async def hostile_world() -> AsyncIterator[World]:
    async with a_world() as world:
        for number, text in enumerate(PAYLOADS):
            await put_hostile(world, number, text, text)
            await world.app.store.append_audit(hostile_entry(text))
        yield world


async def put_hostile(world: World, number: int, session_id: str, text: str) -> None:
    await world.app.store.commit(creating_group(a_group(text, metadata={text: text})))
    session = a_session(
        session_id, status=Status.FAILED, channel=text[:20], channels=(text, "api"), owner=text, user_id=text,
        group_id=text,
        workflow=text, error=text, parent_id=text if number % 2 else None, last_activity=NOW - number,
        created_at=NOW - 100, metadata={text: text, "list": [text]}, state={text: {text: text}, "b": text},
        checkpoints=2, at_checkpoint=2, run_id="run-1", ran=True, idle_deadline=NOW + 60,
    )  # fmt: skip
    run = a_run(session_id, "run-1", workflow=text, actor=text, error=text, inputs_json=b'{"x":"\\u001b[2J"}')
    made = tuple(a_checkpoint(session_id, each, state={text: each}, workflow=text) for each in (1, 2))
    kinds = ("session.created", "run.failed", "session.signalled", "run.suspended", "session.ended", text)
    data = {"error": text, "name": text, "signal": text, "status": text, "reason": text}
    events = tuple(
        an_event(kind, session_id, ts=NOW - 50, channel=text, actor=text, group_id=text, data=data) for kind in kinds
    )
    await world.put(session, run, checkpoints=made, events=events)


def hostile_entry(text: str) -> AuditEntry:
    return AuditEntry(
        at=NOW, actor=text, channel=text, action=text, target_kind=text, target=text, outcome=text, code=text,
        reason=text,
    )  # fmt: skip


def tried(size: tuple[int, int]) -> Sequence[str]:
    """All payloads on a wide screen; some on a narrow one, which shows less of the same."""
    return PAYLOADS if size == WIDE else PAYLOADS[::5]


def assert_harmless(driven: Driven) -> None:
    assert driven.console.is_running
    for strip in driven.console.screen._compositor.render_strips():
        for segment in strip:
            assert not segment.control
            for char in segment.text:
                assert unicodedata.category(char) not in FORBIDDEN, f"{char!r} in {segment.text!r}"
            if segment.style is not None:
                assert segment.style.link is None
                assert "app.quit" not in str(segment.style.meta)


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_on_the_main_screen_and_all_that_opens_over_it(hostile_world: World, size: tuple[int, int]) -> None:
    async with driving(hostile_world, hostile_world.clock, size=size) as driven:
        for keys in (("end",), ("home",), ("g", "end", "escape"), ("l", "home", "escape"), ("asterisk",)):
            await driven.press(*keys)
            assert_harmless(driven)
        for key in "exrfim":
            await driven.press(key)
            assert_harmless(driven)
            await driven.press("escape")
        await driven.press("x", "tab", *"no", "enter")
        await driven.until(lambda: "looking" not in driven.text and not driven.on_main)
        assert_harmless(driven)


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_on_the_screens_and_panels_that_explain_and_find(hostile_world: World, size: tuple[int, int]) -> None:
    async with driving(hostile_world, hostile_world.clock, size=size) as driven:
        for text in PAYLOADS:
            driven.console.log_of_actions.add(text, Equivalent((text,), (text,)))
        views = {text: View(text, text, (text,)) for text in PAYLOADS}
        driven.console.kept.views._views.update(views)
        driven.console.kept.history.lines = list(PAYLOADS)
        for keys in (("exclamation_mark",), ("L", "end"), ("escape", "o", "end"), ("escape", "tilde", "end"),
                     ("escape", "O", "end"), ("w",), ("x",), ("escape", "escape"),
                     ("escape", "v", "end"), ("escape", "colon", "up", "up"), ("escape", "question_mark", "end"),
                     ("escape", "E")):  # fmt: skip
            await driven.press(*keys)
            assert_harmless(driven)


async def test_in_why(hostile_world: World) -> None:
    async with driving(hostile_world, hostile_world.clock) as driven:
        for text in PAYLOADS:
            session = a_session(text, status=Status.FAILED, workflow=text, error=text, run_id=text)
            run = a_run(text, text, workflow=text, error=text)
            worker = a_worker(text, host=text, workflows=(text,))
            screen = WhyScreen(text, driven.feed, driven.console.equivalents)
            await driven.console.push_screen(screen)
            screen._explanation = explain(Evidence(session, run, (worker,), (), NOW))
            screen._draw()
            await driven.pilot.pause()
            assert_harmless(driven)
            screen.dismiss()
            await driven.pilot.pause()


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_in_the_audit_its_records_and_what_is_copied(hostile_world: World, size: tuple[int, int]) -> None:
    async with driving(hostile_world, hostile_world.clock, size=size) as driven:
        await driven.press("A")
        await driven.until(lambda: "records" in driven.text)
        for _ in tried(size):
            await driven.press("enter")
            assert_harmless(driven)
            await driven.press("escape", "y", "down")
            assert_harmless(driven)
            assert driven.console.clipboard.isprintable()
        await driven.press("slash", *"actor", "colon")
        assert_harmless(driven)
        screen = driven.console.screen
        assert isinstance(screen, AuditScreen)
        for text in tried(size):
            broken = AuditBreak(chain=text, seq=1, problem=text, detail=text)
            driven.console.audit_check.words = verdict_words(AuditVerdict(records=1, heads=(), broken=broken))
            screen._draw()
            await driven.pilot.pause()
            assert_harmless(driven)
        screen._say_instead(PAYLOADS[0], PAYLOADS[1])
        await driven.rest()
        assert_harmless(driven)


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_in_every_pane_of_an_opened_session(world: World, size: tuple[int, int]) -> None:
    # Its id is well-formed: no other is ever opened, as the test after this one shows.
    await put_hostile(world, 0, "opened", PAYLOADS[0])
    for number, text in enumerate(PAYLOADS):
        child = a_session(text, workflow=text, parent_id="opened", created_at=NOW - 9 + number / 99)
        told = (an_event("run.failed", "opened", ts=NOW - 9, channel=text, actor=text, data={"error": text}),)
        await world.put(child, events=told)
    session = await world.app.store.load("opened")
    assert session is not None
    await world.replace(session.session, state={text: [text, {text: text}] for text in PAYLOADS})
    async with driving(world, world.clock, size=size) as driven:
        await driven.put_cursor_on("opened")
        await driven.press("enter")
        await driven.until(lambda: driven.session._detail is not None)
        for pane in "12345678":
            for key in (pane, "end", "pageup"):
                await driven.press(key)
                assert_harmless(driven)
        await driven.press("less_than_sign", "f")
        assert_harmless(driven)


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_in_plans_reports_differences_and_what_is_copied(world: World, size: tuple[int, int]) -> None:
    await world.service.create_session(session_id="one")
    items = [
        Item(text, outcome, text, number, why=text, made=text if outcome == "done" else None)
        for number, text in enumerate(tried(size))
        for outcome in ("planned", "done", "drifted", "refused", "untried", "unknown")
    ]
    async with driving(world, world.clock, size=size) as driven:
        for number, text in enumerate(tried(size)):
            change = (Signal(text), End("cancelled", text), Patch({text: text}))[number % 3]
            plan = PlanScreen(driven.feed, change, Targets(q=text, about=3, group=text))
            await driven.console.push_screen(plan)
            progress = plan.query_one("#plan-progress")
            await driven.until(lambda progress=progress: not progress.display)  # type: ignore[misc]
            assert_harmless(driven)
            driven.console.pop_screen()
            pair = Pair(text, {text: text}, text, {text: [text]})
            await driven.console.push_screen(ChangesDialog(text, [text], [], pair))
            await driven.rest()
            assert_harmless(driven)
            driven.console.pop_screen()
        report = ReportDialog(PAYLOADS[0], items, stay=True, again=True)
        await driven.console.push_screen(report)
        await driven.rest()
        for _ in range(len(items) // 6):
            await driven.press(*["down"] * 6)
            assert_harmless(driven)
        await driven.press("y")
        assert all(char.isprintable() or char in "\t\n" for char in driven.console.clipboard)


@pytest.mark.parametrize("text", PAYLOADS)
def test_in_every_view_model(text: str) -> None:
    session = a_session(
        text, status=Status.FAILED, channel=text, channels=(text, text), owner=text, user_id=text, group_id=text,
        workflow=text, error=text, parent_id=text, forked_from=(text, 1), run_id=text,
    )  # fmt: skip
    run = a_run(text, text, workflow=text, actor=text, inputs_json=text.encode(), outputs_json=text.encode())
    event = an_event(text, text, channel=text, actor=text, group_id=text, data={"error": text})
    checkpoint = a_checkpoint(text, 1, workflow=text)
    shown = [part.text for part in (*headline(session, NOW), *subline(session, NOW))]
    shown += [value.text for _, value in facts(session, run, NOW)]
    shown += [plain(cell) for cell in session_row(session, tuple(FIELDS), Context(NOW, {text: event})).cells]
    shown += [plain(cell) for cell in checkpoint_rows([checkpoint], NOW)[0].cells]
    for kind in (text, *_WORDS):
        data = dict.fromkeys(("error", "name", "status", "reason", "signal", "step", "source", "checkpoint_id"), text)
        line = event_line(an_event(kind, text, channel=text, actor=text, data=data))
        shown += [line.time, line.subject, line.text, line.channel, line.actor]
    shown += [plain(cell) for cell in event_row(event).cells]
    shown += [plain(cell) for cell in workflow_row(text, registered=True, sessions=1, load=None).cells]
    record = AuditRecord(seq=1, chain=text, hash=text, **msgspec.structs.asdict(hostile_entry(text)))
    shown += [plain(cell) for cell in audit_row(record, NOW).cells]
    shown += [part for label, value in record_words(record, NOW) for part in (label, value.text)]
    head = AuditHead(chain=text, count=1, hash=text)
    shown.append(verdict_words(AuditVerdict(records=1, heads=(head,))).text)
    schema = {"properties": {text: {"type": text, "default": text}}, "required": [text]}
    info = WorkflowInfo(name=text, description=text, input_schema=schema)
    shown += [value.text for _, value in workflow_words(info)]
    group = a_group(text, metadata={text: text}, owner=text)
    shown += [plain(cell) for cell in group_row(group, NOW, waited_for=False).cells]
    shown += [value.text for _, value in group_words(group, NOW, waited_for=True)]
    family = Family("root")
    family.put("root", Page(items=(session,)), first=True)
    shown += [plain(cell) for row in family.rows(Context(NOW, {})) for cell in row.cells]
    for moment in moments(session, (checkpoint,), (event,), NOW):
        shown += [moment.point.label, moment.point.lane]
    assert all(is_inert(each) for each in shown)


def plain(cell: Cell) -> str:
    return cell.text if isinstance(cell, Toned) else str(cell)


async def test_a_session_whose_id_no_service_takes_is_shown_as_refused(hostile_world: World) -> None:
    async with driving(hostile_world, hostile_world.clock) as driven:
        await driven.press("enter")
        await driven.until(lambda: "is not an id" in driven.text)
        assert_harmless(driven)


async def test_in_refusals_and_notices(hostile_world: World) -> None:
    async with driving(hostile_world, hostile_world.clock) as driven:
        for text in PAYLOADS:
            driven.main.complain(InvalidInput(text))
            driven.main.tell(text)
            await driven.pilot.pause()
            assert_harmless(driven)
            driven.console.clear_notifications()


async def test_in_the_target_and_in_the_reason_of_a_lost_connection(world: World) -> None:
    async with driving(world, world.clock) as driven:
        for text in PAYLOADS:
            driven.console.context = text
            driven.feed.fail(InvalidInput(text))
            driven.main._draw()
            await driven.pilot.pause()
            assert_harmless(driven)


@pytest.mark.parametrize("text", PAYLOADS)
def test_the_last_filter_lets_nothing_through_and_keeps_the_width(text: str) -> None:
    segment = Segment(text)
    (seen,) = InertFilter().apply([segment], Color(0, 0, 0))
    assert seen.text.isprintable()
    assert seen.cell_length == segment.cell_length


async def test_what_is_pasted_into_a_dialog_reaches_no_terminal(hostile_world: World) -> None:
    from textual import events

    async with driving(hostile_world, hostile_world.clock) as driven:
        await driven.press("f")
        driven.console.post_message(events.Paste("\x1b]0;owned\x07\u202e"))
        await driven.rest()
        width = driven.console.size.width
        lines = driven.console.screen._compositor.render_strips()
        filters = driven.console.get_line_filters()
        for strip in lines:
            for segment in strip.apply_filter(filters[-1], Color(0, 0, 0)):
                assert segment.text.isprintable()
            assert strip.cell_length == width
