"""``nexus doctor``: what works here, what doesn't, and what would mend it."""

from __future__ import annotations

from typing import Annotated

import typer

from nexus.errors import InvalidInput
from nexus.settings import DURABILITY_LEVELS
from nexus_tui.cli.checks import machine, places, provider
from nexus_tui.cli.checks.finding import Finding
from nexus_tui.cli.diagnostics import ExitCode
from nexus_tui.cli.invocation import Invocation, alone, command
from nexus_tui.cli.views import CHECKS

app = alone()

_PLACES = frozenset({"store", "server", "integrity", "permissions", "durability"})

DurabilityOption = Annotated[
    str | None,
    typer.Option(
        "--require-durability", metavar="LEVEL", autocompletion=lambda: list(DURABILITY_LEVELS),
        help="Refuse a store that keeps less: none, process, second, power or failover.",
    ),
]  # fmt: skip


@command(app, "doctor")
async def doctor(call: Invocation, require_durability: DurabilityOption = None) -> ExitCode:
    """Check store or server, app, config, Python, packages and terminal.

    Exit code 0 when nothing failed, 6 when the store or the server did, 2 otherwise.
    """
    if require_durability not in (None, *DURABILITY_LEVELS):
        raise InvalidInput(
            f"--require-durability {require_durability!r} is no level: use {', '.join(DURABILITY_LEVELS)}",
            field="require_durability", value=require_durability,
        )  # fmt: skip
    findings = [*machine.machine(), places.config(), places.app(call.target), *provider.provider(call.target)]
    findings += [finding async for finding in places.place(call.target, require_durability)]
    call.output.rows([finding.to_dict() for finding in findings], CHECKS)
    return _verdict(findings)


def _verdict(findings: list[Finding]) -> ExitCode:
    failed = {finding.check for finding in findings if finding.grade == "fail"}
    if failed & _PLACES:
        return ExitCode.UNREACHABLE
    return ExitCode.USAGE if failed else ExitCode.DONE
