"""The example workflows, run for real: on a real tree, a real file, and with real answers."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from examples.nexus_app import ORDERS, app
from examples.scenes import mend
from nexus import AsyncNexus
from nexus.errors import InvalidInput
from nexus.service import Service


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    opened: AsyncNexus = app.core.derive(store=f"sqlite:///{tmp_path}/examples.sqlite3")
    async with opened:
        await opened.start()
        yield opened.service(opened.local_caller("sdk"))


async def test_a_folder_tree_is_indexed(service: Service, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "deep").mkdir(parents=True)
    (tree / "a.txt").write_bytes(b"aaa")
    (tree / "deep" / "b.txt").write_bytes(b"b" * 10)
    (tree / "deep" / "c.bin").write_bytes(b"")
    result = await service.execute("index-files", {"root": str(tree)}, session_id="s")
    assert (result.status, result.step) == ("completed", 3)
    state = (await service.get_session("s")).state
    assert (state["files"], state["bytes"], state["kinds"]) == (3, 13, {".txt": 2, ".bin": 1})
    assert state["largest"][0] == {
        "file": "deep/b.txt", "bytes": 10, "sha256": hashlib.sha256(b"b" * 10).hexdigest(),
    }  # fmt: skip


async def test_the_index_of_the_same_files_is_the_same_wherever_they_are(service: Service, tmp_path: Path) -> None:
    digests = set()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").write_text("same")
        result = await service.execute("index-files", {"root": str(tmp_path / name)})
        digests.add(result.outputs["digest"])
    assert len(digests) == 1


async def test_a_folder_that_is_none_fails_the_run(service: Service, tmp_path: Path) -> None:
    result = await service.execute("index-files", {"root": str(tmp_path / "not-there")})
    assert result.status == "failed"
    assert "is no folder" in str(result.error)


async def test_a_bad_row_fails_the_import_and_a_mended_file_goes_on_from_there(
    service: Service, tmp_path: Path
) -> None:
    file = tmp_path / "orders.csv"
    file.write_bytes(ORDERS.read_bytes())
    failed = await service.execute("import-orders", {"path": str(file)}, session_id="s")
    assert (failed.status, failed.step) == ("failed", 22)
    assert "orders.csv, line 24: quantity 'three' is no whole number" in str(failed.error)
    assert (await service.get_session("s")).state["orders"] == 22
    mend(file)
    session = await service.resume_session("s", background=False)
    assert (session.status, session.step, session.state["orders"]) == ("active", 40, 40)
    assert session.state["cents"] == sum(session.state["customers"].values()) == expected_cents(file)


def expected_cents(file: Path) -> int:
    total = 0
    for line in file.read_text().splitlines()[1:]:
        quantity, price = line.rsplit(",", 2)[1:]
        total += int(quantity) * round(float(price) * 100)
    return total


@pytest.mark.parametrize(
    ("amount", "answers", "approved"),
    [
        (50.0, [("manager", True)], True),
        (50.0, [("manager", False)], False),
        (5000.0, [("manager", True), ("finance", True)], True),
        (5000.0, [("manager", True), ("finance", False)], False),
        (5000.0, [("manager", False)], False),
    ],
)
async def test_an_approval_waits_for_each_answer(
    service: Service, amount: float, answers: list[tuple[str, bool]], approved: bool
) -> None:
    result = await service.execute("approval", {"request": "a screen", "amount": amount}, session_id="s")
    feed = service.feed("id=s", cursor="0")
    for who, yes in answers:
        assert result.status == "suspended"
        session = await service.get_session("s")
        assert session.state["waiting_for"] == who
        await service.signal_session("s", who, {"by": "ana", "approved": yes})
        async for item in feed:
            if item.event is not None and item.event.type in {"run.suspended", "run.completed"}:
                run = await service.get_run("s")
                if run is not None and (run.status == "completed" or (run.wait and run.wait.signal != who)):
                    break
    session = await service.get_session("s")
    assert session.state["approved"] is approved
    assert [answer["approved"] for answer in session.state["answers"]] == [yes for _, yes in answers]


async def test_the_process_travels_through_channels(service: Service) -> None:
    for action in ("start", "continue", "complete"):
        inputs = {"action": action, **({"user_id": "123"} if action == "start" else {})}
        result = await service.execute("process", inputs, session_id="demo-session")
    assert result.outputs == {"user_id": "123", "actions": ["start", "continue", "complete"]}
    with pytest.raises(InvalidInput, match="action"):
        await service.execute("process", {"action": "explode"}, session_id="demo-session")
    assert (await service.execute("process", {"action": "continue"})).status == "failed"


async def test_steps_are_remembered_with_their_channels(service: Service) -> None:
    await service.execute("multi-step-process", {"step": 1, "data": "initial"}, session_id="s")
    result = await service.execute("multi-step-process", {"step": 2}, session_id="s")
    assert result.outputs == {"steps": [1, 2]}
    assert (await service.get_session("s")).state["steps"][0] == {"step": 1, "data": "initial", "channel": "sdk"}
