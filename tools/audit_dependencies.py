"""Ask pip-audit whether the pinned dependencies have known vulnerabilities, and tell "none" from "nobody answered".

pip-audit itself ends with 0 where a package could not be looked up. Here that is no pass:

- 0: every pinned package was looked up, and none has a known vulnerability;
- 1: some have;
- 3: some or all could not be looked up. Nothing is known about those.

``--lenient`` makes 3 a 0 that says so in its last line, for checks on machines without a network.
"""

from __future__ import annotations

import json
import subprocess  # nosec B404 - runs pip-audit with fixed words
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_PATIENCE = 300


def main(words: list[str]) -> int:
    """Ask, report, and give the exit code."""
    found, why = _asked()
    if found is None:
        return _unanswered(f"pip-audit gave no report ({why})", lenient="--lenient" in words)
    vulnerable, skipped = verdict(found)
    for line in vulnerable:
        print(f"VULNERABLE {line}")
    if vulnerable:
        print(f"{len(vulnerable)} known vulnerabilities; {len(skipped)} of {len(found)} packages not looked up")
        return 1
    if skipped:
        shown = ", ".join(skipped[:5]) + (" …" if len(skipped) > 5 else "")
        return _unanswered(f"{len(skipped)} of {len(found)} packages could not be looked up ({shown})",
                           lenient="--lenient" in words)  # fmt: skip
    print(f"audited {len(found)} packages: no known vulnerability")
    return 0


def verdict(dependencies: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """What pip-audit's report says.

    Args:
        dependencies: The ``dependencies`` of its JSON.

    Returns:
        A line for each vulnerability, and the names of packages that were not looked up.
    """
    vulnerable = [
        f"{each['name']} {each['version']}: {known['id']}, mended in {', '.join(known['fix_versions']) or 'no version'}"
        for each in dependencies
        for known in each.get("vulns", ())
    ]
    return vulnerable, [each["name"] for each in dependencies if "skip_reason" in each]


def _asked() -> tuple[list[dict[str, Any]] | None, str]:
    words = [sys.executable, "-m", "pip_audit", "-r", str(ROOT / "constraints.txt"), "--no-deps", "--disable-pip"]
    words += ["--format", "json", "--progress-spinner", "off"]
    try:
        ran = subprocess.run(  # noqa: S603 # nosec B603 - fixed words
            words, capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return None, f"nothing within {_PATIENCE} s"
    try:
        found: list[dict[str, Any]] = json.loads(ran.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return None, (ran.stderr.strip().splitlines() or [f"exit code {ran.returncode}"])[-1][:200]
    return found, ""


def _unanswered(why: str, *, lenient: bool) -> int:
    print(
        f"NOT AUDITED: {why}. This is no pass: ask again where the vulnerability service can be reached (make audit)."
    )
    return 0 if lenient else 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
