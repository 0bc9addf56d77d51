"""Start-up is a feature: what each door may load, looked at in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


def loaded(code: str) -> set[str]:
    """The top-level packages that are loaded after running ``code`` in a fresh interpreter."""
    script = f"{code}\nimport sys, json\nprint('\\n' + json.dumps(sorted({{n.split('.')[0] for n in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    found: list[str] = json.loads(done.stdout.strip().splitlines()[-1])
    return set(found)


HELP = """
import sys, contextlib
sys.argv = ["nexus", "--help"]
from nexus_tui.cli.main import main
with contextlib.suppress(SystemExit):
    main()
"""


def test_help_loads_no_screen_no_server_and_no_client() -> None:
    heavy = {"textual", "starlette", "uvicorn", "redis", "httpx", "httpx2", "mcp", "pydantic", "sqlite3"}
    assert not loaded(HELP) & heavy


@pytest.mark.parametrize("code", ["import nexus", "from nexus import Nexus, AsyncNexus", "import nexus.app"])
def test_the_library_never_loads_what_draws(code: str) -> None:
    assert not loaded(code) & {"textual", "rich", "typer", "nexus_tui", "nexus_widgets"}


def test_importing_the_package_loads_nothing_else() -> None:
    assert not loaded("import nexus") & {"msgspec", "pydantic", "sqlite3", "asyncio", "platformdirs"}


def test_declaring_workflows_loads_no_server_and_opens_no_store() -> None:
    code = "from nexus import Nexus\napp = Nexus()\n@app.workflow('w')\ndef w(run, n: int): return n"
    assert not loaded(code) & {"starlette", "uvicorn", "httpx", "mcp", "sqlite3", "pydantic"}


def test_widgets_know_no_sessions() -> None:
    assert "nexus" not in loaded("import nexus_widgets.virtual_table, nexus_widgets.json_tree, nexus_widgets.text")


def test_cleaning_text_loads_no_screen() -> None:
    assert not loaded("from nexus_widgets.text import clean") & {"textual", "rich"}


def test_the_http_server_loads_mcp_only_when_it_serves() -> None:
    assert "mcp" not in loaded("import nexus.channels.http")
