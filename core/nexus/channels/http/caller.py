"""Who asks: the one place that turns a request into a ``Caller``.

Everything else takes the caller as given, so what a token allows is decided here and in the service.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nexus.errors import AuthenticationRequired, InvalidInput
from nexus.model import CHANNELS, Caller

if TYPE_CHECKING:
    from nexus.channels.http.context import HttpContext

CHANNEL_HEADER = "x-nexus-channel"


async def caller_of(context: HttpContext, headers: Mapping[str, str]) -> Caller:
    """The caller of a request.

    Args:
        context: What is served.
        headers: The request's, with names in lower case.

    Returns:
        ``local:<os user>`` on channel ``api``, or on the one that ``X-Nexus-Channel`` names: a
        command line or console that works through a server says that it is one.

    Raises:
        AuthenticationRequired: ``enable_auth`` is set; this version issues no tokens, so it lets nobody in.
        InvalidInput: ``X-Nexus-Channel`` names no channel.
    """
    if context.app.settings.enable_auth:
        raise AuthenticationRequired("enable_auth is set and no tokens have been issued, so nobody may come in")
    channel = headers.get(CHANNEL_HEADER, "api")
    if channel not in CHANNELS:
        raise InvalidInput(
            f"X-Nexus-Channel {channel[:40]!r} is no channel: use one of {', '.join(CHANNELS)}",
            field="X-Nexus-Channel", value=channel[:40],
        )  # fmt: skip
    return context.local_caller(channel)
