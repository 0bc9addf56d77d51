"""Finding the user's app: ``--app MODULE:ATTR`` or ``FILE.py:ATTR``, ``NEXUS_APP``, or ``nexus_app.py`` here.

The user's module runs as it would under ``python``: the working folder comes first on the path. What goes wrong
in it is the user's error, told in one line with file and line.
"""

from __future__ import annotations

import importlib
import os
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nexus.errors import InvalidInput
from nexus_tui.cli.streams import stdout_to_stderr

if TYPE_CHECKING:
    from types import ModuleType

    from nexus.app import AsyncNexus

DEFAULT_FILE = "nexus_app.py"
DEFAULT_ATTRIBUTE = "app"
NO_APP = "none"
"""``--app none`` uses no app, even where the folder has one."""


def find_app(given: str | None) -> str | None:
    """Which app a command should use.

    Args:
        given: What ``--app`` says, if anything.

    Returns:
        ``MODULE:ATTR`` or ``FILE.py:ATTR``, or ``None`` where nothing names an app.
    """
    named = given or os.environ.get("NEXUS_APP") or ""
    if named == NO_APP:
        return None
    if named:
        return named
    return DEFAULT_FILE if Path(DEFAULT_FILE).is_file() else None


def load_app(spec: str) -> AsyncNexus:
    """Import an app.

    Args:
        spec: ``MODULE:ATTR`` or ``FILE.py:ATTR``; without ``:ATTR`` the attribute is ``app``.

    Returns:
        The app in its native form, not opened.

    Raises:
        InvalidInput: There is no such module or attribute, it failed to import, or it is no app.
    """
    module_name, _, attribute = spec.rpartition(":") if _has_attribute(spec) else (spec, "", DEFAULT_ATTRIBUTE)
    with stdout_to_stderr():
        module = _import(module_name, spec)
    return _native(_attribute(module, attribute, spec), spec)


def _has_attribute(spec: str) -> bool:
    # The colon of a Windows drive is no separator: what follows it is a path.
    _, colon, attribute = spec.rpartition(":")
    return bool(colon) and attribute.isidentifier()


def _import(name: str, spec: str) -> ModuleType:
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        if name.endswith(".py") or os.sep in name:
            return _import_file(Path(name), spec)
        return importlib.import_module(name)
    except InvalidInput:
        raise
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise _refused(spec, f"there is no module {error.name!r} here or on the path") from None
        raise _refused(spec, _told(error)) from error
    except (Exception, SystemExit) as error:
        raise _refused(spec, _told(error)) from error


def _import_file(path: Path, spec: str) -> ModuleType:
    if not path.is_file():
        raise _refused(spec, f"there is no file {str(path)!r}")
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    from importlib.util import module_from_spec, spec_from_file_location

    found = spec_from_file_location(path.stem, path)
    if found is None or found.loader is None:
        raise _refused(spec, f"{path} is no Python file")
    module = module_from_spec(found)
    sys.modules[path.stem] = module
    try:
        found.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(path.stem, None)
        raise
    return module


def _told(error: BaseException) -> str:
    """The user's own error in one line: kind, text, and the last line outside of the import machinery."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{type(error).__name__}: {error.msg} ({_short(error.filename)}:{error.lineno})"
    import traceback

    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<") and Path(frame.filename) != Path(__file__)
        and not frame.filename.startswith(str(Path(importlib.__file__).parent))
    ]  # fmt: skip
    place = f" ({_short(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{place}"


def _short(filename: str) -> str:
    try:
        return str(Path(filename).relative_to(Path.cwd()))
    except ValueError:
        return filename


def _refused(spec: str, why: str) -> InvalidInput:
    return InvalidInput(f"app {spec!r} can't be used: {why}", field="app", value=spec)


def _attribute(module: ModuleType, attribute: str, spec: str) -> Any:
    try:
        return getattr(module, attribute)
    except AttributeError:
        names = [name for name in vars(module) if not name.startswith("_")]
        close = get_close_matches(attribute, names, 1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise _refused(spec, f"{module.__name__} has no {attribute!r}{hint}") from None


def _native(found: Any, spec: str) -> AsyncNexus:
    from nexus import AsyncNexus, Nexus

    if isinstance(found, Nexus):
        return found.core
    if isinstance(found, AsyncNexus):
        return found
    raise _refused(spec, f"it is a {type(found).__name__}, not a Nexus or AsyncNexus")
