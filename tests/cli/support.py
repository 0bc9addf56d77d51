"""Running command lines: in this process for speed, and as real processes where processes matter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nexus_tui.cli.main import main

ROOT = Path(__file__).parents[2]
SOURCES = (ROOT / "core", ROOT / "widgets", ROOT)

APP = '''
from nexus import AsyncNexus

app = AsyncNexus()


@app.workflow("count")
def count(run, to: int, start: int = 0, label: str = "", loud: bool = False) -> dict:
    """Count in steps."""
    for number in run.steps(range(start, start + to)):
        run.state["seen"] = [*run.state.get("seen", []), number]
    return {"seen": run.state.get("seen", []), "label": label, "loud": loud}


@app.workflow("echo")
def echo(
    whole: int = 0, ratio: float = 0.0, flag: bool = False, text: str = "", tags: list[str] = [],
    numbers: list[int] = [], thing: dict = {}, maybe: int | None = None, any_value=None,
) -> dict:
    """Give the inputs back."""
    return dict(locals())


@app.workflow("fail")
def fail(run, after: int = 2, why: str = "it broke") -> dict:
    """Fail after some steps, unless the state says that it is mended."""
    for number in run.steps(range(after + 2)):
        if number == after and not run.state.get("mended"):
            raise ValueError(why)
        run.state["done"] = number
    return {"done": run.state["done"]}


@app.workflow("ask")
def ask(run, question: str) -> dict:
    """Wait for an answer."""
    return {"answer": run.wait_for("answer")}
'''


@dataclass(frozen=True)
class Ran:
    """What came of a command line."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its stdout as JSON."""
        return json.loads(self.out)

    @property
    def problem(self) -> dict[str, Any]:
        """Its stderr as a problem object."""
        found: dict[str, Any] = json.loads(self.err.strip().splitlines()[-1])
        return found

    @property
    def rows(self) -> list[list[str]]:
        """Its stdout as tab-separated values."""
        return [line.split("\t") for line in self.out.splitlines()]


class Line:
    """Runs command lines in this process, in a folder with an app and a store of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Ran:
        self._capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = self._capsys.readouterr()
        return Ran(int(code), captured.out, captured.err)

    def ok(self, *arguments: str) -> Any:
        """Run with ``-o json`` and give the JSON; the command must succeed."""
        ran = self("-o", "json", *arguments)
        assert ran.code == 0, ran.err
        return ran.json


def environment(folder: Path, **more: str) -> dict[str, str]:
    """An environment in which only what a test says is set."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LANG") if name in os.environ}
    return {
        **kept,
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "PYTHONPATH": os.pathsep.join(map(str, SOURCES)),
        "TERM": "dumb",
        **more,
    }


def process(*arguments: str, cwd: Path, stdin: str = "", timeout: float = 60, **env: str) -> Ran:
    """Run a command line as a process."""
    done = subprocess.run(
        [sys.executable, "-m", "nexus_tui", *arguments],
        cwd=cwd, input=stdin, capture_output=True, text=True, timeout=timeout, env=environment(cwd, **env), check=False,
    )  # fmt: skip
    return Ran(done.returncode, done.stdout, done.stderr)


@contextmanager
def started(*arguments: str, cwd: Path, **env: str) -> Iterator[subprocess.Popen[str]]:
    """A command line that goes on until it is stopped; it is killed if the test left it running."""
    running = subprocess.Popen(
        [sys.executable, "-m", "nexus_tui", *arguments],
        cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment(cwd, **env),
    )  # fmt: skip
    try:
        yield running
    finally:
        if running.poll() is None:
            running.kill()
        running.communicate()


def url_of(running: subprocess.Popen[str]) -> str:
    """Where a server that was started says it is."""
    assert running.stderr is not None
    for line in running.stderr:
        for word in line.replace(";", " ").split():
            if word.startswith("http://"):
                return word
    raise AssertionError("the server ended before it said where it is")
