"""An audit that nobody answered is no pass, and what the threat model and the limits claim is there."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

from nexus.settings import Settings
from tests.running import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import audit_dependencies as audit

FINE = {"name": "a", "version": "1", "vulns": []}
SKIPPED = {"name": "b", "skip_reason": "not found"}
BAD = {"name": "c", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"], "description": ""}]}


@pytest.mark.parametrize(
    ("found", "words", "code", "says"),
    [
        ([FINE], [], 0, "no known vulnerability"),
        ([FINE, BAD, SKIPPED], [], 1, "VULNERABLE c 2: PYSEC-1, mended in 3"),
        ([FINE, BAD], ["--lenient"], 1, "VULNERABLE"),
        ([FINE, SKIPPED], [], 3, "NOT AUDITED: 1 of 2"),
        ([FINE, SKIPPED], ["--lenient"], 0, "This is no pass"),
        (None, [], 3, "NOT AUDITED"),
        (None, ["--lenient"], 0, "NOT AUDITED"),
    ],
)
def test_an_audit_without_an_answer_is_no_pass(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    found: list[dict[str, object]] | None,
    words: list[str],
    code: int,
    says: str,
) -> None:
    monkeypatch.setattr(audit, "_asked", lambda: (found, "refused"))
    assert audit.main(words) == code
    assert says in capsys.readouterr().out


def functions(path: Path) -> set[str]:
    """Names of all functions in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_each_test_that_the_threat_model_names_exists() -> None:
    text = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)
    assert len(named) > 30
    missing = [f"{path}::{name}" for path, name in named if name not in functions(ROOT / path)]
    assert not missing


def test_each_threat_has_a_test() -> None:
    text = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if re.match(r"\| T\d+ ", line)]
    assert len(rows) > 15
    assert [row for row in rows if "`tests/" not in row] == []


def test_the_table_of_limits_is_that_of_the_settings() -> None:
    text = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| [^|]+ \| `(\w+)` \| `([^`]+)` \|", text, re.MULTILINE))
    defaults = Settings()
    assert rows == {name: str(getattr(defaults, name)) for name in rows}
    limits = {name for name in Settings.__struct_fields__ if name.startswith("max_")}
    assert limits - {"max_recoveries"} | {"request_burst", "event_retention", "audit_retention"} == set(rows)


def test_everybody_is_led_to_the_pages_on_trust() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(page in readme for page in ("SECURITY.md", "docs/threat-model.md", "docs/limits.md"))
