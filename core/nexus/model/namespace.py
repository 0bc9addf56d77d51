"""A namespace: one tenant's part of a store, in which nothing of the others exists."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from nexus.errors import InvalidInput
from nexus.model.keyed import Keyed
from nexus.model.session import iso

DEFAULT: Final = "default"
"""The namespace of everything that names none: the store itself, as it was before there were any."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}", re.ASCII)


class Namespace(Keyed, msgspec.Struct, frozen=True, kw_only=True):
    """A namespace as the store keeps it."""

    name: str
    place: str
    """Names its part of the store, and is never used again: what a late process of an earlier namespace of the same
    name still writes lands beside it."""
    created_at: float
    created_by: str
    removing: bool = False
    """Its removal has begun: it lets nobody in, and can only be removed for good."""

    def to_dict(self) -> dict[str, Any]:
        """What may be shown, as JSON values."""
        return {
            "name": self.name, "created_at": iso(self.created_at), "created_by": self.created_by,
            "removing": self.removing,
        }  # fmt: skip


class NamespaceContents(Keyed, msgspec.Struct, frozen=True, kw_only=True):
    """A namespace, and how much is in it: what its removal would take away."""

    namespace: Namespace
    sessions: int
    live: int
    groups: int
    tokens: int

    @property
    def empty(self) -> bool:
        """Whether nothing would be lost."""
        return not (self.sessions or self.groups or self.tokens)

    def to_dict(self) -> dict[str, Any]:
        """What may be shown, as JSON values."""
        return {
            **self.namespace.to_dict(), "sessions": self.sessions, "live": self.live, "groups": self.groups,
            "tokens": self.tokens,
        }  # fmt: skip


def check_namespace(name: object, field: str = "namespace") -> str:
    """A namespace's name; a part of file names and keys, so that it holds nothing that means more there.

    Args:
        name: What was given.
        field: How the error names it.

    Raises:
        InvalidInput: It is none.
    """
    if isinstance(name, str) and _NAME.fullmatch(name):
        return name
    shown = str(name)[:80]
    raise InvalidInput(
        f"{field} {shown!r} is no name of a namespace: use 1 to 40 of a-z 0-9 -, the first a letter or digit",
        field=field, value=shown,
    )  # fmt: skip
