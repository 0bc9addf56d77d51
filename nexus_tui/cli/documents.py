"""JSON from the command line: as text, from ``@FILE``, or from stdin as ``-``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from nexus.errors import InvalidInput
from nexus.model import jsonvalue


def read_document(text: str, field: str) -> Any:
    """Read a JSON value.

    Args:
        text: JSON, ``@FILE``, or ``-`` for stdin.
        field: The option's name, for messages.

    Raises:
        InvalidInput: The file can't be read, or what is there is no JSON.
    """
    return jsonvalue.decode(_bytes(text, field), field)


def read_object(text: str | None, field: str) -> dict[str, Any] | None:
    """As ``read_document``, for what must be a JSON object; ``None`` where nothing is given."""
    if text is None:
        return None
    value = read_document(text, field)
    if not isinstance(value, dict):
        raise InvalidInput(
            f'{field} must be a JSON object such as {{"key": 1}}, not {type(value).__name__}', field=field
        )
    return value


def loose_value(text: str) -> Any:
    """A value that no schema describes: JSON where the text is JSON, else the text itself."""
    try:
        return jsonvalue.decode(text.encode(), "value")
    except (InvalidInput, UnicodeEncodeError):
        return text


def _bytes(text: str, field: str) -> bytes:
    if text == "-":
        return sys.stdin.buffer.read()
    if text.startswith("@"):
        try:
            return Path(text[1:]).read_bytes()
        except OSError as error:
            reason = error.strerror or str(error)
            raise InvalidInput(f"{field}: {text[1:]!r} can't be read: {reason}", field=field, value=text) from None
    return text.encode("utf-8", "surrogateescape")
