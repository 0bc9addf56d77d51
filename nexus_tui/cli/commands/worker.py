"""``nexus worker``: execute runs, and nothing else."""

from __future__ import annotations

from nexus_tui.cli.invocation import Invocation, alone, command
from nexus_tui.cli.stopping import told_to_stop

app = alone()


@command(app, "worker", without=("server", "token", "output"))
async def worker(call: Invocation) -> None:
    """Execute runs of the store until SIGTERM or Ctrl+C; live ones are then handed over at their last commit."""
    core = call.target.local_app()
    names = core.registry.names()
    if not names:
        call.say.warn("this app has no workflows: runs are left to other workers")
    async with told_to_stop() as stop, core:
        await core.start()
        call.say.note(f"executing {', '.join(names) or 'nothing'} on {call.target.label}; Ctrl+C stops")
        await stop.wait()
        call.say.note("stopping")
