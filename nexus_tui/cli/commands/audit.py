"""``nexus audit``: who changed what, whether that is all as it was written, and a file of it to keep elsewhere."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from nexus.audit import read_head, verify_lines
from nexus.errors import InvalidInput
from nexus.model.audit import AuditHead, AuditTrim, AuditVerdict
from nexus.model.session import iso
from nexus.service import MAX_LIMIT, Service
from nexus_tui.cli.audit_file import write_audit
from nexus_tui.cli.diagnostics import ExitCode
from nexus_tui.cli.invocation import Invocation, command, group
from nexus_tui.cli.selection import filter_errors
from nexus_tui.cli.views import AUDIT
from nexus_tui.private_files import whole_file

app = group("The audit: list, verify, export.")

_Query = Annotated[
    str,
    typer.Option("-q", "--query", metavar="FILTER", help="actor:NAME action:end target:ID outcome:refused age<1h."),
]


@command(app, "list")
async def list_(
    call: Invocation,
    query: _Query = "",
    limit: Annotated[int, typer.Option(help="How many.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="Go on behind this place.")] = None,
    oldest: Annotated[bool, typer.Option("--oldest", help="Oldest first.")] = False,
) -> None:
    """List who changed what, and who was refused to, newest first."""
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidInput(f"--limit {limit} must be 1 to {MAX_LIMIT}", field="limit", value=limit)
    async with call.target.open_service() as service:
        with filter_errors(query):
            items, following = await _some(service, query, cursor, limit, newest=not oldest)
    call.output.rows(items, AUDIT, envelope={"items": items, "next_cursor": following})


async def _some(
    service: Service, query: str, cursor: str | None, limit: int, *, newest: bool
) -> tuple[list[dict[str, Any]], str | None]:
    items: list[dict[str, Any]] = []
    while True:
        page = await service.audit(query, cursor=cursor, limit=limit - len(items), newest=newest)
        items += [record.to_dict() for record in page.items]
        cursor = page.next_cursor
        if cursor is None or len(items) >= limit:
            return items, cursor


@command(app, "verify")
async def verify(
    call: Invocation,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A file of nexus audit export, instead of the store.")
    ] = None,
    head: Annotated[
        list[str] | None,
        typer.Option("--head", metavar="COUNT:HASH", help="One noted before: the chain must still go through it."),
    ] = None,
) -> ExitCode:
    """Work out every hash again; exit code 1 where a record was edited, dropped or added, and which."""
    noted = [read_head(each) for each in head or ()]
    if file is not None:
        verdict = _of_file(file, noted)
    else:
        async with call.target.open_service() as service:
            verdict = await _of_service(service, noted)
    _show(call, verdict)
    return ExitCode.DONE if verdict.intact else ExitCode.FAILED


def _of_file(file: Path, noted: list[AuditHead]) -> AuditVerdict:
    try:
        with file.open("rb") as lines:
            return verify_lines(lines, noted)
    except OSError as error:
        raise InvalidInput(f"{file} can't be read: {error.strerror}", field="file") from None


async def _of_service(service: Service, noted: list[AuditHead]) -> AuditVerdict:
    verdict = await service.verify_audit()
    if not noted or not verdict.intact:
        return verdict
    with _opened(None) as lines:
        await write_audit(service, lines)
        lines.seek(0)
        return verify_lines(lines, noted)


def _show(call: Invocation, verdict: AuditVerdict) -> None:
    if call.output.form in {"json", "jsonl", "yaml"}:
        call.output.record(verdict.to_dict(), AUDIT)
        return
    for each in verdict.unchecked:
        call.say.warn(f"head {_name(each)}{each.count} can't be checked: its record was trimmed")
    heads = "".join(f"{_name(one)}{one.count}:{one.hash}\n" for one in verdict.heads if one.count)
    if verdict.broken is None:
        told = "".join(f"{_trimmed(each)}\n" for each in verdict.trimmed)
        call.output.text(f"intact: {verdict.records} records\n{told}{heads}")
        return
    broken = verdict.broken
    where = f"chain {broken.chain}, " if broken.chain else ""
    call.output.text(f"broken: {where}record {broken.seq} {broken.problem}: {broken.detail}\n")


def _trimmed(it: AuditTrim) -> str:
    chain = f"chain {it.chain}: " if it.chain else ""
    when = f"last on {iso(it.at)} by {it.actor}"
    return f"{chain}records 1-{it.count} were trimmed by retention, {when}: {it.count}:{it.hash}"


def _name(head: AuditHead) -> str:
    return f"{head.chain}:" if head.chain else ""


@command(app, "export")
async def export(
    call: Invocation,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Where to; standard output if none.")] = None,
) -> None:
    """Write the whole audit as lines of JSON with the heads of its chains, to be verified anywhere."""
    with _opened(file) as out:
        async with call.target.open_service() as service:
            verdict = await write_audit(service, out)
        if file is None:
            out.seek(0)
            for line in out:
                call.output.text(line.decode())
    if verdict.broken is not None:
        call.say.warn("the audit is broken: nexus audit verify tells where")


@contextmanager
def _opened(file: Path | None) -> Iterator[BinaryIO]:
    """What an audit is written to: a file that takes its name when it is complete, or one without a name."""
    if file is None:
        with tempfile.TemporaryFile() as unnamed:
            yield unnamed
        return
    try:
        with whole_file(file) as out:
            yield out
    except OSError as error:
        raise InvalidInput(f"{file} can't be written: {error.strerror or error}", field="file") from None
