"""The suite of ``make chaos``: a short round on each store; its seeds, faults and clocks are what they say."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.chaos.suite.clock import HOUR, ShiftedClock, shift
from tests.chaos.suite.plan import Plan
from tests.running import ROOT, environment

KINDS = ("clock", "freeze", "kill", "lock")


@pytest.mark.parametrize(("store", "seed", "place"), [
    ("sqlite", 1, "sqlite"), ("redis", 1, "redis"), ("redis", 2, "redis with an archive"),
])  # fmt: skip
def test_a_short_round_breaks_no_promise(store: str, seed: int, place: str) -> None:
    few = ("--seconds", "2", "--servers", "1", "--workers", "1", "--drivers", "1")
    words = ("--store", store, "--seed", str(seed), *few)
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos.suite", *words], check=False, cwd=ROOT, env=environment("memory://"),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    said = done.stdout.splitlines()
    assert said[0] == f"seed {seed}: 1 rounds of 2 s on {store}"
    assert said[1].startswith(f"seed {seed} on {place}: kept")


def test_a_seed_always_makes_the_same_faults_and_another_makes_others() -> None:
    def made(seed: int) -> list[tuple[float, str, float]]:
        return [(at, kind, chance.random()) for at, kind, chance in Plan(store="sqlite", seed=seed).faults(KINDS)]

    assert made(1) == made(1)
    assert made(1) != made(2)


def test_every_kind_of_fault_strikes_before_any_strikes_again() -> None:
    struck = [kind for _, kind, _ in Plan(store="sqlite", seed=3, seconds=16).faults(KINDS)]
    assert Counter(struck) == dict.fromkeys(KINDS, 2)


def test_a_clock_jumps_in_whoever_reads_its_file(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    shift(file, 0)
    clock = ShiftedClock(file)
    before = clock.now()
    shift(file, HOUR)
    ahead = clock.now()
    shift(file, -HOUR)
    assert before + HOUR <= ahead
    assert clock.now() < before
