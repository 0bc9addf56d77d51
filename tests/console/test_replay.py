"""Recordings: written from a real service, read back, and moved through exactly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from nexus.app import AsyncNexus
from nexus.errors import InvalidInput, PermissionDenied, SessionNotFound
from nexus.model import Status
from nexus.service import Service
from nexus_tui.cli.output import json_text
from nexus_tui.cli.transfer import exported
from nexus_tui.replay.player import Player
from nexus_tui.replay.reading import EVENTS_ONLY, SESSIONS_ONLY, read_tape
from nexus_tui.replay.recorder import Recorder
from nexus_tui.replay.service import ReplayService
from tests.console.world import StandingClock
from tests.widgets.support import HOSTILE

# A store can't hold a lone surrogate.
PAYLOADS = [text.encode("utf-8", "replace").decode() for text in HOSTILE]


@asynccontextmanager
async def an_app(clock: StandingClock) -> AsyncIterator[tuple[AsyncNexus, Service]]:
    app = AsyncNexus(store="memory://", clock=clock)

    @app.workflow("count")
    async def count(run: Any, to: int = 3) -> dict[str, int]:
        async for number in run.steps(range(to)):
            clock.at += 1
            run.state["n"] = number
            if number == 7:
                raise ValueError("seven")
        return {"n": to}

    async with app:
        yield app, app.service(app.local_caller("cli"))


@asynccontextmanager
async def recording(service: Service, clock: StandingClock, path: Path, **more: Any) -> AsyncIterator[Recorder]:
    """Record what is done meanwhile."""
    with path.open("wb") as file:
        recorder = Recorder(service, file.write, clock.now, **more)
        task = asyncio.create_task(recorder.record("here"))
        await settled(recorder)
        yield recorder
        await settled(recorder)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def settled(recorder: Recorder) -> None:
    """Let it come to rest: as many turns as it takes for nothing more to be written."""
    before = (-1, -1)
    for _ in range(200):
        for _ in range(30):
            await asyncio.sleep(0)
        now = (recorder.recorded.events, recorder.recorded.sessions)
        if now == before and now[1]:
            return
        before = now


async def told(path: Path, **more: Any) -> list[dict[str, Any]]:
    """Make a small recording; the sessions as they were after each thing that was done, in order."""
    clock = StandingClock()
    after: list[dict[str, Any]] = []
    async with an_app(clock) as (_, service):
        await service.create_session(session_id="old", metadata={"organization": "acme"})
        async with recording(service, clock, path, **more) as recorder:
            for step in (
                lambda: service.create_group("batch"),
                lambda: service.create_session(session_id="a", group="batch", user_id="42"),
                lambda: service.execute("count", {"to": 3}, session_id="a"),
                lambda: service.execute("count", {"to": 9}, session_id="b"),
                lambda: service.create_session(session_id="kid", parent_session="a"),
                lambda: service.end_session("old", status="cancelled", reason="done"),
            ):
                clock.at += 10
                await step()
                await settled(recorder)
                clock.at += 1
                page = await service.list_sessions("", sort="id", limit=100)
                after.append({"at": clock.at, "sessions": [each.to_dict() for each in page.items]})
    return after


async def test_what_is_played_is_what_was_at_each_time(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    after = await told(path)
    player = Player(read_tape(path), playing=False)
    service = ReplayService(player)
    # On, back, and on again: the same each time.
    for moment in (*after, *reversed(after), *after):
        player.seek(moment["at"])
        page = await service.list_sessions("", sort="id", limit=100)
        assert [each.to_dict() for each in page.items] == moment["sessions"]


async def test_figures_filters_windows_children_groups_checkpoints_and_runs_are_those_of_the_time(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.jsonl"
    await told(path)
    player = Player(read_tape(path), playing=False)
    service = ReplayService(player)
    player.seek(player.tape.end)
    figures = await service.statistics()
    assert figures.by_status["failed"] == 1
    assert figures.by_status["cancelled"] == 1
    assert figures.total == 4
    found = await service.window("status:failed", sort="-last_activity", offset=0, limit=10)
    assert [each.id for each in found.items] == ["b"]
    assert (found.total, found.whole) == (1, 4)
    apart = await service.window(sort="id", offset=1, limit=10, stride=2)
    assert apart.items == (await service.window(sort="id")).items[1::2]
    assert [each.id for each in (await service.list_children("a")).items] == ["kid"]
    group = await service.get_group("batch")
    assert group.total == 2
    saved = (await service.list_checkpoints("a")).items
    assert [each.id for each in saved] == ["checkpoint-1", "checkpoint-2", "checkpoint-3"]
    assert (await service.get_checkpoint("a", "checkpoint-2")).state == {"n": 1}
    run = await service.get_run("b")
    assert run is not None
    assert run.error is not None
    assert "seven" in run.error
    assert (await service.diff("a", "checkpoint-1", "checkpoint-2")).changed == {"n": (0, 1)}
    failed = await service.recent_events("type:run.failed")
    assert [event.session_id for event in failed] == ["b"]
    player.seek(player.tape.start)
    assert (await service.statistics()).total <= 1
    with pytest.raises(SessionNotFound):
        await service.get_session("kid")


async def test_a_recording_refuses_every_change(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    await told(path)
    service = ReplayService(Player(read_tape(path))).as_service
    for change in (service.end_session("a"), service.extend_session("a", 5), service.create_session(),
                   service.resume_session("a"), service.fork_session("a"), service.execute("count")):  # fmt: skip
        with pytest.raises(PermissionDenied):
            await change


async def test_a_filter_records_only_what_it_matches(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    await told(path, q="id=a")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert {line["session"]["id"] for line in lines if line.get("kind") == "session"} == {"a"}
    assert {line["event"]["session_id"] for line in lines if line.get("kind") == "event"} == {"a"}


async def test_a_torn_last_line_is_left_out_and_a_broken_one_before_it_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    await told(path)
    whole = path.read_bytes()
    for cut in range(1, 60, 7):
        path.write_bytes(whole[:-cut])
        assert read_tape(path).frames
    lines = whole.splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], b'{"kind": "eve\n', *lines[3:]]))
    with pytest.raises(InvalidInput, match="line 4"):
        read_tape(path)


HEADER = b'{"format": "nexus-recording/1", "recorded_at": "2027-01-15T08:00:00Z"}\n'
BROKEN = {
    "empty": b"",
    "no json": b"hello\n",
    "no object": b"[1]\n",
    "another format": b'{"format": "nexus-recording/99"}\n',
    "no event": HEADER + b'{"kind": "event", "event": {"type": 5}}\n{}\n',
    "no time": HEADER + b'{"kind": "group", "at": "soon", "group": {}}\n{}\n',
    "binary": bytes(range(256)) * 20,
    "deep": b"[" * 200_000,
    "only a header": HEADER,
    "no start": b'{"format": "nexus-recording/1"}\n',
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_recording_is_refused_by_name(tmp_path: Path, case: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(BROKEN[case])
    with pytest.raises(InvalidInput):
        read_tape(path)
    with pytest.raises(InvalidInput, match="can't be read"):
        read_tape(tmp_path / "missing")


async def test_kinds_and_fields_that_are_not_known_yet_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    await told(path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b'{"kind": "weather", "rain": true}\n', *lines[2:]]))
    assert read_tape(path).frames


async def test_exported_events_are_played_as_far_as_they_tell(tmp_path: Path) -> None:
    clock, path = StandingClock(), tmp_path / "events.jsonl"
    async with an_app(clock) as (_, service):
        await service.execute("count", {"to": 3}, session_id="a")
        clock.at += 5
        await service.execute("count", {"to": 9}, session_id="b")
        clock.at += 5
        await service.end_session("a", status="completed")
        events = await service.recent_events("", 1000)
    path.write_text("".join(json_text(event.to_dict()) + "\n" for event in events))
    tape = read_tape(path)
    assert tape.notes == (EVENTS_ONLY,)
    player = Player(tape, playing=False)
    replay = ReplayService(player)
    player.seek(tape.end)
    sessions = {each.id: each for each in (await replay.list_sessions("")).items}
    assert sessions["a"].status is Status.COMPLETED
    assert sessions["b"].status is Status.FAILED
    assert sessions["b"].workflow == "count"
    assert sessions["b"].step == 7
    player.seek(tape.start)
    assert [each.id for each in (await replay.list_sessions("")).items] == ["a"]


async def test_exported_sessions_are_played_with_the_states_of_their_checkpoints(tmp_path: Path) -> None:
    clock, path = StandingClock(), tmp_path / "sessions.jsonl"
    async with an_app(clock) as (_, service):
        await service.create_session(session_id="a", metadata={"organization": "acme"})
        clock.at += 5
        await service.execute("count", {"to": 3}, session_id="a")
        record, lines = await service.get_session("a"), await exported(service, "a")
        saved = (await service.get_checkpoint("a", "checkpoint-2")).created_at
    path.write_text(json_text(lines) + "\n")
    tape = read_tape(path)
    assert tape.notes == (SESSIONS_ONLY,)
    player = Player(tape, playing=False)
    replay = ReplayService(player)
    player.seek(tape.end)
    assert (await replay.get_session("a")).to_dict() == record.to_dict()
    player.seek(saved)
    assert (await replay.get_session("a")).state == {"n": 1}
    assert (await replay.get_session("a")).metadata == {"organization": "acme"}
    player.seek(tape.start)
    assert (await replay.get_session("a")).status is Status.ACTIVE


async def test_hostile_texts_come_back_as_they_were_and_nothing_breaks(tmp_path: Path) -> None:
    clock, path = StandingClock(), tmp_path / "x.jsonl"
    async with an_app(clock) as (_, service), recording(service, clock, path) as recorder:
        for number, text in enumerate(PAYLOADS):
            await service.create_session(session_id=f"s{number}", metadata={"x": text}, state={text: text})
            await settled(recorder)
    player = Player(read_tape(path), playing=False)
    player.seek(player.tape.end)
    found = {each.id: each for each in (await ReplayService(player).list_sessions("", limit=1000)).items}
    for number, text in enumerate(PAYLOADS):
        assert found[f"s{number}"].state == {text: text}


class Stopwatch:
    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


async def test_time_goes_as_fast_as_it_is_told_stands_and_ends(tmp_path: Path) -> None:
    path, watch = tmp_path / "x.jsonl", Stopwatch()
    await told(path)
    player = Player(read_tape(path), stopwatch=watch)
    start = player.now
    watch.at += 2
    assert player.now == start + 2
    player.change_speed(8)
    watch.at += 1
    assert player.now == start + 10
    player.toggle()
    watch.at += 100
    assert player.now == start + 10
    player.toggle()
    watch.at += 1000
    assert player.now == player.tape.end
    player.catch_up()
    assert not player.is_playing
    player.toggle()
    assert player.now == player.tape.start
    assert player.is_playing


async def test_one_steps_from_event_to_event_and_goes_to_named_times(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    await told(path)
    player = Player(read_tape(path), playing=False)
    times = sorted({event.ts for event in player.tape.events_between(0, len(player.tape.frames))})
    assert player.now == player.tape.start
    later = [ts for ts in times if ts > player.tape.start]
    assert player.step(1)
    assert player.step(1)
    assert player.now == later[1]
    assert player.step(-1)
    assert player.now == later[0]
    player.seek(player.time_of("100%"))
    assert player.is_over
    assert not player.step(1)
    assert player.time_of("50%") == pytest.approx((player.tape.start + player.tape.end) / 2)
    assert player.time_of("08:04:20") == pytest.approx(1_800_000_260.0)
    assert player.time_of("2027-01-15T08:04:20Z") == pytest.approx(1_800_000_260.0)
    for text in ("soon", "", "%", "99:99:99", "nan%", "101%"):
        with pytest.raises(InvalidInput):
            player.time_of(text)


async def test_the_feed_tells_events_as_time_passes_and_where_it_jumped(tmp_path: Path) -> None:
    path, watch = tmp_path / "x.jsonl", Stopwatch()
    await told(path)
    player = Player(read_tape(path), stopwatch=watch)
    feed = ReplayService(player).feed()
    first = await anext(feed)
    assert first.live
    watch.at += 12
    event = (await anext(feed)).event
    assert event is not None
    assert event.ts <= player.now
    player.seek(player.tape.end)
    while not (item := await anext(feed)).trimmed:
        pass
    assert item.event is None
    await feed.aclose()  # type: ignore[attr-defined]


def test_events_a_second_are_those_of_the_recording(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    events: list[dict[str, Any]] = [
        {"seq": n, "type": "session.updated", "ts": f"2027-01-15T08:00:{at:02d}Z", "session_id": "a", "group_id": None,
         "channel": "api", "actor": "x", "version": n, "duration": None, "data": {}}
        for n, at in enumerate((0, 5, 5, 5, 9), 1)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    player = Player(read_tape(path), playing=False)
    player.seek(player.tape.end)
    rates = player.events_per_second(20)
    assert len(rates) == 20
    assert rates[-1] == 1.0
    assert sum(rate or 0 for rate in rates) == 5
    assert rates[0] is None  # before the recording nothing is known
