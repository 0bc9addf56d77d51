"""A small disk of its own that can be filled, where this machine lets one be mounted."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

_NEW_MOUNTS: Final = 0x00020000
_SIZE: Final = "192m"
_BLOCK: Final = 1 << 16


class Disk:
    """A folder on a disk of 192 MB; where none can be mounted, an ordinary one that can't be filled.

    It is mounted in a namespace of this process and its children, so nothing is left of it when they end.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.small = _apart() and _mount(folder)
        """Whether it can be filled."""
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Leave no byte of it free."""
        with self._ballast.open("ab", buffering=0) as ballast, contextlib.suppress(OSError):
            while ballast.write(b"\0" * _BLOCK):
                pass

    def free(self) -> None:
        """Give back what ``fill`` took."""
        self._ballast.unlink(missing_ok=True)

    def keep(self, where: Path) -> None:
        """Copy what is on it to a place that lasts."""
        if self.small:
            shutil.copytree(self.folder, where, dirs_exist_ok=True, ignore=shutil.ignore_patterns("ballast"))

    def close(self) -> None:
        """Unmount it."""
        if self.small:
            subprocess.run(["umount", "-l", str(self.folder)], check=False, stderr=subprocess.DEVNULL)


def _apart() -> bool:
    """Whether this process has mounts of its own from now on."""
    if os.name != "posix" or not hasattr(os, "geteuid") or os.geteuid() != 0:
        return False
    with contextlib.suppress(OSError, AttributeError):
        if ctypes.CDLL(None, use_errno=True).unshare(_NEW_MOUNTS) != 0:
            return False
        private = subprocess.run(["mount", "--make-rprivate", "/"], check=False, stderr=subprocess.DEVNULL)
        return private.returncode == 0
    return False


def _mount(folder: Path) -> bool:
    words = ["mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "nexus-chaos", str(folder)]
    with contextlib.suppress(OSError):
        return subprocess.run(words, check=False, stderr=subprocess.DEVNULL).returncode == 0
    return False
