"""The user's editor: which one, and a text through it.

The text is in a file that only its user can read, in a folder of its own that is removed afterwards with whatever the
editor left beside it.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nexus.errors import InvalidInput

_USUAL = ("nano", "vim", "vi")


class EditorFailed(InvalidInput):
    """The editor did not end well; ``text`` is what the file held last."""

    def __init__(self, message: str, text: str = "", **details: Any) -> None:
        super().__init__(message, **{"field": "editor", **details})
        self.text = text


def find_editor(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The editor's command: ``$VISUAL``, else ``$EDITOR``, else a usual one.

    Args:
        environ: The environment.

    Raises:
        InvalidInput: There is none, or the variable can't be read as a command.
    """
    for name in ("VISUAL", "EDITOR"):
        text = environ.get(name, "").strip()
        if not text:
            continue
        try:
            return tuple(shlex.split(text))
        except ValueError as error:
            raise InvalidInput(f"{name} is no command: {error}", field="editor", value=text[:80]) from None
    found = next(filter(None, map(shutil.which, _USUAL)), None)
    if found is None:
        raise InvalidInput("There is no editor: set VISUAL or EDITOR to one", field="editor")
    return (found,)


def edit_text(text: str, editor: Sequence[str]) -> str:
    """Let the user edit a text; it takes the terminal until the editor has ended.

    Args:
        text: What is edited.
        editor: The editor's command.

    Returns:
        What the file holds afterwards.

    Raises:
        EditorFailed: It can't be started, it ended with an error, or the file is gone or no UTF-8.
    """
    with tempfile.TemporaryDirectory(prefix="nexus-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "state.json"
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(text.encode())
        name = Path(editor[0]).name
        try:
            with _not_interrupted():
                code = subprocess.run([*editor, str(path)], check=False).returncode  # noqa: S603  the user's own command
        except OSError as error:
            raise EditorFailed(f"{name} can't be started: {error.strerror}", text) from None
        edited = _read(path, name, text)
        if code:
            how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
            raise EditorFailed(f"{name} {how}", edited)
        return edited


def _read(path: Path, name: str, text: str) -> str:
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError:
        raise EditorFailed(f"What {name} wrote is no UTF-8", path.read_bytes().decode(errors="replace")) from None
    except OSError as error:
        raise EditorFailed(f"What {name} wrote can't be read: {error.strerror}", text) from None


@contextmanager
def _not_interrupted() -> Iterator[None]:
    """Ctrl+C in the editor is the editor's: a handler, since an ignored signal would be ignored there too."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
