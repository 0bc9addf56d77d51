"""Workflows as rows of a table, and one of them in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nexus.model import WorkflowInfo
from nexus_tui.viewmodels.words import NOTHING
from nexus_tui.workload import Workload
from nexus_widgets import Column, Row, Tone, Toned, clean, compact, duration

WORKFLOW_COLUMNS = (
    Column("name", "WORKFLOW", 20, min_width=10, flex=2, max_width=60, sortable=False, priority=9),
    Column("here", "REGISTERED", 10, sortable=False, priority=3),
    Column("total", "SESSIONS", 8, "right", sortable=False, priority=8),
    Column("live", "LIVE", 6, "right", sortable=False, priority=7),
    Column("failed", "FAILED", 6, "right", sortable=False, priority=6),
    Column("success", "SUCCESS", 8, "right", sortable=False, priority=5),
    Column("p50", "P50", 7, "right", sortable=False, priority=4),
    Column("p95", "P95", 7, "right", sortable=False, priority=4),
)


def workflow_names(infos: Sequence[WorkflowInfo], counts: Mapping[str, int]) -> list[str]:
    """All that is registered or has sessions: the busiest first, then by name.

    Args:
        infos: What is registered.
        counts: Sessions by workflow.
    """
    return sorted({info.name for info in infos} | set(counts), key=lambda name: (-counts.get(name, 0), name))


def workflow_row(name: str, *, registered: bool, sessions: int, load: Workload | None) -> Row:
    """A workflow's row; its key is its name.

    Args:
        name: The workflow.
        registered: Whether it can be run here.
        sessions: How many sessions it has.
        load: Its figures, once they have come.
    """
    here = Toned("● yes", "good") if registered else Toned("○ not here", "muted")
    return Row(name, (clean(name, limit=80), here, compact(sessions), *_figures(load)))


def _figures(load: Workload | None) -> tuple[Toned, ...]:
    if load is None:
        return (Toned("…", "muted"),) * 5
    share = load.success
    tone: Tone = "muted" if share is None else "good" if share >= 99 else "warn" if share >= 90 else "bad"
    # 100 is said of all and of nothing less.
    said = NOTHING if share is None else "100 %" if share >= 100 else f"{min(share, 99.9):.1f} %"
    return (
        Toned(compact(load.live)),
        Toned(compact(load.failed), "bad" if load.failed else "muted"),
        Toned(said, tone),
        *(Toned(NOTHING if each is None else duration(each)) for each in (load.p50, load.p95)),
    )


def workflow_words(info: WorkflowInfo | None) -> list[tuple[str, Toned]]:
    """What a workflow is and takes, as labelled facts.

    Args:
        info: What is told of it; ``None`` for one that is not registered here.
    """
    if info is None:
        told = "not registered in this process or server: its sessions are shown, and others may run it"
        return [("workflow", Toned(told, "muted"))]
    found = [("does", Toned(clean(" ".join(info.description.split()), limit=600) if info.description else NOTHING))]
    found.append(("checkpoint", Toned(f"every {info.checkpoint_interval} steps" if info.checkpoint_interval > 1
                                      else "every step")))  # fmt: skip
    return found + _inputs(info.input_schema)


def _inputs(schema: Mapping[str, Any]) -> list[tuple[str, Toned]]:
    properties = schema.get("properties")
    if not isinstance(properties, dict) or not properties:
        return [("inputs", Toned("none" if isinstance(properties, dict) else "any"))]
    required = schema.get("required")
    needed = set(required) if isinstance(required, list) else set()
    lines = []
    for at, (name, shape) in enumerate(properties.items()):
        kind = _kind(shape)
        must = "required" if name in needed else _default(shape)
        text = f"{clean(name, limit=60)}  {kind}  {must}".rstrip()
        lines.append(("inputs" if at == 0 else "", Toned(text, "plain" if name in needed else "muted")))
    return lines


def _kind(shape: Any) -> str:
    kind = shape.get("type") if isinstance(shape, dict) else None
    if isinstance(kind, list):
        kind = "/".join(map(str, kind))
    return clean(kind if isinstance(kind, str) else "any", limit=40)


def _default(shape: Any) -> str:
    return f"= {clean(shape['default'], limit=60)}" if isinstance(shape, dict) and "default" in shape else ""
