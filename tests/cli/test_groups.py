"""``nexus groups``."""

from __future__ import annotations

from tests.cli.support import Line


def test_a_group_is_made_listed_shown_and_ended_with_its_members(line: Line) -> None:
    made = line.ok("groups", "create", "batch-7", "--metadata", '{"for": "tests"}')
    assert (made["id"], made["status"], made["metadata"]) == ("batch-7", "open", {"for": "tests"})
    line.ok("sessions", "create", "s", "--group", "batch-7")
    shown = line.ok("groups", "show", "batch-7")
    assert (shown["total"], shown["live"], shown["by_status"]["active"]) == (1, 1, 1)
    page = line.ok("groups", "list")
    assert ([item["id"] for item in page["items"]], page["total"]) == (["batch-7"], 1)
    ended = line.ok("groups", "end", "batch-7", "--status", "cancelled")
    assert (ended["status"], ended["live"]) == ("ended", 0)
    assert line.ok("sessions", "show", "s")["status"] == "cancelled"


def test_waiting_for_a_group_returns_when_no_work_is_left(line: Line) -> None:
    line.ok("groups", "create", "g")
    line.ok("sessions", "create", "s", "--group", "g")
    line.ok("run", "count", "--session", "s", "--to", "1")
    assert line.ok("groups", "wait", "g", "--timeout", "5")["total"] == 1


def test_waiting_in_vain_is_exit_code_4(line: Line) -> None:
    line.ok("groups", "create", "g")
    line.ok("sessions", "create", "s", "--group", "g")
    line.ok("run", "ask", "--session", "s", "--question", "?")
    ran = line("groups", "wait", "g", "--timeout", "0.05", "-o", "json")
    assert ran.code == 4
    assert ran.problem["code"] == "wait_timeout"


def test_a_group_that_is_not_there_is_exit_code_3(line: Line) -> None:
    assert line("groups", "show", "nobody").code == 3
    assert line("groups", "end", "nobody", "--status", "expired").code == 2
    assert line("groups", "end", "nobody").code == 3
    told = line.ok("audit", "list", "-q", "outcome:refused")["items"]
    assert [(record["action"], record["target"]) for record in told] == [("group.end", "nobody")]


def test_groups_page_and_give_ids(line: Line) -> None:
    for number in range(3):
        line.ok("groups", "create", f"g-{number}")
    page = line.ok("groups", "list", "--limit", "2")
    assert page["next_cursor"]
    assert line("groups", "list", "--all", "-o", "id").out.split() == ["g-2", "g-1", "g-0"]


def test_a_dry_run_ends_no_group_and_yes_is_taken(line: Line) -> None:
    line.ok("groups", "create", "g")
    line.ok("sessions", "create", "a", "--group", "g")
    ran = line("groups", "end", "g", "--dry-run")
    assert (ran.code, ran.err) == (0, "1 session would be ended; nothing was\n")
    assert line.ok("groups", "show", "g")["status"] == "open"
    assert line.ok("groups", "end", "g", "--yes")["status"] == "ended"
