"""Every code block of the README and the docs runs: they are what a newcomer types first.

- ``python`` blocks of a page run in order, in one namespace: all so far before the next command is typed, and at the
  end.
- ``console`` blocks: lines that start with ``$`` are typed into bash (a backslash goes on); the rest is what one sees.
  What a page exports holds for the rest of it. A ``curl`` that follows a stream is stopped after a few seconds.
- ``bash`` blocks run as they are.
- ``json`` and ``toml`` blocks must read as such; ``text`` is prose.

All of it happens in a copy of ``examples/``, beside a running server; ``localhost:8000`` is that server.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.running import EXAMPLES, ROOT, environment, free_port, serving, wait_until_ready

PAGES = sorted((ROOT / "README.md", *ROOT.glob("docs/**/*.md")))
SEPARATE = {"nexus-sessions.md", "filter-language.md"}
"""Pages with tests of their own: the reference text, and the guide whose every query is parsed."""

LINK = re.compile(r"\]\(([^)\s]+)\)")
SERVES = re.compile(r"^app\.serve\(.*$", re.MULTILINE)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LONG_LIVED = re.compile(
    r"^(make (run|test|check|chaos|bench)|nexus (dev|console|serve|mcp|worker)\b|git clone|claude )"
)
"""Commands that run until stopped, or that are this very test; each has tests of its own."""


def blocks(page: Path) -> list[tuple[str, str]]:
    """``(language, code)`` of each fenced block."""
    return [(found[1], found[2]) for found in FENCE.finditer(page.read_text(encoding="utf-8"))]


def typed(block: str) -> list[str]:
    """The commands of a console block."""
    lines: list[str] = []
    going_on = False
    for line in block.splitlines():
        if going_on:
            lines[-1] += "\n" + line
        elif line.startswith("$ "):
            lines.append(line[2:])
        else:
            continue
        going_on = line.endswith("\\")
    return lines


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str, str]]:
    """A folder with the examples, a store, and the address of a server on it."""
    folder = tmp_path_factory.mktemp("docs") / "examples"
    shutil.copytree(EXAMPLES, folder)
    store = f"sqlite:///{folder.parent}/docs.sqlite3"
    with serving(store, folder) as url:
        yield folder, store, url


def test_every_block_says_what_it_is() -> None:
    known = {"python", "console", "bash", "json", "toml", "text", "http"}
    for page in PAGES:
        for language, code in blocks(page) if page.name not in SEPARATE else ():
            assert language in known, f"{page.name}: {code[:80]}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_inside_the_project_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://", "#")):
            assert (page.parent / unquote(target).split("#")[0]).exists(), target


@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in SEPARATE], ids=lambda page: page.name)
def test_the_code_blocks_of_a_page_run(page: Path, place: tuple[Path, str, str]) -> None:
    folder, store, url = place
    python: list[str] = []
    exports: list[str] = []
    waits = False
    for language, code in blocks(page):
        here = code.replace("http://localhost:8000", url).replace("http://127.0.0.1:8000", url)
        here = here.replace("localhost:8000", url.removeprefix("http://"))
        if language == "json":
            json.loads(code)
        elif language == "toml":
            tomllib.loads(code)
        elif language == "python":
            python.append(here)
            waits = not SERVES.search(here)
            if not waits:
                run_python(page, "\n".join(python), folder, store)
                python[-1] = SERVES.sub("", here)
        elif language in ("console", "bash"):
            if waits:
                run_python(page, "\n".join(python), folder, store)
                waits = False
            for line in typed(here) if language == "console" else [here]:
                if line.startswith("export "):
                    exports.append(line)
                elif not LONG_LIVED.match(line):
                    run_bash(page, "\n".join([*exports, line]), folder, store)
    if waits:
        run_python(page, "\n".join(python), folder, store)


def run_python(page: Path, code: str, folder: Path, store: str) -> None:
    """Run the page's Python up to here in a process of its own; one that serves is stopped once it does."""
    port = free_port()
    command = [sys.executable, "-c", code.replace("port=8000", f"port={port}")]
    if SERVES.search(code):
        with subprocess.Popen(command, cwd=folder, env=environment(store)) as server:
            wait_until_ready(f"http://127.0.0.1:{port}", server)
            server.terminate()
        return
    done = subprocess.run(
        command, cwd=folder, env=environment(store), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{page.name}:\n{code}\n{done.stderr}"


def run_bash(page: Path, line: str, folder: Path, store: str) -> None:
    """Type a command; the ones that are shown are meant to succeed."""
    env = environment(store)
    if "NEXUS_SERVER=" in line:
        del env["NEXUS_STORE"]
    tools = f'nexus() {{ "{sys.executable}" -m nexus_tui "$@"; }}'
    streams = 'curl() { timeout 5 curl "$@" || [ $? = 124 ]; }'
    script = f"{tools}\n{streams}\nset -eo pipefail\n{line}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, f"{page.name}:\n{line}\n{done.stdout}\n{done.stderr}"
