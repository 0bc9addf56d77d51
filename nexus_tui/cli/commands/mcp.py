"""``nexus mcp``: MCP over stdin and stdout."""

from __future__ import annotations

from nexus_tui.cli.invocation import Invocation, alone, command

app = alone()


@command(app, "mcp", without=("server", "token", "output"))
async def mcp(call: Invocation) -> None:
    """Serve MCP over stdin and stdout, for a client that starts this program."""
    from nexus.channels.mcp.stdio import serve_stdio

    await serve_stdio(call.target.local_app())
