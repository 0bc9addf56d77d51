"""Who asks: the one place that turns a request into a ``Caller``.

Everything else takes the caller as given, so what a token allows is decided here and in the service.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from nexus.errors import AuthenticationRequired, InvalidInput
from nexus.model import CHANNELS, Caller

if TYPE_CHECKING:
    from nexus.channels.http.context import HttpContext

CHANNEL_HEADER = "x-nexus-channel"
REVEAL_HEADER = "x-nexus-reveal"
NAMESPACE_HEADER = "nexus-namespace"
_SCHEME = "bearer"


async def caller_of(
    context: HttpContext, headers: Mapping[str, str], peer: str = "", channel: str | None = None
) -> Caller:
    """The caller of a request.

    Args:
        context: What is served.
        headers: The request's, with names in lower case.
        peer: The address that it came from; tokens that were never good are answered ever more slowly
            to one address.
        channel: That of the door, where the header has no say.

    Returns:
        With ``enable_auth`` (or ``session_auth_required``) who shows the token in ``Authorization``, with its scope;
        otherwise ``local:<os user>``.
        The channel is ``api``, or the one that ``X-Nexus-Channel`` names: a command line or console that works
        through a server says that it is one. ``X-Nexus-Reveal: true`` asks to see what is hidden from those.

        It acts in its token's namespace, or, where it may, in the one that ``Nexus-Namespace`` names.

    Raises:
        AuthenticationRequired: A token is wanted, and there is no token, or none that lets anybody in.
        PermissionDenied: ``Nexus-Namespace`` names a namespace, and the caller may not choose one.
        NamespaceNotFound: There is none of that name, or none that the caller may know of.
        InvalidInput: ``X-Nexus-Channel`` names no channel, or ``X-Nexus-Reveal`` is neither true nor false.
    """
    caller = await _known(context, headers, peer, channel or _channel(headers))
    wanted = headers.get(NAMESPACE_HEADER)
    if wanted is not None:
        caller = await context.app.enter(caller, wanted.strip())
    return replace(caller, reveal=True) if _reveals(headers) else caller


async def _known(context: HttpContext, headers: Mapping[str, str], peer: str, channel: str) -> Caller:
    if not context.app.settings.asks_who:
        return context.local_caller(channel)
    try:
        return await context.app.caller_of_token(_bearer(headers), channel, peer)
    except AuthenticationRequired as error:
        await context.app.refused(
            error, channel=channel, address=peer, action="authenticate", reason="a request without a token"
        )
        if error.guessed:
            await context.brake.failed(peer)
        raise


def _channel(headers: Mapping[str, str]) -> str:
    channel = headers.get(CHANNEL_HEADER, "api")
    if channel not in CHANNELS:
        raise InvalidInput(
            f"X-Nexus-Channel {channel[:40]!r} is no channel: use one of {', '.join(CHANNELS)}",
            field="X-Nexus-Channel", value=channel[:40],
        )  # fmt: skip
    return channel


def _reveals(headers: Mapping[str, str]) -> bool:
    given = headers.get(REVEAL_HEADER, "false").strip().lower()
    if given not in ("true", "false"):
        raise InvalidInput(
            f"X-Nexus-Reveal {given[:40]!r} says neither true nor false", field="X-Nexus-Reveal", value=given[:40]
        )
    return given == "true"


def _bearer(headers: Mapping[str, str]) -> str:
    scheme, _, secret = headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() != _SCHEME or not secret.strip():
        error = AuthenticationRequired(
            "this server wants to know who asks: send the header Authorization: Bearer TOKEN, with a token made by"
            " nexus tokens create",
            field="authorization",
        )
        error.guessed = False
        raise error
    return secret.strip()
