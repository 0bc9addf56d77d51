"""Entity tags: a session's version, quoted. Strong, because a version names one document."""

from __future__ import annotations

import re

from nexus.errors import InvalidInput, VersionConflict
from nexus.model import Session

_TAG = re.compile(r'\s*(W/)?(?:"([\x21\x23-\x7e]*)"|([0-9]+))\s*', re.ASCII)


def etag(version: int) -> str:
    """The tag of a version."""
    return f'"{version}"'


def expected_version(condition: str) -> int | None:
    """The one version that an ``If-Match`` asks for.

    Returns:
        ``None`` where that takes a look at the session: for ``*``, lists, and tags that are no version.

    Raises:
        InvalidInput: It isn't a list of entity tags.
    """
    wanted = _tags(condition, "If-Match")
    if wanted is None or len(wanted) != 1:
        return None
    weak, tag = wanted[0]
    return int(tag) if tag.isdecimal() and len(tag) <= 18 and not weak else None


def check_match(condition: str, session: Session) -> int | None:
    """Hold an ``If-Match`` against the session.

    Returns:
        The version on which the change may be made; ``None`` for any.

    Raises:
        VersionConflict: None of its tags is the session's.
    """
    wanted = _tags(condition, "If-Match")
    if wanted is None:
        return None
    if (False, str(session.version)) in wanted:
        return session.version
    raise VersionConflict(
        f"session {session.id} is at version {session.version}, which is none of {condition[:80]}: read it again",
        session_id=session.id, current=session.version,
    )  # fmt: skip


def unchanged(condition: str | None, version: int) -> bool:
    """Whether an ``If-None-Match`` holds a version (compared weakly, as reading needs)."""
    if condition is None:
        return False
    known = _tags(condition, "If-None-Match")
    return known is None or str(version) in {tag for _, tag in known}


def _tags(condition: str, header: str) -> list[tuple[bool, str]] | None:
    if condition.strip() == "*":
        return None
    found: list[tuple[bool, str]] = []
    for part in condition.split(","):
        match = _TAG.fullmatch(part)
        if match is None:
            raise InvalidInput(
                f'{header} {condition[:80]!r} is not a list of entity tags: give back the ETag, such as "3"',
                field=header, value=condition[:80],
            )  # fmt: skip
        found.append((match[1] is not None, match[2] if match[2] is not None else match[3]))
    return found
