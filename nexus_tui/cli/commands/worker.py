"""``nexus worker``: execute runs, and nothing else."""

from __future__ import annotations

from typing import Annotated

import typer

from nexus_tui.cli.commands.doctor import DurabilityOption
from nexus_tui.cli.handles import allow_many_files
from nexus_tui.cli.invocation import Invocation, alone, command
from nexus_tui.cli.stopping import told_to_stop

app = alone()

GraceOption = Annotated[
    float | None,
    typer.Option(metavar="S", help="Seconds that runs have to reach a checkpoint when it stops; 5 if not set."),
]


@command(app, "worker", without=("server", "token", "output"))
async def worker(
    call: Invocation,
    concurrency: Annotated[
        int | None, typer.Option(metavar="N", help="Runs that execute at once; 100 if not set otherwise.")
    ] = None,
    grace: GraceOption = None,
    require_durability: DurabilityOption = None,
) -> None:
    """Execute runs of the store until SIGTERM or Ctrl+C; live ones are then handed over at their next checkpoint."""
    allow_many_files()
    core = call.target.local_app(
        embedded_worker=True, worker_concurrency=concurrency, worker_grace=grace, require_durability=require_durability
    )
    names = core.registry.names()
    if not names:
        call.say.warn("this app has no workflows: runs are left to other workers")
    async with told_to_stop() as stop, core:
        await core.start()
        call.say.note(f"executing {', '.join(names) or 'nothing'} on {core.store.url}; Ctrl+C stops")
        await stop.wait()
        call.say.note("stopping")
