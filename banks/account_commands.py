"""What people may ask of one account of ours on the command line, at its bank or at the lab in its place.

`run` gives the exit status: 0, or 1 for an answer that people must look at; `transfer-test` has two more, which stand
in `banks/trial_order.py`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Final, TextIO
from uuid import UUID

from banks import account_check, trial_order
from banks.bank import Bank, Capability
from banks.history_table import as_json, as_table, read_history, shown
from banks.napas import listed_bank
from banks.registry import load_accounts, open_banks
from banks.seal_commands import sealer_of
from banks.transport import Transport
from ledger.calendar import ICT, bank_day, day_written
from ledger.errors import InvalidBankAccounts, UnknownBankAccount
from ledger.settings import NAMES

COMMANDS: Final = ("balance", "history", "lookup", "transfer-test", "check")


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds what is in COMMANDS."""
    _parser(commands, "balance", "what the account holds")
    history = _parser(commands, "history", "what moved on the account")
    history.add_argument("--from", dest="day_from", type=_day, metavar="DAY", help="as 2026-11-23 (today)")
    history.add_argument("--to", dest="day_to", type=_day, metavar="DAY", help="the last day (the first one, or today)")
    history.add_argument("--json", action="store_true", help="as JSON, with every field")
    lookup = _parser(commands, "lookup", "the name an account stands in")
    lookup.add_argument("bin", metavar="BIN", help="six digits of its bank")
    lookup.add_argument("number", metavar="NUMBER", help="its number")
    trial_order.add_options(_parser(commands, "transfer-test", "send one REAL order and see what becomes of it"))
    _parser(commands, "check", "make the calls that change nothing, and say how each went")


def open_account(
    id_: str,
    environment: Mapping[str, str],
    transport: Transport,
    clock: Callable[[], datetime],
    token: Callable[[int], bytes],
) -> Bank:
    """Our account with this id, as the file named by SOCAI_BANK_ACCOUNTS has it. Raises InvalidBankAccounts,
    UnknownBankAccount that lists the ids there are.
    """
    path = environment.get("SOCAI_BANK_ACCOUNTS")
    if not path:
        said = f"It is not set; it holds the {NAMES['SOCAI_BANK_ACCOUNTS']}."
        raise InvalidBankAccounts(said, field="SOCAI_BANK_ACCOUNTS")
    keyed = environment.get("SOCAI_MASTER_KEY_FILE") or environment.get("SOCAI_MASTER_KEY")
    accounts = load_accounts(Path(path), sealer_of(environment, token) if keyed else None)
    if id_ not in accounts:
        raise UnknownBankAccount(f"Use one of: {', '.join(sorted(accounts))}.", field="account")
    ours = {id_: accounts[id_]}
    return open_banks(ours, transport, clock, lambda: str(UUID(bytes=token(16), version=4)))[id_]


def run(
    options: argparse.Namespace,
    bank: Bank,
    inward: TextIO,
    outward: TextIO,
    clock: Callable[[], datetime],
    token: Callable[[int], bytes],
    pause: Callable[[float], None],
) -> int:
    """Asks what `options` say and writes the answer. `clock` gives aware instants, `token` random bytes, `pause` waits
    so many seconds. Raises what the bank's calls raise, before anything was sent that moves money.
    """
    match options.command:
        case "balance":
            outward.write(balance(bank))
        case "history":
            return history(bank, options, bank_day(clock()), outward)
        case "lookup":
            return lookup(bank, options.bin, options.number, outward)
        case "transfer-test":
            order = trial_order.order_of(bank, options, trial_order.fresh_id(bank, token))
            return trial_order.run(options, bank, order, inward, outward, clock, pause)
        case _:
            return account_check.run(bank, bank_day(clock()), trial_order.fresh_id(bank, token), outward)
    return 0


def balance(bank: Bank) -> str:
    """What the account holds, in words. Raises CapabilityMissing, BankUnavailable."""
    bank.require(Capability.BALANCE)
    found = bank.balance()
    as_of = found.as_of.astimezone(ICT)
    return (
        f"current    {found.current}\navailable  {found.available}\nas of      {as_of:%Y-%m-%d %H:%M:%S} Vietnam time\n"
    )


def lookup(bank: Bank, bin_: str, number: str, outward: TextIO) -> int:
    """The name behind a number, and whether the account takes money. 1 when there is no such account, or it takes none.
    Raises CapabilityMissing, UnknownBank, BankUnavailable.
    """
    bank.require(Capability.LOOKUP_NAME)
    at = listed_bank(bin_).short_name
    found = bank.lookup_name(bin_, number)
    if found is None:
        outward.write(f"{at} has no such account\n")
        return 1
    outward.write(f"{shown(found.name) or '(no name told)'}\n{at}, {'active' if found.active else 'takes no money'}\n")
    return 0 if found.active else 1


def history(bank: Bank, options: argparse.Namespace, today: date, outward: TextIO) -> int:
    """Every row of these days, those not understood named behind. 1 when some were not, or pages are left.
    Raises CapabilityMissing, BankUnavailable, InvalidField.
    """
    day_from = options.day_from or options.day_to or today
    day_to = options.day_to or today
    found = read_history(bank, day_from, day_to)
    outward.write(as_json(found) if options.json else as_table(found))
    return 0 if found.whole and not found.doubtful else 1


def _parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, said: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=said)
    parser.add_argument("account", metavar="ACCOUNT", help="our id of the account, such as ba_acb_main")
    return parser


def _day(text: str) -> date:
    try:
        return day_written(text)
    except ValueError:
        raise argparse.ArgumentTypeError("a day is written as 2026-11-23") from None
