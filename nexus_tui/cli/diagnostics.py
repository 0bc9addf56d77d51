"""Everything that is no result: this module alone writes to stderr, and owns the exit codes.

A mistake is one line, ``error: what, and what helps [code]``; with ``-o json`` the same as one problem object
(RFC 9457), so that stdout stays clean for results. A traceback is shown only with ``--debug``.
"""

from __future__ import annotations

import json
import os
import sys
from enum import IntEnum
from typing import TextIO

from nexus.errors import (
    AuthenticationRequired,
    CheckpointNotFound,
    GroupNotFound,
    InvalidInput,
    InvalidTransition,
    LimitExceeded,
    NamespaceExists,
    NamespaceNotEmpty,
    NamespaceNotFound,
    NexusError,
    PayloadTooLarge,
    PermissionDenied,
    SessionBusy,
    SessionExists,
    SessionExpired,
    SessionNotFound,
    StoreUnavailable,
    SyncCallInEventLoop,
    TokenExists,
    TokenNotFound,
    VersionConflict,
    WaitTimeout,
    WorkflowNotFound,
)
from nexus_widgets.text import clean


class ExitCode(IntEnum):
    """What a shell sees. 130 and 141 are the shells' own for an interrupt and a reader that went away."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    MISSING = 3
    CONFLICT = 4
    DENIED = 5
    UNREACHABLE = 6
    INTERRUPTED = 130
    PIPE_CLOSED = 141


_CODES: tuple[tuple[type[NexusError], ExitCode], ...] = (
    (SyncCallInEventLoop, ExitCode.FAILED),
    (InvalidInput, ExitCode.USAGE),
    (PayloadTooLarge, ExitCode.USAGE),
    (SessionNotFound, ExitCode.MISSING),
    (SessionExpired, ExitCode.MISSING),
    (WorkflowNotFound, ExitCode.MISSING),
    (CheckpointNotFound, ExitCode.MISSING),
    (GroupNotFound, ExitCode.MISSING),
    (TokenNotFound, ExitCode.MISSING),
    (NamespaceNotFound, ExitCode.MISSING),
    (SessionExists, ExitCode.CONFLICT),
    (TokenExists, ExitCode.CONFLICT),
    (NamespaceExists, ExitCode.CONFLICT),
    (NamespaceNotEmpty, ExitCode.CONFLICT),
    (SessionBusy, ExitCode.CONFLICT),
    (VersionConflict, ExitCode.CONFLICT),
    (InvalidTransition, ExitCode.CONFLICT),
    (WaitTimeout, ExitCode.CONFLICT),
    (LimitExceeded, ExitCode.CONFLICT),
    (AuthenticationRequired, ExitCode.DENIED),
    (PermissionDenied, ExitCode.DENIED),
    (StoreUnavailable, ExitCode.UNREACHABLE),
    (NexusError, ExitCode.FAILED),
)


def exit_code(error: NexusError) -> ExitCode:
    """The exit code of an error; the first class of the table that it is an instance of decides."""
    return next(code for kind, code in _CODES if isinstance(error, kind))


class Diagnostics:
    """What is said beside the results.

    Args:
        as_json: Errors are problem objects instead of lines.
        debug: Errors come with their traceback.
    """

    def __init__(self, *, as_json: bool = False, debug: bool = False) -> None:
        self.as_json = as_json
        self.debug = debug

    def note(self, text: str) -> None:
        """Say something in passing; not shown where errors are JSON, so that stderr can be parsed."""
        if not self.as_json:
            _write(f"{clean(text)}\n")

    def warn(self, text: str) -> None:
        """Say what the user should know and what stops nothing."""
        self.note(f"warning: {text}")

    def error(self, error: NexusError) -> ExitCode:
        """Show an error and give the exit code that belongs to it."""
        if self.debug:
            import traceback

            _write("".join(traceback.format_exception(error)))
        if self.as_json:
            _write(json.dumps(error.problem(), default=str) + "\n")
        else:
            _write(f"error: {clean(error.message)} [{error.code}]\n")
            _point(error)
        return exit_code(error)

    def unexpected(self, error: BaseException) -> ExitCode:
        """Show a failure that no part of Nexus raised on purpose."""
        kind = type(error).__name__
        hint = "" if self.debug else "; --debug shows where"
        return self.error(_as_nexus(NexusError(f"unexpected {kind}: {error}{hint}"), error))

    def help(self, text: str) -> None:
        """Show help that nobody asked for by name: the line was not complete."""
        _write(f"{clean(text, limit=1 << 16, newlines=True)}\n")

    def status(self, text: str) -> None:
        """Replace the status line of a terminal; an empty text clears it. Nothing without a terminal."""
        if not self.as_json and sys.stderr is not None and sys.stderr.isatty():
            width = max(_columns() - 1, 10)
            _write(f"\r\x1b[K{clean(text, limit=width)}")

    def ask(self, question: str) -> bool:
        """Ask on the terminal; only ``y`` and ``yes`` mean yes. The caller makes sure that there is one."""
        _write(f"{clean(question)} [y/N] ")
        return sys.stdin.readline().strip().lower() in {"y", "yes"}


def take_logs() -> None:
    """Show warnings and worse that no handler of the user takes, without control codes: they quote sessions.

    To log never raises: where stderr can't be written, as on a full disk, what was to be said is lost.
    """
    import logging  # not for help and completion

    class Taker(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            try:
                text = clean(self.format(record), limit=1 << 16, newlines=True)
            except Exception:  # noqa: BLE001 - whoever logs goes on, whatever a record holds
                self.handleError(record)
            else:
                _write(f"{text}\n")

    logging.lastResort = Taker(logging.WARNING)


def _as_nexus(error: NexusError, cause: BaseException) -> NexusError:
    error.__cause__ = cause
    return error


def _point(error: NexusError) -> None:
    """Show a filter with carets under the mistake, where the error has a place in one."""
    text, column = error.details.get("q"), error.details.get("column")
    if isinstance(text, str) and isinstance(column, int):
        from nexus.query.mistakes import QueryError, point_at

        _write(f"{point_at(text, QueryError('', column=column, length=error.details.get('length', 1)))}\n")


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns
    except OSError:
        return 80


def _write(text: str) -> None:
    if sys.stderr is None:  # It was closed before this process began.
        return
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (BrokenPipeError, ValueError):
        # Nobody reads what we say: the exit code still tells.
        _lead_nowhere(sys.stderr)
    except OSError:
        # The disk is full, or gone, and may be back for the next line. Whoever had something to say goes on.
        return


def close_stdout() -> None:
    """Point stdout at nothing, so that the interpreter's last flush finds no closed pipe."""
    _lead_nowhere(sys.stdout)


def settle_stderr() -> None:
    """Let go of what could not be written, so that the interpreter's last flush does not change the exit code."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.flush()
    except (OSError, ValueError):
        _lead_nowhere(sys.stderr)


def _lead_nowhere(stream: TextIO) -> None:
    devnull = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(devnull, stream.fileno())
    except (OSError, ValueError):
        return
    finally:
        os.close(devnull)
