"""Operations on tokens, for those who may administer; and what MCP clients must bring."""

from __future__ import annotations

from nexus.channels.http.operation import Call, Says, operation
from nexus.channels.http.reply import Reply, answer
from nexus.channels.wire import shown
from nexus.channels.wire.administering import NewTokenAnswer, TokenAnswer, TokenList
from nexus.channels.wire.asked import CreateToken, NoBody, NoQuery
from nexus.channels.wire.resource import MCP_METADATA_PATH, METADATA_PATH, ProtectedResource, metadata_of
from nexus.errors import TokenExists, TokenNotFound

_SECRET = [("Cache-Control", "no-store")]


@operation("GET", "/tokens", tag="tokens", says=(Says(200, TokenList, "all of them"),))
async def list_tokens(call: Call[NoQuery, NoBody]) -> Reply:
    """All tokens by name, with their scopes and when they were last used; never a secret."""
    return answer(TokenList(items=tuple(map(shown.token, await call.service.list_tokens()))))


@operation(
    "POST", "/tokens", tag="tokens", body=CreateToken,
    says=(Says(201, NewTokenAnswer, "the token with its secret"),), errors=(TokenExists,),
)  # fmt: skip
async def create_token(call: Call[NoQuery, CreateToken]) -> Reply:
    """Make a token. Its secret is in this answer and nowhere else."""
    body = call.body
    made = await call.service.create_token(body.name, body.scope, expires_in=body.expires_in)
    return answer(shown.new_token(made), status=201, headers=_SECRET)


@operation(
    "DELETE", "/tokens/{token_name}", tag="tokens", says=(Says(200, TokenAnswer, "what was revoked"),),
    errors=(TokenNotFound,),
)  # fmt: skip
async def revoke_token(call: Call[NoQuery, NoBody]) -> Reply:
    """Revoke a token: within two seconds it lets nobody in anywhere."""
    return answer(shown.token(await call.service.revoke_token(call.path["token_name"])))


@operation(
    "GET", METADATA_PATH, tag="tokens", open=True,
    says=(Says(200, ProtectedResource, "protected resource metadata (RFC 9728)"),),
)  # fmt: skip
async def get_protected_resource(call: Call[NoQuery, NoBody]) -> Reply:
    """What a client of the MCP endpoint must bring: a bearer token in the header `Authorization`."""
    return _resource(call)


@operation(
    "GET", MCP_METADATA_PATH, tag="tokens", open=True,
    says=(Says(200, ProtectedResource, "protected resource metadata (RFC 9728)"),),
)  # fmt: skip
async def get_mcp_protected_resource(call: Call[NoQuery, NoBody]) -> Reply:
    """The same, at the address that RFC 9728 makes of `/mcp`."""
    return _resource(call)


def _resource(call: Call[NoQuery, NoBody]) -> Reply:
    scheme, host = call.scope.get("scheme", "http"), call.headers.get("host", "localhost")
    return answer(metadata_of(call.context.app.settings, scheme, host))


OPERATIONS = (list_tokens, create_token, revoke_token, get_protected_resource, get_mcp_protected_resource)
