"""Files that hold what is a user's alone: tokens, and filters that may name people and customers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO


def write_private(path: Path, value: Any) -> None:
    """Write JSON that only the user can read, whole and put in place at once, so that two writers leave no half a file.

    Raises:
        OSError: It can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(value, indent=1), encoding="utf-8")
    draft.replace(path)


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which takes its name only when it is complete; only the user can read it.

    Raises:
        OSError: It can't be written.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        with os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w+b") as out:
            yield out
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
