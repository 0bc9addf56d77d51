"""``nexus sessions create|update|fork|signal``: changing one session."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from nexus.errors import InvalidInput
from nexus.model import CHANNELS, RUNNING, Session
from nexus.service import Service
from nexus_tui.cli.commands.sessions.base import app
from nexus_tui.cli.commands.sessions.reading import IdArgument
from nexus_tui.cli.documents import loose_value, read_document, read_object
from nexus_tui.cli.executing import warn_if_nobody
from nexus_tui.cli.invocation import Invocation, command
from nexus_tui.cli.views import SESSIONS

_JSON = "JSON, @FILE, or - for stdin."


@command(app, "create")
async def create(
    call: Invocation,
    session_id: Annotated[str | None, typer.Argument(metavar="ID", help="Its id; made if not given.")] = None,
    metadata: Annotated[str | None, typer.Option(metavar="JSON", help=f"Metadata: {_JSON}")] = None,
    state: Annotated[str | None, typer.Option(metavar="JSON", help=f"First state: {_JSON}")] = None,
    parent: Annotated[str | None, typer.Option(metavar="ID", help="The parent session.")] = None,
    group: Annotated[str | None, typer.Option(metavar="ID", help="The group it joins.")] = None,
    user: Annotated[str | None, typer.Option(metavar="ID", help="The user it belongs to.")] = None,
    timeout: Annotated[float | None, typer.Option(metavar="SECONDS", help="Idle time-out; 0 means never.")] = None,
    channel: Annotated[str | None, typer.Option(help=f"{', '.join(CHANNELS)}; cli if not given.")] = None,
) -> None:
    """Create a session."""
    if metadata == "-" and state == "-":
        raise InvalidInput("--metadata and --state can't both be read from stdin", field="state")
    document, first = read_object(metadata, "metadata"), read_object(state, "state")
    async with call.target.open_service() as service:
        session = await service.create_session(
            session_id=session_id, channel=channel, metadata=document, state=first, parent_session=parent,
            group=group, user_id=user, timeout=timeout,
        )  # fmt: skip
        call.output.record(session.to_dict(), SESSIONS)


@command(app, "update")
async def update(
    call: Invocation,
    session_id: IdArgument,
    patch: Annotated[str | None, typer.Argument(metavar="PATCH", help=f"Merge patch of the state: {_JSON}")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="One value: JSON, else text; a.b=1 reaches inside."),
    ] = None,
    version: Annotated[int | None, typer.Option("--if-version", help="Only if this is its version.")] = None,
    edit: Annotated[bool, typer.Option("--edit", help="Write the state anew in $VISUAL or $EDITOR.")] = False,
) -> None:
    """Change a session's state by a JSON merge patch (RFC 7396); null removes a key."""
    merged = read_object(patch, "patch") or {}
    for assignment in set_ or ():
        _assign(merged, assignment)
    if edit == (patch is not None or bool(set_)):
        raise InvalidInput("give a patch, or --set PATH=VALUE, or --edit; one of them", field="patch")
    async with call.target.open_service() as service:
        if edit:
            session = await _edited(call, service, session_id, version)
        else:
            session = await service.patch_session(session_id, merged, if_version=version)
        call.output.record(session.to_dict(), SESSIONS)


async def _edited(call: Invocation, service: Service, session_id: str, version: int | None) -> Session:
    """Let the user write the state anew, and patch the version that was read to that."""
    from nexus.sessions.versions import check_version
    from nexus_tui.editing.editor import find_editor
    from nexus_tui.editing.text import written

    editor = find_editor(os.environ)
    before = await service.get_session(session_id)
    check_version(before, version)
    patch = _written(call, before.state, written(before.state), editor)
    if patch is None:
        call.say.note("nothing was changed")
        return before
    return await service.patch_session(session_id, patch, if_version=before.version)


def _written(call: Invocation, state: dict[str, Any], text: str, editor: tuple[str, ...]) -> dict[str, Any] | None:
    """The patch that was written; a mistake leads back to the editor with what was written, if the user wants it."""
    from nexus_tui.editing.editor import EditorFailed, edit_text
    from nexus_tui.editing.patching import patch_between

    while True:
        try:
            text = edit_text(text, editor)
            return patch_between(state, text)
        except InvalidInput as error:
            text = error.text if isinstance(error, EditorFailed) else text
            if not sys.stdin.isatty():
                raise
            call.say.warn(error.message)
            if not call.say.ask("go back to the editor?"):
                raise


def _assign(patch: dict[str, Any], assignment: str) -> None:
    path, equals, text = assignment.partition("=")
    keys = path.split(".")
    if not equals or not all(keys):
        raise InvalidInput(f"--set {assignment!r} is not PATH=VALUE", field="set", value=assignment)
    inner = patch
    for key in keys[:-1]:
        below = inner.setdefault(key, {})
        if not isinstance(below, dict):
            raise InvalidInput(f"--set {assignment!r}: {key} is set to a plain value already", field="set")
        inner = below
    inner[keys[-1]] = loose_value(text)


@command(app, "fork")
async def fork(
    call: Invocation,
    session_id: IdArgument,
    checkpoint: Annotated[str | None, typer.Option(metavar="ID", help="From here; from now if not given.")] = None,
    new_id: Annotated[str | None, typer.Option("--as", metavar="ID", help="Id of the new session.")] = None,
) -> None:
    """Copy a checkpoint, or the current state, into a new session; the source stays as it is."""
    async with call.target.open_service() as service:
        session = await service.fork_session(session_id, checkpoint_id=checkpoint, new_session_id=new_id)
        call.output.record(session.to_dict(), SESSIONS)


@command(app, "signal")
async def signal(
    call: Invocation,
    session_id: IdArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The signal that a run waits for.")],
    payload: Annotated[str | None, typer.Option(metavar="JSON", help=f"What comes with it: {_JSON}")] = None,
) -> None:
    """Leave a signal for a session; a run that waits for it goes on."""
    value = None if payload is None else read_document(payload, "payload")
    async with call.target.open_service() as service:
        session = await service.signal_session(session_id, name, value)
        call.output.record(session.to_dict(), SESSIONS)
        if session.status in RUNNING:
            await warn_if_nobody(call, service)
