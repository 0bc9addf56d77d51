"""The SDK is paid for only by those who serve MCP."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.channels.mcp.mcp_places import ROOT


@pytest.mark.parametrize("module", ["nexus", "nexus.app", "nexus.channels", "nexus.channels.http"])
def test_importing_it_does_not_import_the_sdk(module: str) -> None:
    program = (
        f"import sys, {module}; print([name for name in sys.modules if name.split('.')[0] in ('mcp', 'mcp_types')])"
    )
    environment = {"PYTHONPATH": str(ROOT / "core")}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
