"""``nexus audit``: shown, verified, kept elsewhere."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from tests.cli.support import Line
from tests.core.audit.test_trimming import trimmed_file


def test_changes_and_refusals_are_listed_newest_first(line: Line) -> None:
    line.ok("tokens", "create", "--name", "ci", "--scope", "run")
    assert line("sessions", "end", "none").code == 3
    refused, made = line.ok("audit", "list")["items"]
    assert (made["action"], made["target"], made["channel"]) == ("token.create", "ci", "cli")
    assert (refused["action"], refused["outcome"], refused["code"]) == ("end", "refused", "session_not_found")
    assert [each["seq"] for each in line.ok("audit", "list", "--oldest", "-q", "outcome:done")["items"]] == [1]


def test_a_mistake_in_the_filter_is_pointed_at(line: Line) -> None:
    ran = line("audit", "list", "-q", "colour:red")
    assert ran.code == 2
    assert "^^^^^^" in ran.err


def test_an_exported_file_verifies_and_an_edit_in_it_is_located(line: Line, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        line.ok("tokens", "create", "--name", name, "--scope", "run")
    assert line.ok("audit", "verify")["records"] == 3
    file = tmp_path / "audit.jsonl"
    assert line("audit", "export", str(file)).code == 0
    assert line("audit", "verify", str(file)).code == 0
    (head,) = line.ok("audit", "verify")["heads"]
    assert line("audit", "verify", "--head", f"3:{head['hash']}").code == 0
    assert line("audit", "verify", "--head", f"3:{'0' * 64}").code == 1
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], lines[1].replace('"b"', '"x"'), *lines[2:]]))
    ran = line("audit", "verify", str(file), "-o", "json")
    assert ran.code == 1
    assert json.loads(ran.out)["broken"]["seq"] == 2
    file.write_text("\n".join(lines[:-1]))
    assert line("audit", "verify", str(file)).code == 2


def test_what_was_trimmed_is_told_and_a_head_of_it_cannot_be_checked(line: Line, folder: Path) -> None:
    url, _, verdict = asyncio.run(trimmed_file(folder))
    told = verdict.trimmed[0]
    ran = line("audit", "verify", "--store", url, "-o", "table", "--head", f"1:{'0' * 64}")
    assert ran.code == 0
    assert f"records 1-{told.count} were trimmed by retention, last on " in ran.out
    assert f" by {told.actor}: {told.count}:{told.hash}" in ran.out
    assert "head 1 can't be checked: its record was trimmed" in ran.err
    shown = json.loads(line("audit", "verify", "--store", url, "-o", "json").out)
    assert shown["trimmed"][0]["count"] == told.count
