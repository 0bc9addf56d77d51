"""What a docstring says: the description, and a line for each parameter (Google, Sphinx and NumPy forms)."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

_SECTION = re.compile(
    r"(args|arguments|parameters|params|keyword args|keyword arguments|returns?|yields?|raises|examples?|notes?)\s*:?",
    re.IGNORECASE,
)
_PARAMETERS = ("args", "arguments", "parameters", "params", "keyword args", "keyword arguments")
_GOOGLE = re.compile(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)")
_SPHINX = re.compile(r":param(?:\s+[^:]+?)?\s+\*{0,2}(\w+)\s*:\s*(.*)")
_FIELD = re.compile(r":\w+.*:")
_NUMPY = re.compile(r"\*{0,2}(\w+)\s*(?::.*)?")


class Documented(msgspec.Struct, frozen=True):
    """A docstring in parts."""

    description: str
    parameters: dict[str, str]


def parse(text: str) -> Documented:
    """Take a cleaned docstring apart; what has no known form is part of the description."""
    lines = text.splitlines()
    start = next((index for index, line in enumerate(lines) if _begins(lines, index, line)), len(lines))
    description = "\n".join(lines[:start]).strip()
    return Documented(description, {**_sphinx(lines[start:]), **_sections(lines[start:])})


def _begins(lines: list[str], index: int, line: str) -> bool:
    if _FIELD.match(line):
        return True
    if not _SECTION.fullmatch(line.strip()) or line[:1].isspace():
        return False
    return line.rstrip().endswith(":") or _underlined(lines, index)


def _underlined(lines: list[str], index: int) -> bool:
    below = lines[index + 1].strip() if index + 1 < len(lines) else ""
    return len(below) >= 3 and set(below) == {"-"}


def _sections(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for index, line in enumerate(lines):
        if _begins(lines, index, line) and line.strip().rstrip(":").strip().lower() in _PARAMETERS:
            numpy = _underlined(lines, index)
            found |= _numpy(lines[index + 2 :]) if numpy else _google(lines[index + 1 :])
    return found


def _google(lines: Iterable[str]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    indent, current = 0, ""
    for line in lines:
        depth = len(line) - len(line.lstrip())
        if not line.strip():
            continue
        if depth == 0:
            break
        match = _GOOGLE.fullmatch(line.strip())
        if match and (not current or depth <= indent):
            indent, current = depth, match[1]
            found[current] = [match[2]]
        elif current:
            found[current].append(line.strip())
    return _joined(found)


def _numpy(lines: list[str]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    current = ""
    for index, line in enumerate(lines):
        if line.strip() and not line[0].isspace():
            match = _NUMPY.fullmatch(line.strip())
            if match is None or _underlined(lines, index):
                break
            current = match[1]
            found[current] = []
        elif current:
            found[current].append(line.strip())
    return _joined(found)


def _sphinx(lines: list[str]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    current = ""
    for line in lines:
        match = _SPHINX.fullmatch(line.strip())
        if match:
            current = match[1]
            found[current] = [match[2]]
        elif line[:1].isspace() and current:
            found[current].append(line.strip())
        else:
            current = ""
    return _joined(found)


def _joined(found: dict[str, list[str]]) -> dict[str, str]:
    joined = {name: " ".join(part for part in parts if part).strip() for name, parts in found.items()}
    return {name: line for name, line in joined.items() if line}
