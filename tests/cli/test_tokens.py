"""``nexus tokens``, and a command line that comes in with one."""

from __future__ import annotations

import json

import pytest

from tests.cli.support import Line


def test_a_token_is_made_and_shown_once(line: Line) -> None:
    made = line.ok("tokens", "create", "--name", "ci", "--scope", "run")
    assert set(made) == {"name", "scope", "token"}
    assert (made["name"], made["scope"]) == ("ci", "run")
    (listed,) = line.ok("tokens", "list")["items"]
    assert made["token"] not in json.dumps(listed)


def test_o_id_gives_the_secret_alone(line: Line) -> None:
    ran = line("tokens", "create", "--name", "ci", "--scope", "read", "-o", "id")
    assert ran.out.strip().startswith("nexus_")
    assert "\n" not in ran.out.strip()
    assert "not shown again" in ran.err


def test_a_token_is_revoked_by_name(line: Line) -> None:
    line.ok("tokens", "create", "--name", "ci", "--scope", "run", "--expires", "30d")
    assert line.ok("tokens", "revoke", "ci")["name"] == "ci"
    assert line.ok("tokens", "list")["items"] == []
    ran = line("tokens", "revoke", "ci")
    assert ran.code == 3
    assert "token_not_found" in ran.err


@pytest.mark.parametrize(
    ("more", "field", "code"),
    [
        (["--name", "local:root", "--scope", "run"], "name", 2),
        (["--name", "ci", "--scope", "root"], "scope", 2),
        (["--name", "ci", "--scope", "run", "--expires", "soon"], "expires", 2),
        (["--name", "ci", "--scope", "run", "--expires", "0s"], "expires", 2),
    ],
)
def test_mistakes_are_named(line: Line, more: list[str], field: str, code: int) -> None:
    ran = line("tokens", "create", *more)
    assert ran.code == code
    assert field in ran.err


def test_a_taken_name_is_a_conflict(line: Line) -> None:
    line.ok("tokens", "create", "--name", "ci", "--scope", "run")
    assert line("tokens", "create", "--name", "ci", "--scope", "run").code == 4
