"""The public MCP conformance suite against a server of ours: ``python -m tests.channels.mcp.conformance``.

It needs ``npx`` and, the first time, the network. The suite is run once for each era of the protocol, over HTTP; of its
scenarios those count that can be judged on a server which isn't the suite's own example. The others call tools,
resources and prompts of that example, or a feature that the server says it doesn't have (prompts, completions,
logging, tasks, resource subscriptions before 2026-07-28). Two of the example's tools are easily had as workflows, and
are served here. A scenario whose only success is that messages were well-formed has shown nothing, and fails: the
suite takes "unknown tool" for a good answer in some.

Prints a line for each scenario, and ends with 1 if one of those that count has failed.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nexus.app import AsyncNexus
from tests.channels.mcp.mcp_places import ERAS, serving

SUITE = ("-y", "--package=node@22", "--package=@modelcontextprotocol/conformance@0.2.0-alpha.12", "conformance")
BOTH_ERAS = (
    "tools-list",
    "tools-call-error",
    "tools-call-with-progress",
    "resources-list",
    "dns-rebinding-protection",
)
COUNTED = {
    "2025-11-25": ("server-initialize", "ping", *BOTH_ERAS),
    "2026-07-28": (
        *BOTH_ERAS,
        "server-stateless",
        "server-sse-multiple-streams",
        "sep-2164-resource-not-found",
        "caching",
        "http-header-validation",
        "input-required-result-unsupported-methods",
    ),
}
"""The scenarios that count, by era."""
NOT_OFFERED = frozenset({"sep-2549-prompts-list-caching-hints"})
"""Checks of something that the server says it doesn't have: prompts."""
WELL_FORMED = "wire-schema-valid"
"""The check that the suite adds to every scenario."""
_WHEN = re.compile(r"-\d{4}-\d\d-\d\dT[\dZ-]+$")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the suite found in one scenario."""

    era: str
    scenario: str
    passed: int
    failed: tuple[str, ...]
    warned: tuple[str, ...]
    """Checks of what a server should do, and that this one was not seen to."""
    untestable: int
    """Checks that need a tool of the suite's example server."""
    not_offered: int
    """Checks of a feature that the server says it doesn't have."""

    @property
    def counts(self) -> bool:
        """Whether it can be judged on this server."""
        return self.scenario in COUNTED[self.era]

    def __str__(self) -> str:
        verdict = "-" if not self.counts else "FAIL" if self.failed else "pass"
        counts = {
            "need the example server": self.untestable,
            "of features not offered": self.not_offered,
            "warned": len(self.warned),
        }
        note = "".join(f", {number} {what}" for what, number in counts.items() if number)
        why = f": {'; '.join(self.failed)}" if self.failed and self.counts else ""
        return f"{self.era}  {verdict:4}  {self.scenario}: {self.passed} passed, {len(self.failed)} failed{note}{why}"


def new_conformance_app(store: str) -> AsyncNexus:
    """An app with the two tools of the suite that make sense as workflows."""
    app = AsyncNexus(store=store)
    app.register(_raise, "test_error_handling")
    app.register(_progress, "test_tool_with_progress")
    return app


def _raise() -> None:
    raise RuntimeError("This tool intentionally returns an error for testing")


async def _progress(run: Any) -> str:
    for done in (0, 50, 100):
        await run.progress(done, 100, f"Completed step {done} of 100")
        await asyncio.sleep(0.3)  # slow enough for each to be reported by itself
    return "done"


async def judge(era: str, folder: Path) -> list[Outcome]:
    """Run the suite for one era.

    Args:
        era: A revision of the protocol.
        folder: Empty; for the store and the suite's results.

    Raises:
        RuntimeError: The suite could not be run; says what it wrote.
    """
    results = folder / "results"
    app = new_conformance_app(f"sqlite:///{folder / 'nexus.db'}")
    async with serving(app) as url:
        await app.service(app.local_caller("sdk")).create_session(session_id="there-to-be-read")
        command = ("server", "--url", url, "--requirements", era, "-o", str(results))
        process = await asyncio.create_subprocess_exec(
            _npx(), *SUITE, *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await process.communicate()
    outcomes = list(_read(era, results))
    if not outcomes:
        raise RuntimeError(f"the suite gave no results:\n{said.decode(errors='replace')[-4000:]}")
    return outcomes


def available() -> bool:
    """Whether this machine has what the suite runs on."""
    return shutil.which("npx") is not None


def _npx() -> str:
    return shutil.which("npx") or "npx"


def _read(era: str, results: Path) -> Iterator[Outcome]:
    for path in sorted(results.glob("server-*/checks.json")):
        scenario = _WHEN.sub("", path.parent.name.removeprefix("server-"))
        checks = json.loads(path.read_text())
        untestable = [check for check in checks if (check.get("details") or {}).get("untestable")]
        absent = [check for check in checks if check["id"] in NOT_OFFERED]
        judged = [check for check in checks if check not in untestable and check not in absent]
        passed = [check["id"] for check in judged if check["status"] == "SUCCESS"]
        shown_nothing = ("nothing but well-formed messages was checked",) if set(passed) <= {WELL_FORMED} else ()
        yield Outcome(
            era,
            scenario,
            len(passed),
            _said(judged, "FAILURE") + shown_nothing,
            _said(judged, "WARNING"),
            len(untestable),
            len(absent),
        )


def _said(checks: list[dict[str, Any]], status: str) -> tuple[str, ...]:
    return tuple(f"{check['id']}: {check.get('errorMessage')}" for check in checks if check["status"] == status)


async def main() -> int:
    """Run both eras and print what came of it; the exit code."""
    failed = 0
    for era in ERAS:
        with tempfile.TemporaryDirectory() as folder:
            outcomes = await judge(era, Path(folder))
        for outcome in sorted(outcomes, key=lambda it: (not it.counts, it.scenario)):
            print(outcome)
        counted = [outcome for outcome in outcomes if outcome.counts]
        failed += sum(bool(outcome.failed) for outcome in counted)
        failed += len(COUNTED[era]) - len(counted)
        print(f"{era}  {sum(not it.failed for it in counted)} of {len(COUNTED[era])} scenarios passed\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
