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


_CHAIN: Final = (_FOLDER / "chain.lua").read_bytes()


def _read(name: str, *, audited: bool = False) -> Script:
    """A script by its file's name; with ``audited`` the function that writes audit records stands before it."""
    text = (_FOLDER / f"{name}.lua").read_bytes()
    if audited:
        first, rest = text.split(b"\n", 1)  # which says what language it is in, and has to stay the first
        text = b"\n".join((first, _CHAIN, rest))
    return Script(text, hashlib.sha1(text, usedforsecurity=False).hexdigest())


COMMIT: Final = _read("commit", audited=True)
UPDATE: Final = _read("update", audited=True)
BEAT: Final = _read("beat")
TRIM: Final = _read("trim")
OUTBOX: Final = _read("outbox")
DOCUMENT: Final = _read("document", audited=True)
AUDIT: Final = _read("audit", audited=True)
SHED: Final = _read("shed", audited=True)
CARRY: Final = _read("carry", audited=True)
SCRIPTS: Final = (COMMIT, UPDATE, BEAT, TRIM, OUTBOX, DOCUMENT, AUDIT, SHED, CARRY)
