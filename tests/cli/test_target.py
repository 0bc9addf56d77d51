"""Where a command acts."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus.errors import InvalidInput
from nexus_tui.cli.target import Target, resolve_target

STORE, SERVER = "sqlite:///a.db", "http://127.0.0.1:1"


def resolve(store: str | None = None, server: str | None = None, token: str | None = None, **env: str) -> Target:
    return resolve_target(store=store, server=server, token=token, app="none", environ=env)


@pytest.mark.parametrize(
    ("given", "env", "store", "server", "origin"),
    [
        ({}, {}, None, None, "default"),
        ({"store": STORE}, {}, STORE, None, "--store"),
        ({"server": SERVER}, {}, None, SERVER, "--server"),
        ({}, {"NEXUS_STORE": STORE}, STORE, None, "NEXUS_STORE"),
        ({}, {"NEXUS_SERVER": SERVER}, None, SERVER, "NEXUS_SERVER"),
        ({"store": STORE}, {"NEXUS_SERVER": SERVER}, STORE, None, "--store"),
        ({"server": SERVER}, {"NEXUS_STORE": STORE}, None, SERVER, "--server"),
        ({"server": f"{SERVER}/"}, {}, None, SERVER, "--server"),
    ],
)
def test_options_come_before_the_environment_and_that_before_the_default(
    given: dict[str, str], env: dict[str, str], store: str | None, server: str | None, origin: str
) -> None:
    target = resolve(**given, **env)
    assert (target.store, target.server, target.origin) == (store, server, origin)


@pytest.mark.parametrize(
    ("given", "env", "told"),
    [
        ({"store": STORE, "server": SERVER}, {}, "both given"),
        ({}, {"NEXUS_STORE": STORE, "NEXUS_SERVER": SERVER}, "both set"),
        ({"store": STORE, "token": "t"}, {}, "--token goes with --server"),
        ({"token": "t"}, {}, "--token goes with --server"),
        ({"server": "localhost:8000"}, {}, "is no URL"),
    ],
)
def test_what_can_not_both_be_is_refused(given: dict[str, str], env: dict[str, str], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        resolve(**given, **env)


def test_a_token_of_the_environment_goes_to_servers_and_bothers_no_store() -> None:
    assert resolve(server=SERVER, NEXUS_TOKEN="t").token == "t"
    assert resolve(store=STORE, NEXUS_TOKEN="t").token is None


def test_a_label_has_no_password() -> None:
    assert Target(store="redis://me:secret@host:1/0").label == "redis://host:1/0"
    assert Target(server="https://me:secret@host/x").label == "https://host/x"
    assert Target().label == "default store"


def test_the_app_of_the_folder_is_used_unless_none_is_wanted(folder: Path) -> None:
    assert folder.joinpath("nexus_app.py").is_file()
    assert resolve_target(store=STORE, server=None, token=None, app=None).app == "nexus_app.py"
    assert resolve_target(store=STORE, server=None, token=None, app="none").app is None
    assert resolve_target(store=STORE, server=None, token=None, app="mine:app").app == "mine:app"


def test_a_token_comes_from_a_file_so_that_no_list_of_processes_shows_it(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("nexus_abc\n")

    def named(token: str) -> str | None:
        place = "http://localhost:1"
        return resolve_target(store=None, server=place, token=token, app="none", environ={}).token

    assert named(f"@{file}") == "nexus_abc"
    for wrong in (tmp_path / "missing", tmp_path):
        with pytest.raises(InvalidInput, match="can't be read"):
            named(f"@{wrong}")
    file.write_text(" \n")
    with pytest.raises(InvalidInput, match="is empty"):
        named(f"@{file}")
