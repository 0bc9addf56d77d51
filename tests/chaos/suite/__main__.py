"""``python -m tests.chaos.suite``, which is ``make chaos``: rounds of faults, each with a seed that is said first.

Ends with 1 where a promise was broken; the folder of that round is kept, with its ledger, logs and store.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

import msgspec

from tests.chaos.suite.plan import Plan
from tests.chaos.suite.round import Outcome, Round

SHOWN = 20
"""Breaks that are told; all of them are in the kept folder."""


def main() -> int:
    """Play what the arguments say."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--store", choices=("sqlite", "redis", "both"), default="both")
    parser.add_argument("--seed", type=int, required=True, help="of the first round; the next has the next")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=30.0, help="of load in each round")
    parser.add_argument("--servers", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--drivers", type=int, default=2)
    given = parser.parse_args()
    stores = ("sqlite", "redis") if given.store == "both" else (given.store,)
    say(f"seed {given.seed}: {given.rounds} rounds of {given.seconds:g} s on {' and '.join(stores)}")
    broken = 0
    for seed in range(given.seed, given.seed + given.rounds):
        for store in stores:
            plan = Plan(
                store=store, seed=seed, seconds=given.seconds, servers=given.servers, workers=given.workers,
                drivers=given.drivers,
            )  # fmt: skip
            broken += not play(plan)
    say(f"{given.rounds * len(stores)} rounds, {broken} with a broken promise")
    return 1 if broken else 0


def play(plan: Plan) -> bool:
    """Play one round and tell of it; whether every promise was kept."""
    folder = Path(tempfile.mkdtemp(prefix=f"nexus-chaos-{plan.store}-{plan.seed}-"))
    said: list[str] = []
    try:
        outcome = asyncio.run(Round(plan, folder, said.append).play())
    except BaseException:
        say(f"seed {plan.seed} on {plan.store} could not be played; kept: {folder}")
        say("\n".join(said))
        raise
    _tell(outcome)
    if not outcome.broken:
        shutil.rmtree(folder, ignore_errors=True)
        return True
    (folder / "outcome.json").write_bytes(msgspec.json.format(msgspec.json.encode(outcome)))
    say("\n".join(said))
    for each in outcome.broken[:SHOWN]:
        say(f"BROKEN  {each}")
    say(
        f"{len(outcome.broken)} breaks; kept: {folder}\nagain: make chaos STORE={plan.store} SEED={plan.seed}"
        f" ROUNDS=1 SECONDS={plan.seconds:g}"
    )
    return False


def _tell(outcome: Outcome) -> None:
    plan = outcome.plan
    acts = ", ".join(f"{count} {kind}" for kind, count in outcome.acts.items())
    faults = ", ".join(f"{count} {kind}" for kind, count in outcome.faults.items())
    checked = ", ".join(f"{verdict.promise} {verdict.checked}" for verdict in outcome.verdicts)
    say(
        f"seed {plan.seed} on {plan.place}: {'BROKEN' if outcome.broken else 'kept'} in {outcome.seconds:.0f} s\n"
        f"  changes: {acts}\n  faults: {faults}\n  checked: {checked}"
    )


def say(text: str) -> None:
    """Say it at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
