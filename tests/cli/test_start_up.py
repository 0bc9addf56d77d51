"""Start-up is a feature: what a command line doesn't need is not imported for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.support import environment

HEAVY = ("textual", "starlette", "uvicorn", "redis", "httpx", "httpcore", "mcp", "pydantic", "rich", "yaml", "sqlite3")

PROBE = """
import sys
from nexus_tui.cli.main import main
code = main(sys.argv[1:])
names = {name.partition(".")[0] for name in sys.modules}
print(*sorted(names), file=sys.stderr)
raise SystemExit(code)
"""


def imported(*arguments: str, cwd: Path) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        env=environment(cwd),
        check=True,
    )
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize(
    "arguments", [("--help",), ("sessions", "--help"), ("run", "--help"), ("console", "--help"), ("dev", "--help")]
)
def test_help_imports_nothing_heavy(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert imported(*arguments, cwd=tmp_path) & set(HEAVY) == set()


def test_help_of_all_imports_no_event_loop_and_no_records(tmp_path: Path) -> None:
    assert imported("--help", cwd=tmp_path) & {"asyncio", "msgspec"} == set()


def test_commands_convert_their_options_without_pydantic(tmp_path: Path) -> None:
    names = imported("config", "show", "--app", "none", "-o", "json", cwd=tmp_path)
    assert names & {"pydantic", "rich", "textual", "httpx", "mcp", "starlette"} == set()


def test_a_command_on_a_store_needs_no_server_client_or_screen(tmp_path: Path) -> None:
    names = imported("sessions", "list", "--store", f"sqlite:///{tmp_path}/a.sqlite3", cwd=tmp_path)
    assert names & {"textual", "starlette", "uvicorn", "redis", "httpx", "mcp", "pydantic", "rich"} == set()
