"""Records become what is shown: short, in words, and inert."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from nexus.model import Status
from nexus.testing.builders import NOW, a_checkpoint, a_run, a_session, an_event
from nexus_tui.filtering import completions, is_begun, mistake_in
from nexus_tui.viewmodels import figures
from nexus_tui.viewmodels.checkpoint_rows import checkpoint_rows
from nexus_tui.viewmodels.event_lines import event_line, event_words, words_beside
from nexus_tui.viewmodels.moments import moments
from nexus_tui.viewmodels.session_facts import facts, headline
from nexus_tui.viewmodels.session_rows import FIELDS, STANDARD_FIELDS, Context, columns, session_row
from nexus_tui.viewmodels.words import STATUS_MARKS, moment, plural, short_id, since, until
from nexus_widgets import Toned

CONTEXT = Context(NOW, {})


def texts(cells: tuple[object, ...]) -> list[str]:
    return [cell.text if isinstance(cell, Toned) else str(cell) for cell in cells]


def test_every_status_has_a_glyph_of_one_cell_a_word_and_a_tone() -> None:
    assert set(STATUS_MARKS) == set(Status)
    assert all(cell_len(mark.glyph) == 1 for mark in STATUS_MARKS.values())
    assert len({mark.glyph for mark in STATUS_MARKS.values()}) == len(Status)
    assert STATUS_MARKS[Status.FAILED].text == "✖ failed"


def test_a_row_says_what_an_operator_asks_first() -> None:
    session = a_session(
        "session-123", status=Status.ACTIVE, channel="api", channels=("api", "mcp"), workflow="index-files", step=37,
        created_at=NOW - 268, last_activity=NOW - 4, idle_deadline=NOW + 3300,
    )  # fmt: skip
    row = session_row(session, STANDARD_FIELDS, Context(NOW, {"session-123": an_event("run.step", data={"step": 37})}))
    assert row.key == "session-123"
    assert texts(row.cells) == [
        "session-123", "○ active", "index-files", "api\u203amcp", "37", "4m28", "55m", "4s    step 37",
    ]  # fmt: skip


def test_a_session_past_its_time_is_expired_before_cleanup_has_said_so() -> None:
    session = a_session("late", created_at=NOW - 100, idle_deadline=NOW - 1)
    assert "◷ expired" in texts(session_row(session, ("status",), CONTEXT).cells)
    assert "◷ expired" in "".join(part.text for part in headline(session, NOW))


def test_long_ids_are_cut_in_the_middle_since_made_ones_begin_alike() -> None:
    one, other = "sess_01JKQ5Z8Y7ABCDEFGH00000001", "sess_01JKQ5Z8Y7ABCDEFGH00000002"
    assert short_id(one) != short_id(other)
    assert len(short_id(one)) == 18
    assert short_id("session-123") == "session-123"


def test_every_column_can_be_shown_and_those_without_an_order_cannot_be_sorted_by() -> None:
    session = a_session("s", parent_id="p", user_id="u", group_id="g", error="boom")
    row = session_row(session, tuple(FIELDS), CONTEXT)
    assert len(row.cells) == len(FIELDS)
    by_key = {column.key: column for column in columns(tuple(FIELDS))}
    assert not by_key["error"].sortable
    assert by_key["id"].sortable
    assert by_key["created"].priority > by_key["last"].priority  # what was chosen goes before what is always there


@pytest.mark.parametrize(
    ("kind", "data", "words"),
    [
        ("run.step", {"step": 4}, "step 4"),
        ("checkpoint.saved", {"checkpoint_id": "checkpoint-4"}, "checkpoint-4 saved"),
        ("session.extended", {"seconds": 600}, "extended by 10m"),
        ("session.ended", {"status": "cancelled", "reason": "wrong"}, "ended as cancelled: wrong"),
        ("session.ended", {}, "ended"),
        ("session.synced", {"target_channel": "mcp"}, "used from mcp"),
        ("session.resumed", {"checkpoint_id": "checkpoint-2"}, "resumed from checkpoint-2"),
        ("session.resumed", {}, "resumed"),
        ("run.failed", {"error": "OSError: full"}, "run failed: OSError: full"),
        ("run.progress", {"done": 3, "total": 9, "note": "pages"}, "progress 3 of 9: pages"),
        ("run.suspended", {"signal": "approve"}, "waits for approve"),
        ("session.extended", {"seconds": "soon"}, "extended"),
        ("weather.changed", {}, "weather changed"),
    ],
)
def test_events_are_told_in_words(kind: str, data: dict[str, object], words: str) -> None:
    assert event_words(an_event(kind, "s", data=data)) == words


@pytest.mark.parametrize(
    ("status", "kind", "data", "words"),
    [
        (Status.FAILED, "session.failed", {"error": "OSError: full"}, "OSError: full"),
        (Status.FAILED, "run.failed", {"error": "OSError: full"}, "OSError: full"),
        (Status.FAILED, "session.failed", {}, "run failed"),
        (Status.CANCELLED, "session.ended", {"status": "cancelled", "reason": "wrong"}, "wrong"),
        (Status.COMPLETED, "session.ended", {"status": "completed"}, "completed"),
        (Status.ACTIVE, "run.step", {"step": 4}, "step 4"),
    ],
)
def test_beside_a_status_an_event_does_not_repeat_it(
    status: Status, kind: str, data: dict[str, object], words: str
) -> None:
    assert words_beside(status, an_event(kind, "s", data=data)) == words


def test_texts_of_events_are_inert() -> None:
    line = event_line(
        an_event("run.failed", "s\x1b[2J", channel="\x07", actor="\u202eroot", data={"error": "\x1b]0;x"})
    )
    shown = (line.subject, line.text, line.channel, line.actor)
    assert all(text.isprintable() for text in shown)


def test_moments_know_which_checkpoint_held() -> None:
    session = a_session("s", channel="api", checkpoints=3, rewinds=((1, 2),))
    checkpoints = tuple(a_checkpoint("s", number, created_at=NOW - 50 + number) for number in (1, 2, 3))
    events = (
        an_event("session.created", "s", ts=NOW - 60),
        an_event("checkpoint.saved", "s", ts=NOW - 49, data={"checkpoint_id": "checkpoint-1"}),
        an_event("checkpoint.saved", "s", ts=NOW - 48, data={"checkpoint_id": "checkpoint-2"}),
        an_event("session.resumed", "s", ts=NOW - 48, data={"checkpoint_id": "checkpoint-1"}),
        an_event("run.progress", "s", ts=NOW - 48),
        an_event("checkpoint.saved", "s", ts=NOW - 47, data={"checkpoint_id": "checkpoint-3"}),
    )
    told = moments(session, checkpoints, events, NOW)
    assert [each.checkpoint_id for each in told] == [
        None, "checkpoint-1", "checkpoint-2", "checkpoint-1", "checkpoint-3", None,
    ]  # fmt: skip
    assert told[-1].is_now


def test_checkpoints_from_before_the_events_are_moments_all_the_same() -> None:
    session = a_session("s", channel="api", checkpoints=2)
    checkpoints = tuple(a_checkpoint("s", number, created_at=NOW - 50 + number) for number in (1, 2))
    told = moments(session, checkpoints, (an_event("run.step", "s", ts=NOW - 5, data={"step": 3}),), NOW)
    assert [each.checkpoint_id for each in told] == ["checkpoint-1", "checkpoint-2", "checkpoint-2", None]
    assert len(moments(session, (), (), NOW)) == 1


def test_the_timeline_of_a_session_that_is_over_ends_with_it() -> None:
    session = a_session("s", status=Status.COMPLETED, created_at=NOW - 5000, ended_at=NOW - 4990)
    told = moments(session, (), (an_event("session.created", "s", ts=NOW - 5000),), NOW)
    assert [moment.point.ts for moment in told] == [NOW - 5000, NOW - 4990]


def test_checkpoints_are_listed_newest_first_with_what_was_left_behind() -> None:
    made = [a_checkpoint("s", 1, pinned=True), a_checkpoint("s", 2, superseded=True), a_checkpoint("s", 3)]
    rows = checkpoint_rows(made, NOW)
    assert [row.key for row in rows] == ["checkpoint-3", "checkpoint-2", "checkpoint-1"]
    assert [texts(row.cells)[-1] for row in rows] == ["newest", "superseded", "forked \u2192"]


def test_facts_tell_the_record_and_the_run() -> None:
    session = a_session("s", error="boom\x1b[0m", forked_from=("t", 3), timeout=3600.0)
    told = dict(facts(session, a_run("s", recoveries=2), NOW))
    assert told["error"].text == "boom␛[0m"
    assert told["forked from"].text == "t at checkpoint-3"
    assert told["time-out"].text == "1h"
    assert told["recoveries"].text == "2"


def test_figures_before_anything_has_happened_are_dashes() -> None:
    assert figures.p95(None) == "\u2013"
    assert figures.success(None) == ("\u2013", "plain")
    assert figures.channel_shares(None) == ""
    assert [number for _, number in figures.status_counts(None)] == [0] * 7


def test_times_read_like_times() -> None:
    assert (until(NOW + 61, NOW), until(NOW - 1, NOW), until(None, NOW)) == ("1m01", "now", "never")
    assert (since(NOW + 5, NOW), since(None, NOW)) == ("0s", "\u2013")
    assert moment(NOW) == "2027-01-15 08:00:00Z"
    assert (plural(1, "session"), plural(2000, "session")) == ("1 session", "2,000 sessions")


def test_rates_are_short() -> None:
    assert [figures.rate(value) for value in (0, 0.44, 3.0, 12.4, 4982.0)] == ["0", "0.4", "3", "12", "4,982"]


def test_the_filter_completes_with_what_exists() -> None:
    offered = completions("group:b", 7, None, ["batch-7", "batch-8"])
    assert [each.insert for each in offered] == ["batch-7", "batch-8"]
    assert offered[0].start == 6


def test_a_mistake_has_a_column_and_a_word_that_may_become_a_field_waits() -> None:
    error = mistake_in("status:failed status:foo")
    assert error is not None
    assert error.column == 22
    assert mistake_in("status:failed") is None
    assert is_begun("stat")
    assert is_begun("status:failed wor")
    assert not is_begun("status:failed ")
    assert not is_begun("acme")
