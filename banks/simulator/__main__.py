"""Command line of the simulated bank.

    python -m banks.simulator enrol --keys DIR --base-url URL    make keys and accounts, once
    python -m banks.simulator serve                              be the bank until SIGTERM or Ctrl-C

`serve` reads SOCAI_BANK_KEYS, SOCAI_SIMULATOR_HOST, SOCAI_SIMULATOR_PORT, SOCAI_SIMULATOR_CONTROL_PORT,
SOCAI_SIMULATOR_WEBHOOK_URL and SOCAI_SIMULATOR_STATE; a flag overrides its variable.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from banks.simulator.enrolment import enrol
from banks.simulator.refusals import Unusable
from banks.simulator.simulator import LOOPBACK, Simulator

PORT: Final = "9416"
CONTROL_PORT: Final = "9417"


def parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    """The two subcommands; defaults of `serve` come from `environ`."""
    top = argparse.ArgumentParser(prog="python -m banks.simulator", description="An independent ACB.")
    verbs = top.add_subparsers(dest="verb", required=True)
    new = verbs.add_parser("enrol", help="make keys, certificates, credentials and accounts; keeps what is there")
    new.add_argument("--keys", type=Path, required=True, help="directory for simulator.json and accounts.json")
    new.add_argument("--base-url", required=True, help="where the bank will listen, for example http://127.0.0.1:9416")
    new.add_argument("--account", action="append", metavar="NUMBER", help="account number, repeatable (12345678)")
    new.add_argument("--holder", default="CONG TY SOCAI", help="name of the account holder")
    new.add_argument("--balance", type=int, default=0, help="opening balance of each account in dong (0)")
    new.add_argument("--webhook-key", help="key the bank sends with webhooks; made up when not given")
    run = verbs.add_parser("serve", help="be the bank")
    state = environ.get("SOCAI_SIMULATOR_STATE")
    run.add_argument("--keys", type=Path, default=environ.get("SOCAI_BANK_KEYS"))
    run.add_argument("--host", default=environ.get("SOCAI_SIMULATOR_HOST", LOOPBACK))
    run.add_argument("--port", type=int, default=environ.get("SOCAI_SIMULATOR_PORT", PORT))
    run.add_argument("--control-port", type=int, default=environ.get("SOCAI_SIMULATOR_CONTROL_PORT", CONTROL_PORT))
    run.add_argument("--webhook-url", default=environ.get("SOCAI_SIMULATOR_WEBHOOK_URL") or None)
    run.add_argument("--state", type=Path, default=state or None, help="directory of the bank's memory; none: forgets")
    return top


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one subcommand; 0, or 1 with a sentence on stderr when the bank cannot start."""
    given = parser(environ).parse_args(arguments)
    try:
        return _enrol(given) if given.verb == "enrol" else _serve(given)
    except Unusable as fault:
        print(f"banks.simulator: {fault}", file=sys.stderr)
        return 1


def _enrol(given: argparse.Namespace) -> int:
    numbers: list[str] = given.account or ["12345678"]
    ids = ["ba_acb_main", *(f"ba_acb_{index}" for index in range(2, len(numbers) + 1))]
    made = enrol(
        given.keys,
        given.base_url,
        accounts=tuple(zip(ids, numbers, strict=True)),
        holder=given.holder,
        balance=given.balance,
        webhook_key=given.webhook_key,
    )
    print(f"{'enrolled' if made else 'kept the enrolment'} in {given.keys}")
    return 0


def _serve(given: argparse.Namespace) -> int:
    if given.keys is None:
        raise Unusable("give --keys DIR or SOCAI_BANK_KEYS")
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    bank = Simulator(
        given.keys,
        host=given.host,
        port=given.port,
        control_port=given.control_port,
        webhook_url=given.webhook_url,
        state=given.state,
    )
    with bank:
        print(f"bank {bank.url} control {bank.control_url} webhooks to {given.webhook_url or 'nobody'}", flush=True)
        stopped.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
