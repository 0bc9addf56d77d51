"""Five workflows that do real work on real input, on any machine.

Serve them with ``nexus serve --app examples/nexus_app.py``, or copy this file as a start: a folder that has a
``nexus_app.py`` needs no ``--app``.

- ``multi-step-process``: one step a call; the session remembers the steps, whichever channel each came through.
- ``process``: start, continue and complete one piece of work, from API to CLI to MCP.
- ``index-files``: hash a folder tree in a durable loop that goes on where it was after a crash.
- ``import-orders``: check and sum a CSV file; a bad row fails the run, and once the file is mended a resume goes on
  from that row.
- ``approval``: wait, for days if need be, until people have said yes or no by a signal.
"""

from __future__ import annotations

import csv
import hashlib
import time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal

from nexus import Nexus

app = Nexus()

ORDERS = Path(__file__).parent / "data" / "orders.csv"
"""Orders of a small shop; one row of them is bad."""


@app.workflow("multi-step-process")
def multi_step_process(run: Any, step: int, data: str = "") -> dict[str, Any]:
    """Remember one step of a process that goes from channel to channel.

    Args:
        step: Its number.
        data: What comes with it.
    """
    run.state.setdefault("steps", []).append({"step": step, "data": data, "channel": run.channel})
    return {"steps": [entry["step"] for entry in run.state["steps"]]}


@app.workflow("process")
def process(run: Any, action: Literal["start", "continue", "complete"], user_id: str | None = None) -> dict[str, Any]:
    """Start, continue or complete one piece of work.

    Args:
        action: What to do; only what was started can be continued or completed.
        user_id: Whose work it is; remembered from the start.
    """
    if action == "start":
        run.state.update(user_id=user_id, actions=[])
    elif "actions" not in run.state:
        raise ValueError(f"nothing was started in session {run.session_id}: begin with action start")
    run.state["actions"].append({"action": action, "channel": run.channel})
    return {"user_id": run.state["user_id"], "actions": [entry["action"] for entry in run.state["actions"]]}


@app.workflow("index-files", checkpoint_interval=5)
def index_files(run: Any, root: str, pattern: str = "*", limit: int = 1000, pause: float = 0.0) -> dict[str, Any]:
    """Index a folder tree: sizes, SHA-256 and the largest files.

    The list of files is taken once and recorded, so that a resume goes over the same files.

    Args:
        root: The folder.
        pattern: Which files, as in ``*.py``.
        limit: The most files to read.
        pause: Seconds to rest after each file, to be gentle or to be watched.
    """
    paths: list[str] = run.call(_files, root, pattern, limit)
    run.state.setdefault("files", 0)
    for name in run.steps(paths):
        size, digest = _read(Path(root) / name)
        state = run.state
        state["files"] += 1
        state["bytes"] = state.get("bytes", 0) + size
        kind = Path(name).suffix or "none"
        kinds = state.setdefault("kinds", {})
        kinds[kind] = kinds.get(kind, 0) + 1
        largest = [*state.get("largest", []), {"file": name, "bytes": size, "sha256": digest}]
        state["largest"] = sorted(largest, key=lambda entry: -entry["bytes"])[:5]
        state["digest"] = hashlib.sha256(f"{state.get('digest', '')}{name}{digest}".encode()).hexdigest()
        run.progress(state["files"], len(paths), name)
        time.sleep(pause)
    return {key: run.state.get(key) for key in ("files", "bytes", "digest")}


def _files(root: str, pattern: str, limit: int) -> list[str]:
    folder = Path(root)
    if not folder.is_dir():
        raise ValueError(f"root {root!r} is no folder")
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob(pattern) if path.is_file())
    return found[:limit]


def _read(path: Path) -> tuple[int, str]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), digest


@app.workflow("import-orders")
def import_orders(run: Any, path: str | None = None, pause: float = 0.0) -> dict[str, Any]:
    """Check each order of a CSV file and sum them by customer.

    A row that doesn't fit fails the run with its line. Mend the file and resume: what was imported stays, and the
    import goes on from that row.

    Args:
        path: The file, with the columns order, customer, item, quantity and price; the shop's own if not given.
        pause: Seconds to rest after each row.
    """
    file = Path(path) if path is not None else ORDERS
    rows = _rows(file)
    for line, row in run.steps(rows):
        amount = _amount(row, f"{file.name}, line {line}")
        state = run.state
        state["orders"] = state.get("orders", 0) + 1
        state["cents"] = state.get("cents", 0) + amount
        customers = state.setdefault("customers", {})
        customers[row["customer"]] = customers.get(row["customer"], 0) + amount
        run.progress(state["orders"], len(rows), row["order"])
        time.sleep(pause)
    best = max(run.state["customers"].items(), key=lambda entry: entry[1]) if run.state.get("customers") else None
    return {"orders": run.state.get("orders", 0), "cents": run.state.get("cents", 0), "best": best and best[0]}


def _rows(file: Path) -> list[tuple[int, dict[str, str]]]:
    with file.open(newline="", encoding="utf-8") as lines:
        reader = csv.DictReader(lines)
        missing = {"order", "customer", "item", "quantity", "price"} - set(reader.fieldnames or ())
        if missing:
            raise ValueError(f"{file.name} has no column {', '.join(sorted(missing))}")
        return [(reader.line_num, row) for row in reader]


def _amount(row: dict[str, str], where: str) -> int:
    """What an order comes to, in cents."""
    try:
        quantity = int(row["quantity"])
    except ValueError:
        raise ValueError(f"{where}: quantity {row['quantity']!r} is no whole number") from None
    try:
        cents = Decimal(row["price"]) * 100
    except InvalidOperation:
        raise ValueError(f"{where}: price {row['price']!r} is no amount") from None
    if quantity < 1 or cents < 0 or cents != int(cents):
        raise ValueError(f"{where}: {quantity} at {row['price']} is no order")
    return quantity * int(cents)


@app.workflow("approval")
def approval(run: Any, request: str, amount: float, limit: float = 1000.0) -> dict[str, Any]:
    """Ask a manager, and for large amounts finance too, and wait for their answers.

    Answer with the signals ``manager`` and ``finance``; the payload is ``{"by": "…", "approved": true}``.

    Args:
        request: What is asked for.
        amount: What it costs.
        limit: Above it, finance has to agree as well.
    """
    answers: list[dict[str, Any]] = []
    for who in ("manager", "finance") if amount > limit else ("manager",):
        run.state.update(request=request, amount=amount, waiting_for=who, answers=answers)
        answer = run.wait_for(who)
        given = answer if isinstance(answer, dict) else {"approved": bool(answer)}
        answers.append({"who": who, "by": given.get("by", who), "approved": bool(given.get("approved"))})
        if not answers[-1]["approved"]:
            break
    approved = all(answer["approved"] for answer in answers)
    run.state.update(waiting_for=None, answers=answers, approved=approved)
    return {"approved": approved, "answers": answers}
