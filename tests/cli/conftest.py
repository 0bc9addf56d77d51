"""A folder with an app, and a store that only this test sees."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.support import APP, Line


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: an app, and nothing set in the environment."""
    import os
    import sys

    for name in [name for name in os.environ if name.startswith("NEXUS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "nexus_app", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "nexus_app.py").write_text(APP)
    return tmp_path


@pytest.fixture
def line(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Line]:
    """Command lines in this process, on a store of this test's own."""
    monkeypatch.setenv("NEXUS_STORE", f"sqlite:///{folder / 'store.sqlite3'}")
    yield Line(folder, capsys)
    capsys.readouterr()
