"""Whether a process is surely dead, where this user may not see it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from nexus.workflows.executors.liveness import this_process
from tests.running import environment

NOBODY = "65534"
ASK = """
import sys
from msgspec.structs import replace
from nexus.model import Worker
from nexus.workflows.executors.liveness import surely_dead, this_process
me, (pid, start) = this_process(), sys.argv[1:]
there = Worker(id="w", host=me.host, boot_id=me.boot_id, pid=int(pid), pid_start=start, started_at=0.0)
print(surely_dead(there), surely_dead(replace(there, pid=2**22 + 1)))
"""
HIDE = 'mount -t proc -o hidepid=invisible proc /proc && exec setpriv --reuid "$0" --regid "$0" --clear-groups "$@"'


@pytest.mark.skipif(
    not (hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("unshare") and shutil.which("setpriv")),
    reason="only root can hide processes",
)
def test_a_process_of_another_user_that_is_hidden_is_not_taken_for_dead() -> None:
    me = this_process()
    words = [sys.executable, "-c", ASK, str(me.pid), me.pid_start]
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", HIDE, NOBODY, *words],
        env=environment("memory://"), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "mount" in done.stderr or "unshare" in done.stderr or "setpriv" in done.stderr:
        pytest.skip(f"processes can't be hidden here: {done.stderr}")
    assert (done.stdout.split(), done.stderr) == (["False", "True"], "")
