"""``nexus dev``: a server, workflows and the console together."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, Annotated

import typer

from nexus.errors import NexusError, StoreUnavailable, error_from_code
from nexus_tui.cli.choosing import ContextPlaces
from nexus_tui.cli.dev.children import child, tail
from nexus_tui.cli.dev.examples import find_examples
from nexus_tui.cli.diagnostics import ExitCode
from nexus_tui.cli.invocation import Invocation, alone, command
from nexus_tui.cli.target import Target

app = alone()


@command(app, "dev", without=("server", "token", "namespace", "output"))
def dev(
    call: Invocation,
    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="127.0.0.1 if not set otherwise.")] = None,
    port: Annotated[int | None, typer.Option(metavar="N", help="8000, or a free one if that is taken.")] = None,
    traffic: Annotated[bool, typer.Option("--traffic/--no-traffic", help="Use the example workflows.")] = True,
    pace: Annotated[float, typer.Option(metavar="SECONDS", help="Between two pieces of work.")] = 2.0,
    read_only: Annotated[bool, typer.Option("--read-only", help="The console refuses every change.")] = False,
    theme: Annotated[str | None, typer.Option(metavar="NAME", help="Colours of the console.")] = None,
) -> ExitCode:
    """Start a server, use its workflows through API, CLI and MCP, and watch it all in the console.

    With the example workflows, and in a store that is gone afterwards, unless --app or --store name others. Without
    a terminal there is no console: it says where the server is, and serves until SIGTERM or Ctrl+C.
    """
    with tempfile.TemporaryFile() as log, ExitStack() as stack:
        url = stack.enter_context(_server(call.target, host, port, log))
        if traffic and call.target.app is None:
            stack.enter_context(_traffic(url, pace, log))
        if sys.stdin.isatty() and sys.stdout.isatty():
            from nexus_tui.app import run_console

            target = Target(server=url, origin="--server", read_only=read_only)
            places = ContextPlaces(target, read_only=read_only)
            return ExitCode(run_console(target, read_only=read_only, theme=theme, places=places))
        call.say.note(f"serving on {url}; nexus --server {url} sessions list; Ctrl+C stops")
        _wait(call)
        return ExitCode.DONE


@contextmanager
def _server(target: Target, host: str | None, port: int | None, log: IO[bytes]) -> Iterator[str]:
    """The server's URL, once it answers."""
    arguments = ["--app", target.app or find_examples().app]
    # A store from the environment may hold real work: examples go there only when told to.
    for option, value in (("--store", target.store if target.origin == "--store" else None), ("--host", host),
                          ("--port", port)):  # fmt: skip
        if value is not None:
            arguments += [option, str(value)]
    with child("nexus_tui.cli.dev.server", arguments, log) as process:
        yield _url(process, log)


def _url(process: subprocess.Popen[bytes], log: IO[bytes]) -> str:
    line = process.stdout.readline().decode().strip() if process.stdout is not None else ""
    if line:
        return line
    process.wait()
    raise _failure(tail(log))


def _failure(told: str) -> NexusError:
    """The error that the server's process ended with."""
    code, _, message = told.rpartition("\n")[2].partition(" ")
    if code.replace("_", "").isalpha() and message:
        return error_from_code(code, message)
    return StoreUnavailable(f"the server ended before it answered: {told[-400:] or 'it said nothing'}")


@contextmanager
def _traffic(url: str, pace: float, log: IO[bytes]) -> Iterator[None]:
    examples = find_examples()
    arguments = ["--server", url, "--pace", str(pace), "--follow-stdin"]
    with child(f"{examples.package}.traffic", arguments, log, examples.root):
        yield


def _wait(call: Invocation) -> None:
    import asyncio

    from nexus_tui.cli.stopping import told_to_stop

    async def until_told() -> None:
        async with told_to_stop() as stop:
            await stop.wait()

    asyncio.run(until_told())
    call.say.note("stopping")
