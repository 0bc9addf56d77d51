"""``nexus doctor`` and ``nexus config show``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from nexus.stores.base import Health
from nexus_tui.cli.checks.lasting import lasting
from tests.cli.support import Line
from tests.core.stores.redis.servers import ask, single


def checks(line: Line, *arguments: str, code: int = 0) -> dict[str, dict[str, Any]]:
    ran = line("doctor", "-o", "json", *arguments)
    assert ran.code == code, ran.out
    return {check["check"]: check for check in ran.json}


def test_a_store_that_works_passes_every_check(line: Line) -> None:
    line.ok("sessions", "create", "s")
    found = checks(line)
    for name in ("python", "config", "app", "store", "permissions", "space", "journal", "integrity"):
        assert found[name]["grade"] == "ok", found[name]
    assert found["app"]["found"] == "nexus_app.py: ask, count, echo, fail"
    assert found["workers"]["grade"] == "warn"
    assert "nexus worker" in found["workers"]["fix"]


def test_a_damaged_store_fails_with_exit_code_6(line: Line) -> None:
    path = line.folder / "damaged.sqlite3"
    path.write_bytes(b"SQLite format 3\0" + b"garbage " * 1000)
    found = checks(line, "--store", f"sqlite:///{path}", code=6)
    assert found["store"]["grade"] == "fail"
    assert found["store"]["fix"]


def test_a_server_that_is_not_there_fails_with_exit_code_6(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEXUS_STORE")
    found = checks(line, "--server", "http://127.0.0.1:1", code=6)
    assert found["server"]["grade"] == "fail"
    assert "nexus serve" in found["server"]["fix"]


@pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them")
def test_a_file_that_others_may_read_is_a_warning(line: Line) -> None:
    line.ok("sessions", "create", "s")
    Path(line.folder / "store.sqlite3").chmod(0o644)
    found = checks(line)
    assert found["permissions"]["grade"] == "warn"
    assert found["permissions"]["fix"].startswith("chmod 600")


def test_an_app_that_fails_is_told_beside_the_checks_that_pass(line: Line) -> None:
    (line.folder / "nexus_app.py").write_text("raise RuntimeError('no key')")
    ran = line("doctor", "-o", "json")
    found = {check["check"]: check for check in ran.json}
    assert ran.code in {2, 6}
    assert "RuntimeError: no key (nexus_app.py:1)" in found["app"]["found"]


def test_a_setting_that_does_not_fit_is_found(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_SESSION_TIMEOUT", "soon")
    ran = line("doctor", "-o", "json", "--app", "none")
    found = {check["check"]: check for check in ran.json}
    assert found["config"]["grade"] == "fail"
    assert "session_timeout" in found["config"]["found"]


def test_settings_are_shown_with_where_they_come_from(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    (line.folder / "nexus.toml").write_text("session_timeout = 60\n")
    (line.folder / "nexus_app.py").write_text("from nexus import AsyncNexus\napp = AsyncNexus(max_recoveries=5)\n")
    monkeypatch.setenv("NEXUS_API_PORT", "9000")
    shown = line.ok("config", "show", "--store", "sqlite:///a.sqlite3")
    assert shown["store"] == {"value": "sqlite:///a.sqlite3", "origin": "--store"}
    assert shown["session_timeout"] == {"value": 60.0, "origin": "nexus.toml"}
    assert shown["api_port"] == {"value": 9000, "origin": "environment"}
    assert shown["max_recoveries"] == {"value": 5, "origin": "app nexus_app.py"}
    assert shown["session_prefix"]["origin"] == "default"


def test_passwords_in_urls_are_not_shown(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_REDIS_URL", "redis://me:secret@host:6379/0")
    ran = line("config", "show")
    assert "secret" not in ran.out
    assert "redis://host:6379/0" in ran.out


def test_doctor_says_what_could_be_lost_and_fails_below_what_is_required(line: Line) -> None:
    line.ok("sessions", "create", "s")
    assert checks(line)["durability"]["found"].startswith("power: commits survive kill -9")
    assert checks(line, "--require-durability", "power")["durability"]["grade"] == "ok"
    found = checks(line, "--require-durability", "failover", code=6)["durability"]
    assert (found["grade"], found["found"].endswith("failover is required")) == ("fail", True)
    memory = checks(line, "--store", "memory://", "--require-durability", "process", code=6)["durability"]
    assert memory["found"] == "none: everything is gone with the process; process is required"


def test_a_level_that_there_is_not_is_refused(line: Line) -> None:
    ran = line("doctor", "--require-durability", "forever")
    assert ran.code == 2
    assert "none, process, second, power, failover" in ran.err


def test_a_server_does_not_start_on_less_than_it_requires(line: Line) -> None:
    ran = line("serve", "--port", "0", "--store", "memory://", "--require-durability", "second")
    assert ran.code == 6
    assert "durability second is required, and the store memory:// has none" in ran.err


def test_doctor_reads_the_settings_of_a_redis_server(line: Line, tmp_path: Path) -> None:
    with single(tmp_path / "valkey", "--appendonly", "yes", "--maxmemory", "100mb") as server:
        found = checks(line, "--store", server.url, "--require-durability", "second")
        assert found["durability"]["found"].startswith("second: a loss of power takes about the last second")
        assert found["clock"]["grade"] == "ok"
        assert found["memory"]["found"].endswith("of 100.0 MiB used, noeviction")
        assert found["replicas"]["found"] == "0 connected"
        assert "appendfsync everysec" in found["store"]["found"]
        ask(server.port, "CONFIG", "SET", "appendonly", "no")
        weak = checks(line, "--store", server.url)["durability"]
        assert (weak["grade"], weak["fix"]) == ("warn", "see docs/redis.md")


@pytest.mark.parametrize(
    ("facts", "check", "said"),
    [
        ({"clock_skew": "-2.5 s"}, "clock", "2.5 s behind"),
        ({"clock_skew": "0.0 s, 3.0 s"}, "clock", "3 s ahead of"),
        ({"memory": "95", "maxmemory": "100"}, "memory", "MiB used"),
        ({"cluster": "fail, 10000 of 16384 slots covered, 1 of 3 nodes failed"}, "cluster", "10000 of"),
        ({"sentinels": "none of 3 answers"}, "sentinels", "none of 3"),
        ({}, "durability", "unknown"),
    ],
)
def test_what_is_wrong_with_a_server_is_a_warning(facts: dict[str, str], check: str, said: str) -> None:
    health = Health(ok=True, backend="redis", url="redis://x", facts=facts)
    found = {finding.check: finding for finding in lasting(health, None)}[check]
    assert found.grade == "warn"
    assert said in found.found
    assert found.fix
