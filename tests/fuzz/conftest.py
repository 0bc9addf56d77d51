"""Says what was tried, where all of it ran in this process."""

from __future__ import annotations

from typing import Any

from tests.fuzz.fuzzing import EXAMPLES, tried


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """One line for each target, in long runs."""
    if EXAMPLES and tried:
        terminalreporter.section("fuzzed")
        for name, count in sorted(tried.items()):
            terminalreporter.write_line(f"{count:>9,}  {name}")
        terminalreporter.write_line(f"{tried.total():>9,}  in all")
