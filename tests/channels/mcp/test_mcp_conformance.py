"""The public MCP conformance suite passes, as far as it can be judged without its example server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.channels.mcp.conformance import COUNTED, available, judge
from tests.channels.mcp.mcp_places import ERAS

NEEDS = pytest.mark.skipif(not available(), reason="the conformance suite runs on npx, which is not on this machine")


@NEEDS
@pytest.mark.parametrize("era", ERAS)
async def test_the_conformance_suite_passes(era: str, tmp_path: Path) -> None:
    outcomes = [outcome for outcome in await judge(era, tmp_path) if outcome.counts]
    assert {outcome.scenario for outcome in outcomes} == set(COUNTED[era])
    assert [str(outcome) for outcome in outcomes if outcome.failed] == []
    assert all(outcome.passed for outcome in outcomes)
