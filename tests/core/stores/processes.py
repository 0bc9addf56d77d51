"""Other processes that work on a store: real ones, told what to do over their standard input."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

PRELUDE = """
import asyncio, os, signal, sys
from pathlib import Path
from nexus.errors import StoreUnavailable
from nexus.model import Event
from nexus.stores.base import Change, Conflict
from nexus.stores.sqlite import SQLiteStore
from nexus.testing.builders import *

path = Path(sys.argv[1])

def say(*words):
    print(*words, flush=True)

async def hear():
    return (await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)).strip()
"""


@contextmanager
def other_process(path: Path, script: str) -> Iterator[subprocess.Popen[str]]:
    """Run ``script`` on the store at ``path``; it is ended, whatever happens, by its own handle.

    ``script`` is the body of a coroutine that has ``path``, ``say``, ``hear`` and the builders.
    """
    body = f"{PRELUDE}\nasync def main():\n" + "\n".join(f"    {line}" for line in dedent(script).splitlines())
    process = subprocess.Popen(
        [sys.executable, "-c", f"{body}\nasyncio.run(main())", str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def tell(process: subprocess.Popen[str], line: str = "") -> None:
    """Send it a line."""
    assert process.stdin is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()


def heard(process: subprocess.Popen[str]) -> str:
    """The next line that it says; empty when it has ended."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


async def heard_later(process: subprocess.Popen[str]) -> str:
    """As ``heard``, while the event loop goes on."""
    return await asyncio.get_running_loop().run_in_executor(None, heard, process)
