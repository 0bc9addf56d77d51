"""What stands in ``deploy/`` is true: its commands and settings are ones, and its files can be read."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from nexus.settings import load_settings
from nexus.stores.redis import RedisStore
from nexus_tui.cli.main import _root
from tests.core.stores.redis.servers import ask, single
from tests.running import EXAMPLES, ROOT, serving

DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
VARIABLE = re.compile(r"\$\{\w+(?::[-?]([^}]*))?\}")


def parse(words: list[str]) -> dict[str, Any]:
    """Parse a command line of ``nexus`` without doing it; the parameters of its command.

    Raises:
        typer.TyperException: It is none.
    """
    command: Any = typer.main.get_command(_root())
    context = command.make_context("nexus", list(words))
    while hasattr(command, "resolve_command"):
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, rest, parent=context)
    found: dict[str, Any] = context.params
    return found


def filled(text: str) -> str:
    """A text of the Compose file with its variables, which are all set to ``secret`` unless they have a default."""
    return VARIABLE.sub(lambda found: found[1] if ":-" in found[0] else "secret", text)


def test_command_lines_that_are_none_are_told() -> None:
    with pytest.raises(Exception, match="No such option"):
        parse(["serve", "--no-such-option"])


@pytest.mark.parametrize("name", ["server", "worker"])
def test_the_services_of_the_compose_file_run_commands_with_settings_that_there_are(name: str) -> None:
    service = SERVICES[name]
    program, *words = service["command"]
    assert program == "nexus"
    given = parse(words)
    environ = {key: filled(str(value)) for key, value in service["environment"].items()}
    names = {f"NEXUS_{setting.upper()}" for setting in load_settings({}, {}).describe()}
    assert set(environ) <= names | {"NEXUS_APP"}
    settings = load_settings({}, environ)
    assert (settings.session_backend, settings.session_persistence) == ("redis", True)
    RedisStore(settings.redis_url)
    grace = given.get("grace") or settings.worker_grace
    assert int(service["stop_grace_period"].removesuffix("s")) > grace
    assert service["deploy"]["replicas"] == 2


def test_every_service_of_the_compose_file_says_how_it_is_seen_to_be_well() -> None:
    assert all(service["healthcheck"]["test"][0] == "CMD" for service in SERVICES.values())
    assert set(SERVICES["worker"]["depends_on"]) == {"valkey", "postgres"}
    assert set(COMPOSE["volumes"]) == {"valkey", "postgres"}


def test_the_health_checks_of_servers_and_workers_work(tmp_path: Path) -> None:
    _, program, *words = SERVICES["server"]["healthcheck"]["test"]
    assert program == "python"
    with serving(f"sqlite:///{tmp_path}/s.sqlite3", EXAMPLES) as url:
        asked = [word.replace("http://127.0.0.1:8000", url) for word in words]
        assert subprocess.run([sys.executable, *asked], check=False).returncode == 0
    assert subprocess.run([sys.executable, *asked], check=False, stderr=subprocess.DEVNULL).returncode != 0
    _, program, *words = SERVICES["worker"]["healthcheck"]["test"]
    assert program == "nexus"
    assert parse(words) is not None


async def test_the_compose_file_starts_a_server_that_keeps_what_it_acknowledges(tmp_path: Path) -> None:
    program, config, *options = map(filled, SERVICES["valkey"]["command"])
    assert (program, config) == ("valkey-server", "/etc/valkey.conf")
    mounts = [mount.split(":") for mount in SERVICES["valkey"]["volumes"]]
    (file,) = [DEPLOY / source for source, target, *_ in mounts if target == config]
    place = options.index("--requirepass")
    password = options[place + 1]
    with single(tmp_path, str(file), *options[:place], *options[place + 2 :]) as server:
        # Set later than in the file, because what waits for the server here has no password.
        assert ask(server.port, "CONFIG", "SET", "requirepass", password) == "OK"
        async with RedisStore(f"redis://:{password}@127.0.0.1:{server.port}/0") as store:
            health = await store.health()
    assert health.ok
    assert health.facts["maxmemory-policy"] == "noeviction"
    assert (health.facts["appendonly"], health.facts["appendfsync"]) == ("yes", "everysec")
    assert health.facts["level"] == SERVICES["server"]["environment"]["NEXUS_REQUIRE_DURABILITY"]


def unit(path: Path) -> configparser.ConfigParser:
    """A unit file, whose names keep their case and whose last value counts."""
    parser = configparser.ConfigParser(strict=False, interpolation=None, comment_prefixes=("#",), delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(path.read_text(encoding="utf-8"))
    return parser


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_units_run_commands_that_there_are_and_have_time_to_stop(path: Path) -> None:
    service = unit(path)["Service"]
    program, *words = shlex.split(service["ExecStart"])
    assert program == "/opt/nexus/bin/nexus"
    given = parse(words)
    settings = load_settings({}, unit_environment())
    assert int(service["TimeoutStopSec"]) > (given.get("grace") or settings.worker_grace) + 10
    assert (service["User"], service["NoNewPrivileges"], service["ProtectSystem"]) == ("nexus", "yes", "strict")


def unit_environment() -> dict[str, str]:
    """What the units' environment file sets."""
    lines = (DEPLOY / "systemd" / "nexus.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_the_environment_file_of_the_units_sets_settings_that_there_are() -> None:
    environ = unit_environment()
    settings = load_settings({}, environ)
    RedisStore(settings.redis_url)
    assert settings.session_persistence
    names = {f"NEXUS_{setting.upper()}" for setting in settings.describe()}
    assert set(environ) <= names | {"NEXUS_APP"}


@pytest.fixture
def installed(tmp_path: Path) -> list[Path]:
    """The units with a program that is there, as systemd wants to see it."""
    made = []
    for path in UNITS:
        text = path.read_text(encoding="utf-8").replace("/opt/nexus/bin/nexus", shutil.which("true") or "/bin/true")
        copy = tmp_path / path.name.replace("@.", "@1.")
        copy.write_text(text, encoding="utf-8")
        made.append(copy)
    return made


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_finds_nothing_wrong_with_the_units(installed: list[Path]) -> None:
    for path in installed:
        said = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True, check=False)
        assert (said.returncode, said.stderr) == (0, "")


def test_the_dockerfile_copies_files_that_there_are_and_runs_a_command() -> None:
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    for line in lines:
        if line.startswith("COPY ") and "--from" not in line:
            assert all((ROOT / source).exists() for source in line.split()[1:-1]), line
    (run,) = [line.removeprefix("CMD ") for line in lines if line.startswith("CMD ")]
    program, *words = json.loads(run)
    assert program == "nexus"
    assert parse(words) is not None
