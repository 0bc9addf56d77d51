"""Python, packages and the terminal."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from nexus_tui.cli.checks.finding import Finding

_PACKAGES = (
    "nexus-tui", "textual", "typer", "rich", "starlette", "uvicorn", "httpx", "mcp", "msgspec", "pydantic",
)  # fmt: skip
_SMALLEST = (80, 24)


def machine() -> Iterator[Finding]:
    """The interpreter, the packages that Nexus stands on, and what the terminal can do."""
    yield _python()
    yield _packages()
    yield _terminal()
    yield _encoding()


def _python() -> Finding:
    found = f"{platform.python_implementation()} {platform.python_version()} on {platform.system()}"
    return Finding("python", "ok", found)


def _packages() -> Finding:
    found, missing = [], []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing == ["nexus-tui"]:
        return Finding("packages", "warn", f"run from a folder that is not installed; {', '.join(found)}",
                       "pip install -e . makes the nexus command")  # fmt: skip
    if missing:
        return Finding("packages", "fail", f"missing: {', '.join(missing)}", f"pip install {' '.join(missing)}")
    return Finding("packages", "ok", ", ".join(found))


def _terminal() -> Finding:
    if not sys.stdout.isatty():
        return Finding("terminal", "ok", "none: output is plain text for programs")
    columns, lines = shutil.get_terminal_size()
    kind = os.environ.get("TERM", "")
    found = f"{kind or 'no TERM'}, {columns}x{lines}, {_colours()}"
    if kind in {"", "dumb"}:
        return Finding("terminal", "warn", found, "set TERM to what the terminal is, for instance xterm-256color")
    if columns < _SMALLEST[0] or lines < _SMALLEST[1]:
        return Finding("terminal", "warn", found, f"the console wants {_SMALLEST[0]}x{_SMALLEST[1]} or more")
    return Finding("terminal", "ok", found)


def _colours() -> str:
    if os.environ.get("NO_COLOR"):
        return "no colours (NO_COLOR)"
    if os.environ.get("COLORTERM", "").lower() in {"truecolor", "24bit"}:
        return "16 million colours"
    return "256 colours" if "256" in os.environ.get("TERM", "") else "16 colours"


def _encoding() -> Finding:
    encoding = (sys.stdout.encoding or "ascii").lower()
    if encoding.replace("-", "") == "utf8":
        return Finding("encoding", "ok", "UTF-8")
    return Finding("encoding", "warn", encoding, "use a UTF-8 locale, for instance LANG=C.UTF-8: glyphs show as codes")
