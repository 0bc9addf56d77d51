"""``nexus namespaces``, and a command line that acts in one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nexus.namespaces import estate
from tests.cli.support import Line


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other process has anything open."""
    monkeypatch.setattr(estate, "LETTING_GO", 0.0)


def test_a_namespace_is_made_listed_shown_and_acted_in(line: Line) -> None:
    assert line.ok("namespaces", "create", "acme")["name"] == "acme"
    assert [each["name"] for each in line.ok("namespaces", "list")["items"]] == ["acme"]
    line.ok("sessions", "create", "s", "--namespace", "acme")
    line.ok("run", "count", "--session", "s", "--to", "2", "--namespace", "acme")
    assert line.ok("sessions", "list")["items"] == []
    assert [each["id"] for each in line.ok("sessions", "list", "--namespace", "acme")["items"]] == ["s"]
    shown = line.ok("namespaces", "show", "acme")
    assert (shown["sessions"], shown["live"], shown["removing"]) == (1, 1, False)
    assert line.ok("audit", "verify", "--namespace", "acme")["intact"]
    made = line.ok("tokens", "create", "--name", "ci", "--scope", "run", "--namespace", "acme")
    assert made["namespace"] == "acme"
    assert line.ok("tokens", "list")["items"] == []


def test_environment_and_context_name_one_too(line: Line, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    line.ok("namespaces", "create", "acme")
    monkeypatch.setenv("NEXUS_NAMESPACE", "acme")
    line.ok("sessions", "create", "here")
    # Namespaces themselves are the store's, whatever the environment names.
    assert len(line.ok("namespaces", "list")["items"]) == 1
    assert line.ok("sessions", "list", "--namespace", "default")["items"] == []
    monkeypatch.delenv("NEXUS_NAMESPACE")
    store = f"sqlite:///{tmp_path}/other.sqlite3"
    line.ok("namespaces", "create", "acme", "--store", store)
    made = line.ok("contexts", "add", "there", "--store", store, "--namespace", "acme")
    assert made["namespace"] == "acme"
    line.ok("sessions", "create", "by-context", "--context", "there")
    found = line.ok("sessions", "list", "--store", store, "--namespace", "acme")["items"]
    assert [each["id"] for each in found] == ["by-context"]
    line.ok("contexts", "remove", "there")


def test_sessions_move_from_one_to_another_by_export(line: Line, tmp_path: Path) -> None:
    for name in ("acme", "umbrella"):
        line.ok("namespaces", "create", name)
    line.ok("sessions", "create", "s", "--namespace", "acme")
    file = tmp_path / "moved.jsonl"
    assert line("sessions", "export", "-q", "", "--namespace", "acme", "--file", str(file)).code == 0
    assert line("sessions", "import", str(file), "--namespace", "umbrella").code == 0
    assert [each["id"] for each in line.ok("sessions", "list", "--namespace", "umbrella")["items"]] == ["s"]


def test_a_removal_is_planned_and_confirmed(line: Line) -> None:
    line.ok("namespaces", "create", "acme")
    line.ok("sessions", "create", "s", "--namespace", "acme")
    assert line.ok("namespaces", "remove", "acme", "--dry-run")["sessions"] == 1
    refused = line("namespaces", "remove", "acme")
    assert refused.code == 2
    assert "1 sessions (1 live)" in refused.err
    assert "--yes" in refused.err
    assert line.ok("namespaces", "show", "acme")["sessions"] == 1
    assert line.ok("namespaces", "remove", "acme", "--yes")["sessions"] == 1
    for ask in (("namespaces", "show", "acme"), ("sessions", "list", "--namespace", "acme")):
        ran = line(*ask, "-o", "json")
        assert ran.code == 3
        assert json.loads(ran.err)["code"] == "namespace_not_found"


@pytest.mark.parametrize(("name", "code"), [("../x", 2), ("Acme", 2), ("ä", 2), ("default", 2), ("acme", 4)])
def test_names_that_can_not_be_given_are_refused(line: Line, name: str, code: int) -> None:
    line.ok("namespaces", "create", "acme")
    ran = line("namespaces", "create", name)
    assert ran.code == code
    assert name in ran.err
    assert line("sessions", "list", "--namespace", "../x").code == 2
