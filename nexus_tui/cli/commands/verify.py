"""``nexus verify``: whether a store keeps the promises, tried with real processes beside one's own sessions."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nexus.errors import InvalidInput
from nexus_tui.cli.diagnostics import ExitCode
from nexus_tui.cli.invocation import Invocation, alone, command
from nexus_tui.cli.views import PROMISES

if TYPE_CHECKING:
    from nexus.verifying.verdict import Verdict

app = alone()

_LONGEST = 3600
_MOST_PROCESSES = 32


@command(app, "verify")
async def verify(
    call: Invocation,
    seconds: Annotated[float, typer.Option(metavar="N", help="How long to put load on it.")] = 10.0,
    processes: Annotated[int, typer.Option(metavar="N", help="How many processes change sessions at once.")] = 3,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Repeat the faults and choices of a seed.")] = None,
    existing: Annotated[
        bool, typer.Option("--existing", help="Only read: check the sessions that are there, and change nothing.")
    ] = False,
    most: Annotated[int, typer.Option(metavar="N", help="With --existing: how many sessions to look at.")] = 10_000,
) -> ExitCode:
    """Try a store: processes change sessions of their own, are killed and frozen, and each promise is checked.

    Works beside your sessions, in keys or in a file of its own, which are removed afterwards. Exit code 0 when every
    promise was kept, 1 when one was broken.
    """
    if existing:
        return await _existing(call, most)
    if not 1 <= seconds <= _LONGEST:
        raise InvalidInput(f"--seconds {seconds:g} must be 1 to {_LONGEST}", field="seconds", value=seconds)
    if not 1 <= processes <= _MOST_PROCESSES:
        raise InvalidInput(f"--processes {processes} must be 1 to {_MOST_PROCESSES}", field="processes")
    from nexus.stores.opening import store_url
    from nexus.verifying.trial import Plan
    from nexus.verifying.trial import verify as try_it

    url = store_url(call.target.local_app().settings)
    plan = Plan(seconds=seconds, processes=processes, seed=secrets.randbelow(2**32) if seed is None else seed)
    call.say.note(f"seed {plan.seed}")
    report = await try_it(url, plan, call.say.note)
    acts = ", ".join(f"{count} {outcome}" for outcome, count in report.acts.items())
    call.say.note(f"{report.seconds:.1f} s, {report.kills} kills, {report.freezes} freezes; changes: {acts}")
    return _show(call, report.verdicts, report.to_dict())


async def _existing(call: Invocation, most: int) -> ExitCode:
    if most < 1:
        raise InvalidInput(f"--most {most} must be above 0", field="most", value=most)
    from nexus.verifying.existing import verify_existing

    async with call.target.local_app() as opened:
        verdicts = await verify_existing(opened.parts.engine.live, most)
    return _show(call, verdicts, {"kept": all(verdict.kept for verdict in verdicts)})


def _show(call: Invocation, verdicts: tuple[Verdict, ...] | list[Verdict], report: dict[str, Any]) -> ExitCode:
    rows = [verdict.to_dict() for verdict in verdicts]
    call.output.rows(rows, PROMISES, envelope={**report, "promises": rows})
    for verdict in verdicts:
        for broken in verdict.to_dict()["broken"]:
            call.say.note(f"broken: {verdict.promise}: {broken}")
    return ExitCode.DONE if all(verdict.kept for verdict in verdicts) else ExitCode.FAILED
