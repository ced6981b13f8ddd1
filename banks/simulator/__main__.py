"""Command line of the bank lab.

    python -m banks.simulator enrol --keys DIR --bank CODE=URL …    make keys and accounts, once
    python -m banks.simulator serve                                 be these banks until SIGTERM or Ctrl-C

`serve` reads SOCAI_BANK_KEYS, SOCAI_SIMULATOR_HOST, SOCAI_SIMULATOR_CONTROL_PORT, SOCAI_SIMULATOR_WEBHOOK_URL,
SOCAI_SIMULATOR_FEED_URL and SOCAI_SIMULATOR_STATE; a flag overrides its variable. Each bank listens at the port of its
URL.
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

from banks.simulator.enrolment import Enrolment
from banks.simulator.lab import Lab, enrol_all
from banks.simulator.personality import personality
from banks.simulator.refusals import Unusable
from banks.simulator.simulator import LOOPBACK

CONTROL_PORT: Final = "9417"


def parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    """The two subcommands; defaults of `serve` come from `environ`."""
    top = argparse.ArgumentParser(prog="python -m banks.simulator", description="Simulated banks.")
    verbs = top.add_subparsers(dest="verb", required=True)
    new = verbs.add_parser("enrol", help="make keys, certificates, credentials and accounts; keeps what is there")
    new.add_argument("--keys", type=Path, required=True, help="directory for accounts.json and each bank's own")
    new.add_argument(
        "--bank", action="append", required=True, metavar="CODE=URL", help="where a bank will listen, repeatable"
    )
    new.add_argument("--account", action="append", metavar="CODE=NUMBER", help="account number at a bank, repeatable")
    new.add_argument("--holder", default="CONG TY SOCAI", help="name of the account holder")
    new.add_argument("--balance", type=int, default=0, help="opening balance of each account in dong (0)")
    new.add_argument("--webhook-key", help="key the bank sends with webhooks; made up when not given")
    run = verbs.add_parser("serve", help="be the banks")
    state = environ.get("SOCAI_SIMULATOR_STATE")
    run.add_argument("--keys", type=Path, default=environ.get("SOCAI_BANK_KEYS"))
    run.add_argument("--host", default=environ.get("SOCAI_SIMULATOR_HOST", LOOPBACK))
    run.add_argument("--control-port", type=int, default=environ.get("SOCAI_SIMULATOR_CONTROL_PORT", CONTROL_PORT))
    run.add_argument("--webhook-url", default=environ.get("SOCAI_SIMULATOR_WEBHOOK_URL") or None)
    run.add_argument("--feed-url", default=environ.get("SOCAI_SIMULATOR_FEED_URL") or None)
    run.add_argument("--state", type=Path, default=state or None, help="directory of the banks' memory; none: forget")
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
    numbers = _pairs(given.account or [])
    wanted = {
        code: Enrolment(
            base_url=url,
            accounts=_accounts(code, [number for at, number in numbers if at == code]),
            holder=given.holder,
            balance=given.balance,
            webhook_key=given.webhook_key,
        )
        for code, url in _pairs(given.bank)
    }
    made = enrol_all(given.keys, wanted)
    print(f"{'enrolled' if made else 'kept the enrolment'} in {given.keys}")
    return 0


def _pairs(given: Sequence[str]) -> list[tuple[str, str]]:
    pairs = [value.partition("=") for value in given]
    if wrong := [value for value, (_, sign, _) in zip(given, pairs, strict=True) if not sign]:
        raise Unusable(f"{wrong[0]!r} must be CODE=VALUE, for example acb=http://127.0.0.1:9416")
    return [(code, value) for code, _, value in pairs]


def _accounts(code: str, numbers: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The customer's ids of his accounts: ba_CODE_main, ba_CODE_2 and so on."""
    numbers = numbers or [personality(code).profile.account]
    return tuple(
        (f"ba_{code}_{'main' if place == 1 else place}", number) for place, number in enumerate(numbers, start=1)
    )


def _serve(given: argparse.Namespace) -> int:
    if given.keys is None:
        raise Unusable("give --keys DIR or SOCAI_BANK_KEYS")
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    with Lab(
        given.keys,
        host=given.host,
        control_port=given.control_port,
        webhook_url=given.webhook_url,
        feed_url=given.feed_url,
        state=given.state,
    ) as lab:
        for code, bank in lab.banks.items():
            print(f"bank {code} {bank.url}")
        print(f"control {lab.control_url} webhooks to {given.webhook_url or 'nobody'}", flush=True)
        stopped.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
