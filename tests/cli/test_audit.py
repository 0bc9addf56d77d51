"""``nexus audit``: shown, verified, kept elsewhere."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from io import BytesIO
from pathlib import Path
from typing import cast

from nexus import AsyncNexus
from nexus.audit import verify_lines
from nexus.model import Page
from nexus.model.audit import AuditRecord
from nexus.service import Service
from nexus.testing import FakeClock
from nexus_tui.cli.audit_file import write_audit
from tests.cli.support import Line
from tests.core.audit.test_trimming import DAY, fill, trimmed_file


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


async def test_an_audit_that_is_trimmed_while_it_is_written_has_no_gap() -> None:
    clock = FakeClock()
    async with AsyncNexus(store="memory://", audit_retention=4.5 * DAY, clock=clock) as app:
        await fill(app, clock, 5)
        service = app.service(app.local_caller("cli"))
        asked = 0

        class Trimmed:
            """The service, of pages of three; behind the first of them a day goes by."""

            verify_audit = service.verify_audit

            async def audit(self, *, cursor: str | None, limit: int) -> Page[AuditRecord]:
                nonlocal asked
                asked += 1
                if asked == 2:
                    clock.advance(2 * DAY)
                    await app.session_manager.cleanup_expired()
                return await service.audit(cursor=cursor, limit=min(3, limit))

        out = BytesIO()
        verdict = await write_audit(cast("Service", Trimmed()), out)
    assert verdict.trimmed
    out.seek(0)
    again = verify_lines(out)
    assert again.intact
    assert again.trimmed == verdict.trimmed


def test_an_export_takes_its_name_last_and_is_private(line: Line, tmp_path: Path) -> None:
    line.ok("tokens", "create", "--name", "ci", "--scope", "run")
    file = tmp_path / "audit.jsonl"
    assert line("audit", "export", str(file)).code == 0
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not list(tmp_path.glob("*.part"))
    assert line("audit", "export").out == file.read_text()
    assert line("audit", "export", str(tmp_path / "none" / "a.jsonl")).code == 2


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
