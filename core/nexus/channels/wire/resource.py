"""What this server is called where tokens are asked for: RFC 9728's resource, and the challenge that points to it."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from nexus.model.token import SCOPES
from nexus.settings import Settings

METADATA_PATH: Final = "/.well-known/oauth-protected-resource"
"""Where a client finds what the server wants."""
MCP_METADATA_PATH: Final = METADATA_PATH + "/mcp"
"""The same, where RFC 9728 puts it for the resource ``/mcp``."""


class ProtectedResource(msgspec.Struct, frozen=True, kw_only=True):
    """What a client of the MCP endpoint must bring (RFC 9728)."""

    resource: str
    resource_name: str
    bearer_methods_supported: tuple[str, ...]
    scopes_supported: tuple[str, ...]
    authorization_servers: Annotated[
        tuple[str, ...] | msgspec.UnsetType, Meta(description="who gives such tokens, besides `nexus tokens create`")
    ] = msgspec.UNSET


def resource_of(settings: Settings, scheme: str, host: str) -> str:
    """The address of the MCP endpoint, as its clients know it.

    An audience that is an address is that by definition (RFC 8707), whatever a proxy has made of the request's own.
    """
    audience = settings.jwt_audience or ""
    return audience if _is_address(audience) else f"{scheme}://{host}/mcp"


def metadata_of(settings: Settings, scheme: str, host: str) -> ProtectedResource:
    """What a client must bring, and who gives it."""
    issuer = settings.jwt_issuer or ""
    told = ProtectedResource(
        resource=resource_of(settings, scheme, host), resource_name="Nexus", bearer_methods_supported=("header",),
        scopes_supported=SCOPES,
    )  # fmt: skip
    if not issuer:
        return told
    scopes = tuple(rule.rpartition("=")[0] for rule in settings.jwt_scopes)
    return ProtectedResource(
        resource=told.resource, resource_name=told.resource_name, bearer_methods_supported=("header",),
        scopes_supported=scopes, **({"authorization_servers": (issuer,)} if _is_address(issuer) else {}),
    )  # fmt: skip


def challenge(settings: Settings, scheme: str, host: str, *, shown: bool) -> str:
    """The value of ``WWW-Authenticate``.

    Args:
        settings: Name the resource, where they do.
        scheme: The request's.
        host: The name that it was sent to.
        shown: Whether a token was shown, which was no good.
    """
    known = urlsplit(resource_of(settings, scheme, host))
    base = f"{known.scheme}://{known.netloc}" if known.netloc.lower() == host.lower() else f"{scheme}://{host}"
    error = ', error="invalid_token"' if shown else ""
    # What a client calls this server goes back to it, and must not end the quotes.
    base = "".join(char for char in base if char.isascii() and char.isprintable() and char not in '"\\ ')
    return f'Bearer realm="nexus"{error}, resource_metadata="{base}{MCP_METADATA_PATH}"'


def _is_address(text: str) -> bool:
    return text.startswith(("https://", "http://"))
