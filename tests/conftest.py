"""What all tests need: a terminal that is the same everywhere, set up before Textual is imported."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

os.environ.update({"TEXTUAL_ANIMATIONS": "none", "TEXTUAL_COLOR_SYSTEM": "truecolor", "TZ": "UTC"})
os.environ.pop("NO_COLOR", None)

import pytest
import pytest_textual_snapshot
from hypothesis import settings

from tests.snapshot_extension import ScreenExtension

# The plugin names its extension by this global, and its own writes `.raw` files with newer versions of syrupy.
pytest_textual_snapshot.SVGImageExtension = ScreenExtension

# How long an example takes says more about the machine than about the code. Each run tries other ones, but for the
# check of a change, which is to say the same twice.
settings.register_profile("steady", deadline=None, max_examples=50)
settings.register_profile("repeatable", deadline=None, max_examples=50, derandomize=True)
settings.register_profile("long", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


_BESIDE_CORES = 1
_GARBAGE = 10_000
"""Objects that are made before the youngest are looked through."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """How many workers ``-n auto`` starts: one more than cores, as tests wait half of their time."""
    return len(os.sched_getaffinity(0)) + _BESIDE_CORES if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over all that is imported: half a million objects, several times in a console."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE)


@pytest.fixture
def steady_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the blinking of inputs, which would make a golden depend on the moment it is taken."""
    from textual.widgets import Input

    monkeypatch.setattr(Input, "_toggle_cursor", lambda _input: None)


@pytest.fixture(autouse=True, scope="session")
def users_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What a user keeps between commands is none of the tests' business, and theirs none of the user's."""
    before = os.environ.get("XDG_CONFIG_HOME")
    os.environ["XDG_CONFIG_HOME"] = str(tmp_path_factory.mktemp("config"))
    yield
    if before is None:
        del os.environ["XDG_CONFIG_HOME"]
    else:
        os.environ["XDG_CONFIG_HOME"] = before
