"""What was done in the console, as command lines and as HTTP requests that would do the same.

Tokens and passwords are in none of them: a token is taken from ``NEXUS_TOKEN``, and inputs that go by the name of a
secret are hidden. Everything is quoted for a shell; who shows it has to clean it all the same.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from nexus_tui.acting.targets import Targets
from nexus_tui.cli.target import without_password
from nexus_tui.shell import command_line, without_secrets
from nexus_tui.steering import Change, Outcome, named

KEPT = 200
"""Actions that the log keeps."""
LOCAL = "http://127.0.0.1:8000"
"""Where ``nexus serve`` answers when nobody says otherwise: for a console that looks at a store."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the console acts, as options of a command line and as a server's address."""

    options: tuple[str, ...] = ()
    url: str = LOCAL
    has_token: bool = False
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class Equivalent:
    """The same thing done elsewhere: one or more command lines, one or more requests."""

    commands: tuple[str, ...]
    requests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Action:
    """Something that was done: when (seconds since the epoch), what is like it, and how many of how many went well."""

    at: float
    what: str
    like: Equivalent
    done: int = 0
    of: int = 0


def place_of(target: object) -> Place:
    """Where a target is, for command lines and requests.

    Args:
        target: Where the console looks.
    """
    options = tuple(getattr(target, "options", ()))
    server = getattr(target, "server", None)
    namespace = getattr(target, "namespace", None)
    if server is None:
        return Place(options, namespace=namespace)
    has_token = getattr(target, "token", None) is not None
    return Place(options, without_password(server), has_token=has_token, namespace=namespace)


class Equivalents:
    """Writes command lines and requests for one place."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def command(self, *arguments: str) -> str:
        """One command line.

        Args:
            arguments: What stands behind ``nexus``.
        """
        return command_line(("nexus", *self._with_options([_hidden(each) for each in arguments])))

    def request(self, method: str, path: str, body: object = None) -> str:
        """One request, as a line for ``curl``.

        Args:
            method: Its method.
            path: Its path and query, encoded.
            body: A JSON value, or nothing.
        """
        words = ["curl", *(() if method == "GET" else ("-X", method)), f"{self._place.url}{path}"]
        if self._place.namespace is not None:
            words += ["-H", f"Nexus-Namespace: {self._place.namespace}"]
        if body is not None:
            text = json.dumps(without_secrets(body), ensure_ascii=False, separators=(",", ":"))
            words += ["-H", "Content-Type: application/json", "-d", text]
        # In double quotes, so that the shell puts the token in and nobody reads it here.
        token = ' -H "Authorization: Bearer $NEXUS_TOKEN"' if self._place.has_token else ""
        return command_line(words) + token

    def of(self, change: Change, session_ids: Sequence[str]) -> Equivalent:
        """A change of sessions.

        Args:
            change: What is done to each.
            session_ids: To which.
        """
        commands = change.commands(session_ids)
        if len(session_ids) > 1:
            commands = [_confirmed(each) for each in commands]
        requests = [
            self.request("POST" if verb else "PATCH", f"/sessions/{quote(each, safe='')}{verb and '/'}{verb}", body)
            for each in session_ids
            for verb, body in (change.request(each),)
        ]
        return Equivalent(tuple(self.command(*each) for each in commands), tuple(requests))

    def listing(self, q: str, sort: str) -> Equivalent:
        """The list that the console shows.

        Args:
            q: The filter.
            sort: The order.
        """
        chosen = ("-q", q) if q else ()
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in (("q", q), ("sort", sort)) if value)
        return self.alike(("sessions", "list", *chosen, f"--sort={sort}"), f"/sessions?{query}")

    def showing(self, session_id: str) -> Equivalent:
        """One session, opened.

        Args:
            session_id: Which.
        """
        return self.alike(("sessions", "show", *named([session_id])), f"/sessions/{quote(session_id, safe='')}")

    def auditing(self, q: str) -> Equivalent:
        """The audit, newest first.

        Args:
            q: The filter.
        """
        chosen = ("-q", q) if q else ()
        query = "&".join(filter(None, (q and f"q={quote(q, safe='')}", "newest=true")))
        return self.alike(("audit", "list", *chosen), f"/audit?{query}")

    def verifying(self) -> Equivalent:
        """The audit, verified."""
        return self.alike(("audit", "verify"), "/audit/verify")

    def grouping(self) -> Equivalent:
        """All groups."""
        return self.alike(("groups", "list", "--all"), "/groups?limit=1000")

    def waiting(self, group_id: str) -> Equivalent:
        """One group, waited for.

        Args:
            group_id: Which.
        """
        return self.alike(("groups", "wait", *named([group_id])), f"/groups/{quote(group_id, safe='')}/wait")

    def alike(self, command: Sequence[str], path: str) -> Equivalent:
        """Something that is looked at.

        Args:
            command: What stands behind ``nexus``.
            path: The path and query of its ``GET``, encoded.
        """
        return Equivalent((self.command(*command),), (self.request("GET", path),))

    def split(self, targets: Targets) -> Sequence[tuple[Equivalents, Targets]]:
        """Whom an action is about, for each place its own.

        Args:
            targets: To whom.
        """
        return [(self, targets)]

    def _with_options(self, arguments: Sequence[str]) -> list[str]:
        # Before a bare --, behind which nothing is an option.
        at = arguments.index("--") if "--" in arguments else len(arguments)
        return [*arguments[:at], *self._place.options, *arguments[at:]]


class ActionLog:
    """The last actions, oldest first."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.actions: deque[Action] = deque(maxlen=KEPT)
        self._clock = clock

    def add(self, what: str, like: Equivalent, outcomes: Sequence[Outcome] = ()) -> None:
        """Note an action once it is done.

        Args:
            what: It in words.
            like: The same elsewhere.
            outcomes: What came of it, for a change.
        """
        self.note(what, like, sum(outcome.error is None for outcome in outcomes), len(outcomes))

    def note(self, what: str, like: Equivalent, done: int, of: int) -> None:
        """Note an action of which only the figures are known.

        Args:
            what: It in words.
            like: The same elsewhere.
            done: How many went well.
            of: How many it was about; 0 for a look.
        """
        action = Action(self._clock(), what, like, done, of)
        # Looking again at the same thing says nothing new.
        if not of and self.actions and self.actions[-1].like == like:
            self.actions.pop()
        self.actions.append(action)


def _hidden(argument: str) -> str:
    """An argument without secrets: only documents can hold some."""
    if argument[:1] not in ("{", "["):
        return argument
    try:
        return json.dumps(without_secrets(json.loads(argument)), ensure_ascii=False)
    except ValueError:
        return argument


def _confirmed(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """What was confirmed in the console is not asked again; a fork and a signal ask nothing."""
    asks = arguments[1] in ("end", "extend", "resume", "undo")
    return (*arguments[:2], "--yes", *arguments[2:]) if asks else arguments
