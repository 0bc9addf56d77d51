"""``nexus tokens``: who may come in, and what they may do."""

from __future__ import annotations

from typing import Annotated

import typer

from nexus.errors import InvalidInput
from nexus.model.token import SCOPES
from nexus_tui.cli.invocation import Invocation, command, group
from nexus_tui.cli.views import NEW_TOKEN, TOKENS

app = group("Tokens: create, list, revoke.")

_SCOPES = "run (executes, has its own sessions), read (sees all), operate (steers all), admin (tokens too)."


@command(app, "create")
async def create(
    call: Invocation,
    name: Annotated[str, typer.Option(metavar="NAME", help="The actor of all that it does.")],
    scope: Annotated[str, typer.Option(metavar="|".join(SCOPES), help=_SCOPES)],
    expires: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="How long it is good for, as 12h or 30d; for ever if not given."),
    ] = None,
) -> None:
    """Make a token. Its secret is shown this once: the store keeps a digest of it."""
    lasts = None if expires is None else _seconds(expires)
    async with call.target.open_service() as service:
        made = await service.create_token(name, scope, expires_in=lasts)
        call.output.record(made.to_dict(), NEW_TOKEN)
    call.say.note("keep it now: it is not shown again")


def _seconds(text: str) -> float:
    from nexus.query.durations import read_duration

    found = read_duration(text)
    if found is None or found <= 0:
        raise InvalidInput(f"--expires {text!r} is no duration: write it as 90s, 30m, 12h or 30d", field="expires")
    return found


@command(app, "list")
async def list_(call: Invocation) -> None:
    """List tokens by name, with their scopes and when they were last used."""
    async with call.target.open_service() as service:
        shown = [token.to_dict() for token in await service.list_tokens()]
        call.output.rows(shown, TOKENS, envelope={"items": shown, "next_cursor": None})


@command(app, "revoke")
async def revoke(
    call: Invocation, name: Annotated[str, typer.Argument(metavar="NAME", help="The token's name.")]
) -> None:
    """Revoke a token: within two seconds it lets nobody in anywhere."""
    async with call.target.open_service() as service:
        call.output.record((await service.revoke_token(name)).to_dict(), TOKENS)
