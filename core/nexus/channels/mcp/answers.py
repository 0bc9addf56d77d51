"""What goes back to the client: a value or an error, as structured content and as text of the same JSON.

An error of ``nexus.errors`` is a *tool* error (``isError``), so that the model reads it and can do better; its
structured content is ``{code, title, detail, details}`` with the stable code that every other channel gives.
Protocol errors are for what is no tool call at all: a tool or a resource that doesn't exist, a cursor that was
never given out.
"""

from __future__ import annotations

from typing import Any

import msgspec
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, CallToolResult, TextContent

from nexus.errors import NexusError

_encoder = msgspec.json.Encoder(enc_hook=str)


def json_text(value: Any) -> str:
    """``value`` as compact JSON text; what is no JSON value is written as its text."""
    return _encoder.encode(value).decode()


def printable(text: str) -> str:
    """``text`` with lone surrogates written as escapes, so that it can always be encoded."""
    return text.encode("utf-8", "backslashreplace").decode()


def success(value: dict[str, Any], *notes: str, is_error: bool = False) -> CallToolResult:
    """A result.

    Args:
        value: The structured content; the first text block is its JSON.
        notes: Further text blocks for the model.
        is_error: The call went through and what it ran failed.
    """
    content = [TextContent(text=text) for text in (json_text(value), *notes)]
    return CallToolResult(content=list(content), structured_content=value, is_error=is_error)


def failure(error: NexusError) -> CallToolResult:
    """A tool error: ``{code, title, detail, details}``, the members that HTTP's problem bodies have too."""
    facts: Any = msgspec.json.decode(_encoder.encode(_clean(error.details)))
    said = {"code": error.code, "title": error.title, "detail": printable(error.message), "details": facts}
    return success(said, is_error=True)


def invalid_params(message: str, **data: Any) -> MCPError:
    """The protocol's own error for a request that names something that isn't there (-32602)."""
    return MCPError(INVALID_PARAMS, printable(message), _clean(data) or None)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable(str(key)): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(item) for item in value]
    return value
