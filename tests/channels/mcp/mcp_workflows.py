"""The workflows that the MCP tests serve; in this process and in those that the tests start."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from nexus.app import AsyncNexus


def new_app(store: str, **settings: Any) -> AsyncNexus:
    """An app on ``store`` with the workflows below."""
    app = AsyncNexus(store=store, **settings)
    app.register(process, "process")
    app.register(remember, "remember")
    app.register(echo, "echo")
    app.register(fail, "fail")
    app.register(count, "count")
    app.register(walk, "walk")
    app.register(hold, "hold")
    app.register(chatter, "chatter")
    app.register(ask, "ask")
    return app


def process(run: Any, action: str, user_id: str = "") -> dict[str, Any]:
    """Take one step of a piece of work.

    Args:
        action: What to do.
        user_id: Whose work it is.
    """
    run.state.setdefault("actions", []).append(action)
    return {"actions": list(run.state["actions"]), "user_id": user_id}


def remember(run: Any, session_id: str) -> dict[str, Any]:
    """Say which session the argument named, and which one this is."""
    return {"argument": session_id, "session": run.session_id}


def echo(value: Any = None) -> Any:
    """Give the value back."""
    return value


def fail(why: str = "no reason") -> None:
    """Raise."""
    raise ValueError(why)


def count(run: Any, to: int) -> int:
    """Tell its own progress."""
    for number in range(1, to + 1):
        run.progress(number, to, f"at {number}")
    return to


def walk(run: Any, steps: int) -> int:
    """A durable loop."""
    for number in run.steps(range(steps)):
        run.state["last"] = number
    return steps


async def hold(run: Any, until: str) -> str:
    """Wait until a file is there."""
    while not Path(until).exists():
        await asyncio.sleep(0.01)
    run.state["held"] = True
    return "let go"


def chatter() -> str:
    """Print to stdout, which is the protocol's own over stdio."""
    print("this must not reach the client", flush=True)
    return "said"


def ask(run: Any) -> Any:
    """Wait for a signal."""
    return run.wait_for("answer")
