"""The command lines and the request that do to many what was done here."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec

from nexus.model.bulk import BulkRequest
from nexus_tui.acting.targets import Targets
from nexus_tui.equivalents import Equivalent, Equivalents
from nexus_tui.steering import Change, named

_BY_FILTER = frozenset({"end", "extend", "resume", "undo"})
"""Commands that take a filter themselves."""
_ID = "ID"
"""Stands for each session's id."""
_EVERYONE = "age>=0s"
"""A filter that matches all, where an empty one is refused."""


def alike(equivalents: Equivalents, change: Change, targets: Targets) -> Equivalent:
    """A change of many, done elsewhere.

    Args:
        equivalents: How things are written for where the console acts.
        change: What was done.
        targets: To whom.
    """
    parts = equivalents.split(targets)
    if len(parts) > 1 or (parts and parts[0][0] is not equivalents):
        each = [alike(here, change, own) for here, own in parts]
        commands = tuple(command for one in each for command in one.commands)
        return Equivalent(commands, tuple(request for one in each for request in one.requests))
    if targets.group is not None:
        return _group(equivalents, change.bulk(), targets.group)
    asked = _asked(change.bulk())
    if targets.q is None:
        request = equivalents.request("POST", "/sessions/bulk", {**asked, "ids": list(targets.ids)})
        return Equivalent(equivalents.of(change, targets.ids).commands, (request,))
    request = equivalents.request("POST", "/sessions/bulk", {**asked, "q": targets.q or _EVERYONE})
    return Equivalent((_by_filter(equivalents, change, targets.q),), (request,))


def _by_filter(equivalents: Equivalents, change: Change, q: str) -> str:
    arguments = change.commands([_ID])[0]
    if arguments[1] in _BY_FILTER:
        options = [each for each in arguments[2:] if each != _ID]
        return equivalents.command(*arguments[:2], "--yes", "-q", q, *options)
    listed = equivalents.command("sessions", "list", "--all", "-o", "id", *(("-q", q) if q else ()))
    return f"{listed} | xargs -I {_ID} {equivalents.command(*arguments)}"


def _group(equivalents: Equivalents, request: BulkRequest, group: str) -> Equivalent:
    body = {"status": request.status, **({"reason": request.reason} if request.reason else {})}
    reason = ("--reason", request.reason) if request.reason else ()
    command = equivalents.command("groups", "end", "--yes", "--status", request.status, *reason, *named([group]))
    return Equivalent((command,), (equivalents.request("POST", f"/groups/{quote(group, safe='')}/end", body),))


def _asked(request: BulkRequest) -> dict[str, Any]:
    """What a request says beyond its defaults."""
    return {
        field.name: value
        for field in msgspec.structs.fields(BulkRequest)
        if (value := getattr(request, field.name)) != field.default and value != {}
    }
