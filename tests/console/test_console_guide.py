"""The guide tells every key, and none that isn't there."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus_tui.commands import Place, commands_of

GUIDE = (Path(__file__).parents[2] / "docs" / "console.md").read_text(encoding="utf-8")
HEADINGS: dict[Place, str] = {
    "main": "### The sessions", "session": "### One session", "events": "### All events", "workflows": "### Workflows",
    "groups": "### All groups", "audit": "### Audit",
}  # fmt: skip


@pytest.mark.parametrize("place", HEADINGS)
def test_the_table_of_keys_is_that_of_the_commands(place: Place) -> None:
    table = GUIDE.split(f"{HEADINGS[place]}\n")[1].split("\n###")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    expected = []
    for command in commands_of(place):
        keys = " ".join(f"`{key}`" for key in command.key.split(" "))
        named = "" if command.native else f"`{command.name} {command.argument}`".replace(" `", "`")
        expected.append(f"| {keys} | {named} | {command.help} |")
    assert sorted(rows) == sorted(expected)
