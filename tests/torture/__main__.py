"""`make torture SEED=1 NAME=failover STORE=mongodb`: the trials of the log at full length, on servers of their own.

    python -m tests.torture [--seed N] [--name TRIAL] [--store STORE] [--short]

Without a seed one is drawn and printed. The seed decides what is done and when; how threads and servers meet in time
it cannot decide, so a fault may need several runs to show again. Exit code 1 when a trial found a violation; its
records are kept under `.run/torture` and named. A trial whose server cannot be had is not run, says so and is no pass.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.table import Table

from local.found import ServerMissing
from tests.torture.catalogue import TRIALS, Trial
from tests.torture.servers import STORES, Servers
from tests.torture.trial import ROOT, Report, Violated

STAGE = ROOT / ".run" / "torture"


def main(arguments: Sequence[str]) -> int:
    """Run the trials that were asked for; the exit code."""
    asked = _parser().parse_args(arguments)
    seed: int = secrets.randbelow(1_000_000) if asked.seed is None else asked.seed
    chosen = [trial for trial in TRIALS if asked.name in (None, trial.name)]
    stores = [store for store in STORES if asked.store in (None, store)]
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(f"SEED={seed}")
    directory = STAGE / str(os.getpid())
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    done: list[Report | Violated | ServerMissing] = []
    began = time.monotonic()
    with ExitStack() as stack:
        servers = stack.enter_context(Servers(directory / "servers"))
        for trial in chosen:
            for store in stores:
                if store in trial.stores:
                    done.append(_run(trial, store, servers, directory, seed, short=asked.short, console=console))
    if not done:
        console.print(f"Nothing was run: {asked.name} has no form for {asked.store}.")
    violated = [one for one in done if isinstance(one, Violated)]
    missing = [one for one in done if isinstance(one, ServerMissing)]
    told = f"{len(done) - len(missing)} trials, {len(violated)} with violations"
    told += f", {len(missing)} not run" if missing else ""
    console.print(f"{told}, {time.monotonic() - began:.0f} s, SEED={seed}")
    if not violated:
        shutil.rmtree(directory)
    return 1 if violated or missing or not done else 0


def _run(
    trial: Trial, store: str, servers: Servers, directory: Path, seed: int, *, short: bool, console: Console
) -> Report | Violated | ServerMissing:
    """One trial on one store, told on the console; without its server it is not run."""
    records = directory / f"{trial.name}-{store}"
    records.mkdir(parents=True)
    console.print(f"… {trial.name} on {store}")
    began = time.monotonic()
    outcome: Report | Violated | ServerMissing
    try:
        outcome = trial.run(servers, store, records, seed, short=short)
        counts, violations = outcome.counts, 0
        shutil.rmtree(records)
    except ServerMissing as missing:
        shutil.rmtree(records)
        console.print(f"not run: {missing}", markup=False, highlight=False)
        return missing
    except Violated as violated:
        outcome, counts, violations = violated, {}, len(violated.violations)
        console.print(str(violated), markup=False, highlight=False)
    table = Table(title=f"{trial.name} on {store}: {trial.about}", title_justify="left")
    for heading in [*counts, "seconds", "violations"]:
        table.add_column(heading, justify="right")
    table.add_row(*map(str, counts.values()), f"{time.monotonic() - began:.0f}", str(violations))
    console.print(table)
    return outcome


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description="The trials of the event log.")
    parser.add_argument("--seed", type=int, help="repeats the plan of an earlier run; drawn and printed when left out")
    parser.add_argument("--name", choices=[trial.name for trial in TRIALS], help="one trial; all when left out")
    parser.add_argument("--store", choices=STORES, help="one kind of store; all when left out")
    parser.add_argument("--short", action="store_true", help="the sizes of `make test`")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
