"""What Redis has let go, seen through every door: a server on Valkey with an archive, and a retention of a moment."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from nexus import AsyncNexus
from nexus.channels.client import RemoteService
from nexus.errors import InvalidTransition, SessionExists
from nexus.model import Status
from tests.cli.support import APP, Line
from tests.core.archive.postgres import Postgres
from tests.core.stores.redis.servers import Server, ask, single
from tests.running import serving

CHILDREN = 7


class Place:
    """A server whose sessions have all ended and gone, and what it was given."""

    def __init__(self, redis: Server, folder: Path, database: str) -> None:
        self.redis, self.folder, self.database = redis, folder, database
        self.url = ""
        self.wanted: dict[str, dict[str, Any]] = {}
        self.group: dict[str, Any] = {}

    @property
    def settings(self) -> dict[str, str]:
        """How any process works on this store; nothing is let go by any but the server."""
        return {
            "NEXUS_STORE": self.redis.url, "NEXUS_SESSION_PERSISTENCE": "true", "NEXUS_DATABASE_URL": self.database,
            "NEXUS_SESSION_RETENTION": "0.2",
        }  # fmt: skip

    def keys(self, pattern: str) -> list[str]:
        """Keys in Valkey."""
        return sorted(ask(self.redis.port, "KEYS", pattern))

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        """What a GET answers."""
        answer = httpx.get(f"{self.url}{path}", params=params)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A family of sessions in a group, ended, archived and let go."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "nexus_app.py").write_text(APP)
    database = f"sqlite:///{folder / 'archive.sqlite3'}"
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        database = server.database()
    with single(folder / "valkey") as redis:
        found = Place(redis, folder, database)
        env = {**found.settings, "NEXUS_SESSION_CLEANUP_INTERVAL": "0.2"}
        with serving(redis.url, folder, env=env) as url:
            found.url = url
            live_and_end(found)
            yield found


def live_and_end(place: Place) -> None:
    with httpx.Client(base_url=f"{place.url}", timeout=30) as client:
        client.post("/groups", json={"group_id": "batch"}).raise_for_status()
        parent = {"session_id": "parent", "group": "batch", "metadata": {"colour": "red"}, "user_id": "ada"}
        client.post("/sessions", json=parent).raise_for_status()
        for n in range(CHILDREN):
            child = {"session_id": f"child-{n}", "parent_session": "parent", "state": {"n": n}}
            client.post("/sessions", json=child).raise_for_status()
        run = {"session_id": "child-0", "inputs": {"to": 3}}
        client.post("/workflows/count/execute", json=run).raise_for_status()
        # All end in one step from here on; a child shows what it was before.
        client.post("/sessions/parent/end", json={"status": "completed"}).raise_for_status()
        names = ["parent", *(f"child-{n}" for n in range(CHILDREN))]
        deadline = time.monotonic() + 60
        while place.keys("*}:r:*"):
            assert time.monotonic() < deadline, place.keys("*")
            time.sleep(0.05)
        place.wanted = {name: client.get(f"/sessions/{name}").json() for name in names}
        place.group = client.get("/groups/batch").json()


def test_every_session_is_shown_as_it_ended(place: Place) -> None:
    for name, session in place.wanted.items():
        assert (session["id"], session["status"]) == (name, "completed")
        assert session["group_id"] == "batch"
        assert session["metadata"] == {"colour": "red"}
    assert place.wanted["child-3"]["state"] == {"n": 3}
    assert place.wanted["child-0"]["last_checkpoint"] == "checkpoint-3"


def test_it_is_listed_filtered_and_paged_over_http(place: Place) -> None:
    everybody = place.get("/sessions", sort="created_at")
    assert [item["id"] for item in everybody["items"]] == list(place.wanted)
    assert everybody["total"] == CHILDREN + 1
    assert everybody["items"] == list(place.wanted.values())
    for q, count in (("status:final", 8), ("parent:parent", 7), ("state.n>=5", 2), ("meta.colour=red", 8),
                     ("user:ada id:child*", 7), ("status:live", 0)):  # fmt: skip
        assert place.get("/sessions", q=q)["total"] == count, q
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = place.get("/sessions", limit=3, **({"cursor": cursor} if cursor else {}))
        seen.extend(item["id"] for item in page["items"])
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == list(place.wanted)[::-1]


def test_its_history_is_whole_over_http(place: Place) -> None:
    children = place.get("/sessions/parent/children")
    assert [item["id"] for item in children["items"]] == [f"child-{n}" for n in range(CHILDREN)]
    checkpoints = place.get("/sessions/child-0/checkpoints")
    assert [item["id"] for item in checkpoints["items"]] == ["checkpoint-1", "checkpoint-2", "checkpoint-3"]
    second = place.get("/sessions/child-0/checkpoints/checkpoint-2")
    assert second["state"] == {"n": 0, "seen": [0, 1]}
    changed = place.get("/sessions/child-0/diff", **{"from": "checkpoint-2", "to": "current"})
    assert changed["added"] == {"seen[2]": 2}
    events = [event["type"] for event in place.get("/sessions/child-0/events", limit=100)["items"]]
    assert (events[0], events[-1]) == ("session.created", "session.deleted")
    assert events.count("checkpoint.saved") == 3
    assert place.group["by_status"]["completed"] == CHILDREN + 1
    assert [group["total"] for group in place.get("/groups")["items"]] == [CHILDREN + 1]


async def test_the_consoles_window_ranks_it(place: Place) -> None:
    async with RemoteService(place.url) as service:
        window = await service.window("status:completed", sort="created_at", offset=2, limit=3)
    assert [session.id for session in window.items] == ["child-1", "child-2", "child-3"]
    assert (window.total, window.whole) == (CHILDREN + 1, CHILDREN + 1)


def test_the_command_line_shows_it(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place.folder)
    for name, value in place.settings.items():
        monkeypatch.setenv(name, value)
    line = Line(place.folder, capsys)
    assert len(line.ok("sessions", "list", "-q", "parent:parent")["items"]) == CHILDREN
    assert line.ok("sessions", "show", "child-4")["state"] == {"n": 4}
    assert [item["id"] for item in line.ok("checkpoints", "list", "child-0")["items"]][-1] == "checkpoint-3"
    for words in (("--session", "child-0"), ("-q", "id:child-0")):
        types = [event["type"] for event in line.ok("events", *words)["items"]]
        assert {"session.created", "run.completed", "session.ended"} < set(types)


@pytest.fixture
async def app(place: Place, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AsyncNexus]:
    """The library, on the same store."""
    app = AsyncNexus(
        store=place.redis.url, session_persistence=True, database_url=place.database, session_retention=3600.0
    )

    @app.workflow("count")
    def count(run: Any, to: int) -> dict[str, Any]:
        for number in run.steps(range(to)):
            run.state["seen"] = [*run.state.get("seen", []), number]
        return {"seen": run.state["seen"]}

    async with app:
        yield app


async def test_a_fork_of_it_runs_on_and_leaves_no_trace_of_it_in_redis(place: Place, app: AsyncNexus) -> None:
    forked = await app.fork_session("child-0", "checkpoint-2")
    assert forked.state["seen"] == [0, 1]
    result = await app.resume_workflow("count", forked.id)
    assert result.outputs == {"seen": [0, 1, 2]}
    assert [key for key in place.keys("*child-0*") if "}:es:" not in key] == []
    assert (await app.get_session("child-0")).status is Status.COMPLETED
    await app.end_session(forked.id)


async def test_it_can_not_change_and_its_ids_stay_taken(place: Place, app: AsyncNexus) -> None:
    with pytest.raises(InvalidTransition):
        await app.update_session("child-1", {"n": 9})
    with pytest.raises(InvalidTransition):
        await app.resume_workflow("count", "child-0")
    with pytest.raises(SessionExists):
        await app.create_session(session_id="child-1")
    assert await app.session_manager.exists("child-1")
    assert (await app.end_session("child-1")).status is Status.COMPLETED


async def test_statistics_count_what_redis_keeps_and_lists_count_both(place: Place, app: AsyncNexus) -> None:
    made = await app.create_session(metadata={"kept": True})
    statistics = await app.session_manager.get_statistics()
    page = await app.session_manager.list_sessions("status:live,final")
    assert statistics.active == 1
    assert page.total is not None
    assert page.total >= CHILDREN + 2
    assert len({session.id for session in page.items}) == len(page.items) == page.total
    await app.end_session(made)
