"""``nexus sessions export|import``: sessions as JSON lines."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, BinaryIO, TextIO

import typer

from nexus.errors import InvalidInput
from nexus_tui.cli import transfer
from nexus_tui.cli.commands.sessions.base import app
from nexus_tui.cli.commands.sessions.reading import QueryOption
from nexus_tui.cli.invocation import Invocation, command
from nexus_tui.cli.output import json_text
from nexus_tui.cli.selection import chosen
from nexus_tui.cli.views import RESTORED
from nexus_tui.private_files import whole_file


@command(app, "export", without=("output",))
async def export(
    call: Invocation,
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help="Sessions; - reads ids from stdin.")] = None,
    query: QueryOption = None,
    file: Annotated[str, typer.Option("--file", metavar="FILE", help="Where to; - is stdout.")] = "-",
) -> None:
    """Write sessions with their checkpoints and events as JSON lines; -q '' writes all."""
    async with call.target.open_service() as service:
        sessions = list(await chosen(service, ids or [], query))
        with _target(file) as out:
            for session_id in sessions:
                out.write(json_text(await transfer.exported(service, session_id)) + "\n")
    call.say.note(f"{len(sessions):,} exported")


@command(app, "import")
async def import_(
    call: Invocation,
    file: Annotated[str, typer.Argument(metavar="FILE", help="What export wrote; - is stdin.")],
    skip_existing: Annotated[bool, typer.Option("--skip-existing", help="Leave sessions that exist.")] = False,
) -> None:
    """Make exported sessions again, under their ids; their history stays in the file."""
    with _source(file) as lines:
        records = transfer.read_lines(lines)
    async with call.target.open_service() as service:
        taken = await transfer.check_free(service, records)
        if taken and not skip_existing:
            raise transfer.taken(taken)
        wanted = [record for record in records if record["id"] not in set(taken)]
        made = {record["id"]: await transfer.restore(service, record) for record in wanted}
        for record in reversed(wanted):
            made[record["id"]] = await transfer.finish(service, record, made[record["id"]])
    skipped = [transfer.Restored(session_id, None, "exists, left as it is") for session_id in taken]
    call.output.rows([one.to_dict() for one in (*made.values(), *skipped)], RESTORED)


@contextmanager
def _target(file: str) -> Iterator[TextIO]:
    """Stdout, or a file that takes its name only when it is complete, readable by its owner only."""
    if file == "-":
        yield sys.stdout
        return
    try:
        with whole_file(Path(file)) as out:
            text = TextIOWrapper(out, encoding="utf-8")
            yield text
            text.flush()
    except OSError as error:
        raise InvalidInput(f"{file!r} can't be written: {error.strerror or error}", field="file", value=file) from None


@contextmanager
def _source(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        with Path(file).open("rb") as lines:
            yield lines
    except OSError as error:
        raise InvalidInput(f"{file!r} can't be read: {error.strerror or error}", field="file", value=file) from None
