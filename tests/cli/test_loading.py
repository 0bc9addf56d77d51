"""Finding and importing the user's app."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus import AsyncNexus
from nexus.errors import InvalidInput
from nexus_tui.cli.loading import find_app, load_app


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "form", ["nexus_app.py", "nexus_app.py:app", "nexus_app:app", "nexus_app", "{folder}/nexus_app.py"]
)
def test_an_app_is_named_by_module_or_by_file(folder: Path, form: str) -> None:
    app = load_app(form.format(folder=folder))
    assert isinstance(app, AsyncNexus)
    assert app.registry.names() == ("ask", "count", "echo", "fail")


def test_a_synchronous_app_is_used_in_its_native_form(folder: Path) -> None:
    write(folder, "sync_app_of_test.py", "from nexus import Nexus\nmine = Nexus()\n")
    assert isinstance(load_app("sync_app_of_test:mine"), AsyncNexus)


def test_modules_beside_the_app_can_be_imported(folder: Path) -> None:
    write(folder, "deep/beside_of_test.py", "from nexus import AsyncNexus\nmade = AsyncNexus()\n")
    write(folder, "deep/front_of_test.py", "from beside_of_test import made as app\n")
    assert isinstance(load_app("deep/front_of_test.py"), AsyncNexus)


def test_the_option_wins_over_the_environment_and_that_over_the_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_app(None) == "nexus_app.py"
    monkeypatch.setenv("NEXUS_APP", "theirs:app")
    assert find_app(None) == "theirs:app"
    assert find_app("mine:app") == "mine:app"
    assert find_app("none") is None
    (folder / "nexus_app.py").unlink()
    monkeypatch.delenv("NEXUS_APP")
    assert find_app(None) is None


@pytest.mark.parametrize(
    ("text", "spec", "told"),
    [
        ("app = 5", "broken_a.py", "it is a int, not a Nexus"),
        ("application = 5", "broken_b.py:aplication", "did you mean 'application'"),
        ("\n\nraise RuntimeError('no key')", "broken_c.py", r"RuntimeError: no key \(broken_c.py:3\)"),
        ("def f(:", "broken_d.py", r"SyntaxError: .* \(broken_d.py:1\)"),
        ("import not_there_at_all", "broken_e.py", r"No module named 'not_there_at_all' \(broken_e.py:1\)"),
        ("import sys; sys.exit(3)", "broken_f.py", r"SystemExit: 3 \(broken_f.py:1\)"),
        ("", "not_there.py:app", "there is no file 'not_there.py'"),
        ("", "not_there_module:app", "there is no module 'not_there_module'"),
    ],
)
def test_what_is_wrong_with_an_app_is_told_in_one_line(folder: Path, text: str, spec: str, told: str) -> None:
    if text:
        write(folder, spec.partition(":")[0], text)
    with pytest.raises(InvalidInput, match=told) as caught:
        load_app(spec)
    assert "\n" not in caught.value.message
    assert caught.value.details["field"] == "app"
