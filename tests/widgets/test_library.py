"""The library stands alone: it knows no app, its names are found, and its demos are listed."""

from __future__ import annotations

import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest
from textual.message_pump import MessagePump
from textual.timer import Timer, TimerCallback

import nexus_widgets
from nexus_widgets.demo.apps import DEMOS
from nexus_widgets.pace import Pace

PACKAGE = Path(nexus_widgets.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))


def test_every_public_name_is_found() -> None:
    for name in nexus_widgets.__all__:
        assert getattr(nexus_widgets, name) is not None
    assert set(nexus_widgets.__all__) <= set(dir(nexus_widgets))
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = nexus_widgets.Nothing


def test_no_module_needs_the_session_library_or_the_console() -> None:
    names = [
        each.name for each in pkgutil.walk_packages([str(PACKAGE)], "nexus_widgets.") if "__main__" not in each.name
    ]
    script = (
        f"import importlib, sys; [importlib.import_module(name) for name in {names!r}]; "
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'nexus', 'nexus_tui', 'httpx', 'pydantic'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=PACKAGE.parent, env={}
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_css_has_theme_variables_and_classes_only(path: Path) -> None:
    for css in re.findall(r'DEFAULT_CSS = """(.*?)"""', path.read_text(encoding="utf-8"), re.DOTALL):
        assert not re.search(r"#[\w-]+", css), "a colour or an id"
        assert not re.search(r"\brgba?\(|\bhsla?\(", css)


def test_the_demos_are_listed_by_name() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nexus_widgets.demo"], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    assert [line.split()[0] for line in done.stdout.splitlines()] == sorted(DEMOS)


def test_the_demo_says_which_names_there_are() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nexus_widgets.demo", "nothing"],
        capture_output=True,
        text=True,
        check=False,
        cwd=PACKAGE.parent,
    )
    assert done.returncode == 2
    assert "overview" in done.stderr


class FakeTimer(Timer):
    is_stopped = False

    def stop(self) -> None:
        self.is_stopped = True


class FakeHost(MessagePump):
    def __init__(self) -> None:
        super().__init__()
        self.timers: list[tuple[float, TimerCallback | None, FakeTimer]] = []

    def set_timer(
        self, delay: float, callback: TimerCallback | None = None, *, name: str | None = None, pause: bool = False
    ) -> FakeTimer:
        timer = FakeTimer(self, delay, name=name, callback=callback, pause=pause)
        self.timers.append((delay, callback, timer))
        return timer


def is_waiting(pace: Pace) -> bool:
    return pace.is_waiting


def test_a_pace_runs_at_once_when_it_is_quiet_and_joins_requests_in_a_storm() -> None:
    now = 100.0
    host = FakeHost()
    runs: list[float] = []
    pace = Pace(host, lambda: runs.append(now), per_second=10, clock=lambda: now)
    pace.request()
    assert runs == [100.0]
    now = 100.04
    for _ in range(1000):
        pace.request()
    assert is_waiting(pace)
    assert [round(delay, 3) for delay, _, _ in host.timers] == [0.06]
    now = 100.1
    callback = host.timers[0][1]
    assert callback is not None
    callback()
    assert runs == [100.0, 100.1]
    assert not is_waiting(pace)
    now = 100.15
    pace.request()
    pace.cancel()
    assert host.timers[1][2].is_stopped
    assert not is_waiting(pace)
    now = 101.0
    pace.request()
    assert runs == [100.0, 100.1, 101.0]


def test_all_modules_have_a_docstring() -> None:
    for path in MODULES:
        name = ".".join(("nexus_widgets", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
        if not name.endswith("__main__"):
            assert importlib.import_module(name).__doc__
