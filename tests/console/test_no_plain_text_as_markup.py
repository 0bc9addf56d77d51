"""Textual reads markup in every plain string it is given: the source may give it none that isn't its own."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import nexus_tui
from nexus_tui import app

ROOT = Path(app.__file__).parent
FILES = [path for path in sorted(ROOT.rglob("*.py")) if "cli" not in path.relative_to(ROOT).parts]

WIDGETS = {"Static", "Label", "Button", "Option", "Checkbox", "RadioButton", "Collapsible", "Tab", "TabPane", "Link"}
METHODS = {"update", "notify", "set_title"}
ATTRIBUTES = {"border_title", "border_subtitle", "tooltip", "title", "sub_title"}
SAFE_CALLS = {"Text", "Content", "assemble"}


def is_safe(value: ast.expr | None, keywords: list[ast.keyword]) -> bool:
    """Whether no markup can be read in a value."""
    if any(word.arg == "markup" and ast.unparse(word.value) == "False" for word in keywords):
        return True
    if value is None:
        return True
    if isinstance(value, ast.Constant):
        return not isinstance(value.value, str) or "[" not in value.value
    if isinstance(value, ast.IfExp):
        return is_safe(value.body, []) and is_safe(value.orelse, [])
    if isinstance(value, ast.Call):
        name = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
        return name in SAFE_CALLS or (name == "append" and isinstance(value.func, ast.Attribute))
    return False


def mistakes_of(source: str) -> list[str]:
    """The places where a string could be read as markup."""
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in WIDGETS | METHODS and not is_safe(node.args[0] if node.args else None, node.keywords):
                found.append(f"{node.lineno}: {ast.unparse(node)}")
        elif isinstance(node, ast.Assign):
            named = {target.attr for target in node.targets if isinstance(target, ast.Attribute)}
            if named & ATTRIBUTES and not is_safe(node.value, []):
                found.append(f"{node.lineno}: {ast.unparse(node)}")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_string_is_given_that_could_be_read_as_markup(path: Path) -> None:
    assert mistakes_of(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "Static(name)",
        "Static(f'{name}')",
        "self.notify(message)",
        "self.notify('[b]' + name)",
        "label.update(clean(name))",
        "frame.border_title = name",
        "frame.border_title = f'sessions {name}'",
        "Button('[/]')",
    ],
)
def test_the_check_finds_what_it_is_for(source: str) -> None:
    assert mistakes_of(source)


@pytest.mark.parametrize(
    "source",
    [
        "Static(Text(name))",
        "self.notify(name, markup=False)",
        "frame.border_title = 'events'",
        "Label(x, markup=False)",
    ],
)
def test_the_check_lets_pass_what_is_safe(source: str) -> None:
    assert not mistakes_of(source)


def test_the_files_are_there() -> None:
    assert nexus_tui.__doc__
    assert len(FILES) > 30
