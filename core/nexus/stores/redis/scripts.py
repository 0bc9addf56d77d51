"""The Lua scripts, as text and by the digest that servers know them by."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import msgspec

_FOLDER: Final = Path(__file__).parent


class Script(msgspec.Struct, frozen=True):
    """One script."""

    text: bytes
    sha: str


def _read(name: str) -> Script:
    text = (_FOLDER / f"{name}.lua").read_bytes()
    return Script(text, hashlib.sha1(text, usedforsecurity=False).hexdigest())


COMMIT: Final = _read("commit")
UPDATE: Final = _read("update")
BEAT: Final = _read("beat")
TRIM: Final = _read("trim")
OUTBOX: Final = _read("outbox")
DOCUMENT: Final = _read("document")
AUDIT: Final = _read("audit")
SCRIPTS: Final = (COMMIT, UPDATE, BEAT, TRIM, OUTBOX, DOCUMENT, AUDIT)
